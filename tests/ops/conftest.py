"""The command line as an operator uses it: a process of its own, a home of its own, a database of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

from wenguo.config.database import parameters

Wenguo = Callable[..., subprocess.CompletedProcess[str]]


@contextmanager
def made_home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="wg-ops-", dir="/tmp"))
    made.chmod(0o755)  # the server's own user must pass through
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    with made_home() as made:
        yield made


def _url(name: str) -> str:
    given = parameters(settings.DATABASES["default"])
    query = "&".join(f"{k}={quote(str(given[k]), safe='/')}" for k in ("host", "port") if k in given)
    credentials = quote(str(given.get("user", "")), safe="")
    if "password" in given:
        credentials += ":" + quote(str(given["password"]), safe="")
    return f"postgresql://{credentials + '@' if credentials else ''}/{name}?{query}"


@pytest.fixture(scope="session")
def databases() -> Iterator[Callable[[str], str]]:
    """Makes a database beside the one of the tests, a copy of another; returns its name."""
    given = parameters(settings.DATABASES["default"])
    made: list[str] = []
    with psycopg.connect(**{**given, "dbname": "postgres"}, autocommit=True) as connection:

        def make(template: str) -> str:
            name = f"wg_ops_{uuid4().hex[:12]}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            made.append(name)
            return name

        yield make
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_database(databases: Callable[[str], str]) -> Callable[[], str]:
    """The DATABASE_URL of a new, empty database."""
    return lambda: _url(databases("template0"))


@pytest.fixture(scope="session")
def _migrated(databases: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    name = databases("template0")
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "wenguo.config.cli", "migrate", "--admin"]
    env = environment(home, DATABASE_URL=_url(name))
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "admin / " in done.stdout, done.stderr
    return name


@pytest.fixture
def ready_database(databases: Callable[[str], str], _migrated: str) -> str:
    """The DATABASE_URL of a database as `wenguo migrate --admin` leaves it."""
    return _url(databases(_migrated))


def environment(home: Path, **settings_: str) -> dict[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith("WENGUO_") and k not in {"DATABASE_URL", "PGOPTIONS"}
    }
    return {**kept, "LANG": "zh_CN.UTF-8", "WENGUO_HOME": str(home), **settings_}


@pytest.fixture
def wenguo(home: Path) -> Wenguo:
    """Run `wenguo …` to its end; keyword arguments are environment variables."""

    def run(*arguments: str, **settings_: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wenguo.config.cli", *arguments]
        env = environment(home, **settings_)
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
