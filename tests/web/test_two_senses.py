"""One Chinese word, two senses: what reads the same on the desk in Chinese may need two words in English."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from wenguo.cases.approval import Approval
from wenguo.cases.lifecycle import ACTS
from wenguo.cases.option import Answer
from wenguo.journal.kinds import known
from wenguo.web.menu import MENU

MENU_WORD = {item.key: item.word for item in MENU}


@pytest.mark.parametrize(
    ("one", "other", "english"),
    [
        (Approval.State.WAITING.label, MENU_WORD["approvals"], ("Awaiting approval", "Approvals")),
        (Approval.State.APPROVED.label, Answer.ACCEPT.label, ("Approved", "Agree")),
        (ACTS["refuse"].title, known("case.refused").title, ("Decline", "Declined")),
        (ACTS["reconsider"].title, known("case.reconsidered").title, ("Accept after review", "Accepted after review")),
    ],
)
def test_each_sense_has_its_english(one: Any, other: Any, english: tuple[str, str]) -> None:
    with translation.override("zh-hans"):
        assert str(one) == str(other)
    with translation.override("en"):
        assert (str(one), str(other)) == english
