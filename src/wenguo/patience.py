"""Reading a list that is searched: in its order as long as that is quick, else by what was found.

For a word that is said everywhere PostgreSQL walks the list until it has enough, which takes a moment. It does the same
for a word that it thinks is said everywhere, but was not for months; then it walks for a long time. So it is given
PATIENCE_MS; after that it is told to find all first, by index, and then to put what was found in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

T = TypeVar("T")
PATIENCE_MS = 600


def patiently(read: Callable[[], T]) -> T:
    """What `read` reads. It may be called twice, and must do nothing but read."""
    try:
        return _with({"statement_timeout": str(PATIENCE_MS)}, read)
    except OperationalError as slow:
        if not isinstance(slow.__cause__, QueryCanceled):
            raise
    return _with({"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_seqscan": "off"}, read)


def _with(settings: dict[str, str], read: Callable[[], T]) -> T:
    kept = ", ".join(f"current_setting('{name}')" for name in settings)
    put = ", ".join(f"set_config('{name}', %s, true)" for name in settings)
    within = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {kept}, {put}", [*settings.values()])
        usual = cursor.fetchone()[: len(settings)]
        found = read()
        if within:  # else they end with the transaction
            cursor.execute(f"SELECT {put}", usual)
    return found
