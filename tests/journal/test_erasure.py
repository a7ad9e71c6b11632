"""Forgetting the words while keeping the chain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wenguo import journal
from wenguo.errors import Invalid

from .conftest import NOON

LATER = NOON + timedelta(days=3)


def test_the_words_go_and_the_chain_stands(tell):
    stream = tell()
    journal.fold(NOON)
    kept = journal.receipt(stream)
    assert journal.erase(stream, "staff:3", LATER, "客户要求删除个人信息") == [1, 2, 3, 4, 5]
    *old, last = stream.events.all()
    assert all(event.private is None and event.salt is None and event.is_erased for event in old)
    assert [event.data["n"] for event in old] == [1, 2, 3, 4, 5]
    assert (last.type, last.data, last.private) == (
        "journal.erased",
        {"seqs": [1, 2, 3, 4, 5]},
        {"reason": "客户要求删除个人信息"},
    )
    assert journal.verify(stream).ok and journal.verify_all().ok
    assert journal.check_receipt(kept).ok


def test_only_some_words_may_go_and_twice_does_nothing(tell):
    stream = tell()
    assert journal.erase(stream, "staff:3", LATER, "误录", only=lambda event: event.seq == 2) == [2]
    assert journal.erase(stream, "staff:3", LATER, "误录", only=lambda event: event.seq == 2) == []
    assert stream.events.count() == 6
    assert journal.erase(stream, "staff:3", LATER, "全部") == [1, 3, 4, 5]
    assert stream.events.get(seq=6).private == {"reason": "误录"}
    assert journal.verify(stream).ok


def test_without_a_reason_nothing_is_forgotten(tell):
    stream = tell(n=1)
    with pytest.raises(Invalid, match="原因"):
        journal.erase(stream, "staff:3", LATER, "  ")
    assert stream.events.get().private


def test_a_changed_chain_is_still_noticed_after_an_erasure(tell, forge):
    stream = tell()
    journal.erase(stream, "staff:3", LATER, "客户要求")
    forge("UPDATE journal_event SET private_digest = NULL WHERE seq = 4")
    assert journal.verify(stream).first_broken == 4
