"""A word that is long ago is found by what was said, when walking the list takes too long."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from wenguo.patience import patiently

TRIES = """
SELECT walks, pg_sleep(CASE walks WHEN 'on' THEN {} ELSE 0 END) FROM current_setting('enable_indexscan') AS walks
"""


def found(seconds: float) -> str:
    def read() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(TRIES.format(seconds))
            return cursor.fetchone()[0]

    return patiently(read)


def now() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('enable_indexscan'), current_setting('statement_timeout')")
        return cursor.fetchone()


@pytest.mark.django_db
def test_a_list_is_walked_while_that_is_quick_and_searched_by_index_when_it_is_not():
    before = now()
    assert found(0) == "on"
    assert found(20) == "off"  # twenty seconds were not waited for
    assert now() == before  # and nothing of it stays
