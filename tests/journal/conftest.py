"""A small company of events: two kinds of things can happen, one moment from which time is counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

# Tests with transaction=True end with a TRUNCATE of all tables; the journal allows it only so, and only in test_*.
os.environ.setdefault("PGOPTIONS", "-c wenguo.allow_truncate=on")

import pytest

from wenguo import journal

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # 12:00 in Beijing

journal.define("story.told", "讲述", public=True)
journal.define("story.changed", "更改")


def told(n: int = 1, **more: object) -> journal.Entry:
    """The n-th thing said, n minutes after noon."""
    given = {
        "data": {"n": n, "level": "二级"},
        "private": {"words": f"第 {n} 句:肉是坏的 🙁"},
        "because": "AP-2",
        **more,
    }
    return journal.Entry("story.told", "staff:17", NOON + timedelta(minutes=n), **given)  # type: ignore[arg-type]


@pytest.fixture
def tell(db: None) -> Callable[..., journal.Stream]:
    """Append n entries to a stream, each in an act of its own."""
    from django.db import transaction

    def tell(number: str = "TS-0042", n: int = 5) -> journal.Stream:
        stream = journal.open_stream("case", number)
        for _each in range(n):
            with transaction.atomic():
                journal.append(stream, [told(stream.seq + 1)])
        return stream

    return tell


@contextmanager
def without_guards() -> Iterator[None]:
    """What somebody can do who owns the tables: switch the triggers off."""
    from django.db import connection

    tables = ("journal_event", "journal_stream", "journal_root", "journal_leaf")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
def forge(db: None) -> Callable[..., int]:
    """Run SQL with the triggers off; the number of rows it changed, at least one."""
    from django.db import connection

    def forge(sql: str, *values: object) -> int:
        with without_guards(), connection.cursor() as cursor:
            cursor.execute(sql, values)
            assert cursor.rowcount > 0, f"changed nothing: {sql}"
            return cursor.rowcount

    return forge


@pytest.fixture(autouse=True)
def empty_journal(request: pytest.FixtureRequest) -> None:
    """These stories begin with a blank book; the company of the other tests has already written in it."""
    if not {"db", "transactional_db"} & set(request.fixturenames) and not request.node.get_closest_marker("django_db"):
        return
    request.getfixturevalue("transactional_db" if _commits(request) else "db")
    from django.db import connection, transaction

    with transaction.atomic(), without_guards(), connection.cursor() as cursor:  # a TRUNCATE takes a second
        for table in ("journal_leaf", "journal_root", "journal_event", "journal_stream"):
            cursor.execute(f"DELETE FROM {table}")


def _commits(request: pytest.FixtureRequest) -> bool:
    mark = request.node.get_closest_marker("django_db")
    return "transactional_db" in request.fixturenames or bool(mark and mark.kwargs.get("transaction"))
