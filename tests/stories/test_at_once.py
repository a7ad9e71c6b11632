"""Two at once on one case wait for each other in turn, never in a circle."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, connections, transaction

from wenguo.cases import letters
from wenguo.cases.acceptance import accept
from wenguo.cases.case import add_words, record
from wenguo.journal import verify

pytestmark = pytest.mark.django_db(transaction=True)
ACTS = {
    "the acknowledgement": lambda case, desk: letters.acknowledge(case.pk, at=desk.now),
    "acceptance": lambda case, desk: accept(case, by=desk.agent, at=desk.now),
}


def until_somebody_waits(seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits for anybody")


@pytest.mark.parametrize("other", ACTS)
def test_a_note_and_another_act_are_both_kept(desk, other):
    """The note holds the journal and makes its words findable; the other act changes the row and writes the journal.

    Each held what the other waited for, and one was answered 500.
    """
    case = desk.receives("门铃装上就不响,客服让我自己换电池。", mail="w@example.com")
    failures: list[BaseException] = []

    def act() -> None:
        try:
            ACTS[other](type(case).objects.get(pk=case.pk), desk)
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    with transaction.atomic():
        record(case, "case.noted", by=desk.agent, at=desk.now, private={"body": "记一笔"})
        thread = threading.Thread(target=act)
        thread.start()
        until_somebody_waits()
        add_words(case, "记一笔")
    thread.join(20)
    assert not failures and not thread.is_alive()
    told = desk.timeline(case)
    assert told.count("case.noted") == 1
    assert told.count("case.acknowledged" if other == "the acknowledgement" else "case.accepted") == 1
    assert verify(case.stream).ok
