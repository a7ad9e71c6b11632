"""Where the figures are measured: a database of their own, never the one of DATABASE_URL.

`BENCH_DATABASE_URL` names it (made when missing); without it, an embedded PostgreSQL under `var/bench`.
It holds the demonstration company's units and staff and as many multiplied cases as `load` put there.
"""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "var" / "bench"
PASSWORD = "Chengguang-2026"  # of the demonstration company


@contextmanager
def bench_database() -> Iterator[str]:
    """The bench's database, reachable, migrated, with the company founded; Django set up. Gives its URL."""
    url = os.environ.get("BENCH_DATABASE_URL", "")
    os.environ.update(DATABASE_URL=url, WENGUO_HOME=str(HOME), WENGUO_LOG_LEVEL="ERROR")
    HOME.mkdir(parents=True, exist_ok=True)
    if url:
        _make(url)
    from wenguo.config import database

    with database.database():
        from wenguo.config import prepare

        prepare.prepare(demo_cases=0, admin=False, at=datetime.now(UTC), say=lambda line: None)
        from django.conf import settings

        yield url or _embedded_url(settings.DATABASES["default"])


def _make(url: str) -> None:
    import psycopg

    name = urlsplit(url).path.lstrip("/")
    if not any(word in name for word in ("bench", "speed")):
        raise SystemExit(f"BENCH_DATABASE_URL={url}: its name must say that it is for measuring (…bench…)")
    with psycopg.connect(url.replace(f"/{name}", "/postgres", 1), autocommit=True) as server:
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING UTF8')


def _embedded_url(given: dict[str, str]) -> str:
    """As the server's own superuser, who may load copies without asking each for its guards."""
    return f"postgresql://postgres@/{given['NAME']}?host={given['HOST']}&port={given['PORT'] or 5432}"


def connect(url: str, **more: object):
    import psycopg

    return psycopg.connect(url, **more)


# ── a web server like the one of `wenguo up` ─────────────────────────────────────────────────────────────────────


class Where(NamedTuple):
    """A server that listens; `pid` of its first process."""

    host: str
    port: int
    pid: int


def descendants(pid: int) -> list[int]:
    """The process and all that came from it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes have computed so far, user and system."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def database_pids() -> list[int]:
    """The processes of the database server on this machine that serve the bench, and those that serve all."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() OR backend_type IN ('walwriter',"
            " 'background writer', 'checkpointer')"
        )
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def meter(where: Where) -> Iterator[dict[str, float]]:
    """Fills in, at the end, the CPU seconds that web, database and this client spent meanwhile.

    On a machine that others use too, these tell more than the clock on the wall.
    """
    spent: dict[str, float] = {}
    web, database = descendants(where.pid), database_pids()
    before = cpu_seconds(web), cpu_seconds(database), time.process_time()
    yield spent
    more = [pid for pid in database_pids() if pid not in database]  # the pool grew
    spent["web"] = cpu_seconds(web) - before[0]
    spent["database"] = cpu_seconds([*database, *more]) - before[1]
    spent["client"] = time.process_time() - before[2]


def told(spent: dict[str, float], number: int) -> str:
    """CPU milliseconds of one request, and what two idle cores could do at that price."""
    each = {who: seconds / number * 1000 for who, seconds in spent.items()}
    priced = ", ".join(f"{who} {ms:.1f}" for who, ms in each.items())
    return f"CPU ms each: {priced}; two idle cores: {2000 / max(sum(each.values()), 0.01):,.0f}/s"


def used(spent: dict[str, float], number: int) -> float:
    """CPU milliseconds of web and database for one request: what can be compared where others work, too."""
    return (spent["web"] + spent["database"]) / number * 1000


@contextmanager
def serving(target: str = "wenguo", workers: int = 2, threads: int = 8) -> Iterator[Where]:
    """`wenguo web` (or another WSGI `target`) on a free port, for the duration."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "WENGUO_PORT": str(port), "WENGUO_WEB_WORKERS": str(workers), "WENGUO_WEB_THREADS": str(threads),
    }  # fmt: skip
    command = [sys.executable, "-m", "wenguo.config.cli", "web"]
    if target != "wenguo":
        command = [
            sys.executable, "-m", "granian", target, "--interface", "wsgi", "--port", str(port), "--workers",
            str(workers), "--blocking-threads", str(threads), "--log-level", "error",
        ]  # fmt: skip
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    try:
        for _attempt in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Where("127.0.0.1", port, process.pid)
    finally:
        process.terminate()
        process.wait(20)


# ── who knocks ───────────────────────────────────────────────────────────────────────────────────────────────────


def session_of(username: str) -> str:
    """A cookie header with a session of this member of staff, as the sign-in page would have made it."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from wenguo.people.staff import Person

    person = Person.objects.get(username=username)
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def token_of(username: str) -> str:
    """An API token with which this member of staff may do all they may do."""
    from wenguo.people import tokens
    from wenguo.people.staff import Person

    person, at = Person.objects.get(username=username), datetime.now(UTC)
    return tokens.issue(person, "bench", ["write"], at + timedelta(days=1), by=person, at=at)


def machine() -> str:
    """What the figures were measured on, in one line."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0].split()[0]
        cursor.execute("SELECT count(*) FROM cases_case")
        cases = cursor.fetchone()[0]
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {os.cpu_count()} cores, client included · Python "
        f"{platform.python_version()} · PostgreSQL {server} · {cases:,} cases · load before {load:.1f}"
    )
