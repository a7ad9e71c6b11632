"""Connections of the pool, and moments as the database tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from wenguo.postgres import base


def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    check = ConnectionPool.check_connection
    monkeypatch.setattr(ConnectionPool, "check_connection", lambda one: (seen.append(one), check(one)))
    return seen


@pytest.mark.usefixtures("django_db_setup")
def test_one_that_was_in_use_is_not_asked_whether_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(**params(), autocommit=True) as mine:
        seen = asked(monkeypatch)
        for _time in range(3):
            base.look(mine)
        assert len(seen) == 1  # the first time
        monkeypatch.setattr(base, "TRUSTED", -1.0)
        base.look(mine)
        assert len(seen) == 2


@pytest.mark.usefixtures("django_db_setup")
def test_one_that_the_server_has_ended_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(**params(), autocommit=True) as mine, psycopg.connect(**params(), autocommit=True) as other:
        base.look(mine)
        assert not base._heard(mine.pgconn.socket)
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine.info.backend_pid])
        seen = asked(monkeypatch)
        with pytest.raises(psycopg.OperationalError):
            base.look(mine)
        assert seen == [mine]


def params() -> dict[str, Any]:
    given = connection.get_connection_params()
    return {name: value for name, value in given.items() if name not in {"context", "cursor_factory"}}


@pytest.mark.django_db
@pytest.mark.parametrize("part", [0, 1, 120_000, 999_999])
def test_moments_are_read_to_the_microsecond(part: int) -> None:
    moment = datetime(2026, 11, 29, 23, 59, 59, part, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz, %s::timestamptz - interval '2000 years'", [moment, moment])
        now, long_ago = cursor.fetchone()
    assert now == moment and now.tzinfo is UTC
    assert long_ago == moment.replace(year=26)


@pytest.mark.django_db
def test_moments_told_in_another_zone_are_read_as_before() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'Asia/Shanghai'")
        cursor.execute("SELECT '2026-11-29 08:00+08'::timestamptz, NULL::timestamptz")
        told, nothing = cursor.fetchone()
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
    assert told.replace(tzinfo=UTC) - timedelta(hours=8) == datetime(2026, 11, 29, tzinfo=UTC) and nothing is None


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(psycopg.DataError):
        base.Moment(1184).load(b"infinity")
