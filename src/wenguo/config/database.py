"""The database a command works on: the one of DATABASE_URL, or the embedded one of WENGUO_HOME.

    with database():          # reachable, new enough, Django set up
        ...

The embedded server of a running `wenguo up` is used as it is; otherwise it runs for the duration of the command.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wenguo.config.embedded import CannotStart, NotYet, Server

OLDEST = 15


def parameters(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """psycopg's words for Django's DATABASES entry."""
    named = {
        "dbname": settings_dict["NAME"],
        "user": settings_dict["USER"],
        "password": settings_dict["PASSWORD"],
        "host": settings_dict["HOST"],
        "port": settings_dict["PORT"],
    }
    options = {name: value for name, value in settings_dict["OPTIONS"].items() if name != "pool"}
    return {**{name: value for name, value in named.items() if value}, **options}


def check(settings_dict: dict[str, Any]) -> str:
    """The server's version, e.g. "15.9". NotYet: unreachable. CannotStart: older than 15, or not in UTF-8."""
    import psycopg

    try:
        with psycopg.connect(**{"connect_timeout": 10, **parameters(settings_dict)}) as connection:
            number = connection.info.server_version
            row = connection.execute("SELECT current_setting('server_encoding'), version()").fetchone()
    except psycopg.Error as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NotYet(f"连不上 DATABASE_URL 所指的数据库：{said} (cannot reach the database of DATABASE_URL)") from error
    encoding = row[0] if row else ""
    if number < OLDEST * 10_000:
        raise CannotStart(
            f"数据库是 PostgreSQL {number // 10_000}，需要 {OLDEST} 或更新的版本 "
            f"(the database is PostgreSQL {number // 10_000}, {OLDEST} or newer is needed)"
        )
    if encoding != "UTF8":
        raise CannotStart(f"数据库的编码是 {encoding}，需要 UTF8 (the database must be encoded in UTF8)")
    return f"{number // 10_000}.{number % 10_000}"


@contextmanager
def reachable(say: Callable[[str], None] = lambda line: None) -> Iterator[None]:
    """The database answers for the duration; Django is not loaded."""
    from wenguo.config import settings

    server = None
    if settings.DATABASE_URL:
        check(settings.DATABASES["default"])
    else:
        server = Server(settings.HOME, say=say)
        server.start()
    try:
        yield
    finally:
        if server is not None:
            server.stop()


@contextmanager
def database(say: Callable[[str], None] = lambda line: None) -> Iterator[None]:
    """The same, with Django set up and every job known."""
    with reachable(say):
        set_up()
        try:
            yield
        finally:
            from django.db import connections

            for connection in connections.all(initialized_only=True):
                connection.close()
                if hasattr(connection, "close_pool"):
                    connection.close_pool()


def set_up() -> None:
    """Django, and the modules in which jobs are declared."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
    import django

    django.setup()
    import wenguo.worker.schedule  # noqa: F401
