"""What granian serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from wenguo.config.embedded import die_with_parent

if os.environ.get("WENGUO_SERVED"):
    die_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
application = get_wsgi_application()

# What is loaded stays: it is not looked through again for what nobody needs, and that is looked for less often.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)
