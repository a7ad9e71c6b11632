"""What granian serves."""

import os

from django.core.wsgi import get_wsgi_application

from wenguo.config.embedded import die_with_parent

if os.environ.get("WENGUO_SERVED"):
    die_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
application = get_wsgi_application()
