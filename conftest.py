"""Tests run on the PostgreSQL of DATABASE_URL, or on an embedded one started here and thrown away afterwards.

Everything is set before Django is: settings read the environment once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if not os.environ.get("WENGUO_TEST_HOME"):  # workers of pytest-xdist inherit the one their controller made
    _made = tempfile.mkdtemp(prefix="wg-", dir="/tmp")
    Path(_made).chmod(0o755)  # the server's own user must reach its directory
    os.environ["WENGUO_TEST_HOME"] = os.environ["WENGUO_HOME"] = _made
    if not os.environ.get("DATABASE_URL"):
        from wenguo.config.embedded import ROLE, Server

        _server = Server(Path(_made))
        _server.start()
        os.environ["DATABASE_URL"] = _server.url
        with _server.connect() as _owner:  # it is thrown away, and tests empty it often (tests/conftest.py)
            _owner.execute("ALTER SYSTEM SET fsync = off")
            _owner.execute("SELECT pg_reload_conf()")
            _owner.execute(f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}")
        atexit.register(shutil.rmtree, _made, ignore_errors=True)
        atexit.register(_server.stop)
    else:
        atexit.register(shutil.rmtree, _made, ignore_errors=True)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in the thread of the test

import django

django.setup()
