"""Django's PostgreSQL with two things done sooner, because each request pays for them.

A connection from the pool that was in use a moment ago is not asked whether it lives: its socket tells, for whatever
ends a connection is heard there. Moments are read by Python's own reader.
"""

from __future__ import annotations

import select
import time
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import BaseTzLoader, get_adapters_template
from psycopg.adapt import AdaptersMap
from psycopg_pool import ConnectionPool

TRUSTED = 5.0
"""Seconds after its last use in which a silent connection is taken to live: a network that went away says nothing."""


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> Any:
        pool = super().pool
        if pool is not None and pool._check is ConnectionPool.check_connection:
            pool._check = look
        return pool

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "context": _adapters(self.timezone)}


def look(connection: Any) -> None:
    """Raises an OperationalError, or another, when the connection is of no use any more."""
    now = time.monotonic()
    if now - getattr(connection, "wenguo_used_at", 0.0) > TRUSTED or _heard(connection.pgconn.socket):
        ConnectionPool.check_connection(connection)
    connection.wenguo_used_at = now


def _heard(socket: int) -> bool:
    """Did something come, though nothing was asked: that it ends, or why?"""
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


class Moment(BaseTzLoader):
    timezone = UTC

    def load(self, data: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(data, "ascii"))
        except ValueError:  # infinity, before Christ
            return super().load(data)
        return moment if moment.tzinfo is UTC else super().load(data)


@cache
def _adapters(timezone: tzinfo | None) -> AdaptersMap:
    adapters = AdaptersMap(get_adapters_template(True, timezone))
    if timezone is UTC:
        adapters.register_loader("timestamptz", Moment)
    return adapters
