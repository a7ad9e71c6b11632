"""A worker by itself outlives the loss of its database connections."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from wenguo.config import serve

from .conftest import environment

pytestmark = pytest.mark.slow


@pytest.fixture
def worker(home: Path, ready_database: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "wenguo.config.cli", "worker"]
    with (home / "worker.log").open("w") as log:
        process = subprocess.Popen(command, env=environment(home, DATABASE_URL=ready_database), stdout=log, stderr=log)
    yield process
    process.terminate()
    process.wait(30)


def until(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_its_connections_are_cut_and_it_works_on(worker: subprocess.Popen[bytes], ready_database: str) -> None:
    with psycopg.connect(ready_database, autocommit=True) as db:

        def beats(after: str) -> int:
            found = db.execute(f"SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > {after}").fetchone()
            return int(found[0]) if found else 0

        until(lambda: beats("'-infinity'"))
        cut = db.execute("SELECT clock_timestamp()::text").fetchone()
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cut is not None
        until(lambda: beats(f"'{cut[0]}'"))
    assert worker.poll() is None


def test_while_the_database_is_away_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What procrastinate ends with is an error or, when it stopped because of its listener, nothing."""
    ends = iter([ConnectorException(), psycopg.OperationalError(), False])
    tries, waited = [], []

    async def once(_app: object, jobs: int) -> bool:
        tries.append(jobs)
        end = next(ends, True)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(serve, "_work", once)
    monkeypatch.setattr(serve.time, "sleep", waited.append)
    serve.work(3)
    assert tries == [3, 3, 3, 3] and waited == [2.0, 4.0, 8.0]
