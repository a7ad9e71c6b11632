from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

Rows = Callable[[Path], Iterator[dict[str, str]]]
DATA = Path(os.environ.get("WENGUO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """Texts of real people, kept outside the project."""
    if not DATA.is_dir():
        pytest.skip(f"NOT MEASURED: no real texts at {DATA} (WENGUO_DATA)")
    return DATA


@pytest.fixture(scope="session")
def rows() -> Rows:
    return _rows


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, packed or not."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
        yield from csv.DictReader(lines)


@pytest.fixture(scope="session")
def postgres() -> Iterator[psycopg.Connection]:
    """A connection to the server of DATABASE_URL; its tables are temporary."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        pytest.skip("NOT MEASURED: no PostgreSQL in DATABASE_URL")
    try:
        connection = psycopg.connect(url)
    except psycopg.OperationalError:  # the tests' database is made by others, and need not exist for ours
        connection = psycopg.connect(url, dbname="postgres")
    with connection:
        yield connection
