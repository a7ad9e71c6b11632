"""A customer asks to be forgotten: their words go, the numbers stay, every chain still verifies."""

from __future__ import annotations

import pytest

from wenguo import journal
from wenguo.cases import acceptance
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.customers import privacy
from wenguo.errors import NotNow


def test_words_go_and_the_chain_stands(desk):
    case = desk.receives("我叫王小明,住梧桐路 8 号,热水器坏了。", mail="w@example.com", place="梧桐路 8 号")
    with pytest.raises(NotNow):
        privacy.erase(case.customer, by=desk.liaison, at=desk.now, reason="客户要求删除")
    case.refresh_from_db()
    assert case.record.description and not case.customer.erased_at
    acceptance.withdraw(case, "已解决", by=case.customer, at=desk.now)
    privacy.erase(case.customer, by=desk.liaison, at=desk.wait(days=1), reason="客户要求删除")
    case = Case.objects.get(pk=case.pk)
    submission = case.submissions.get()
    assert "王" not in case.subject and case.record.description == "" and case.record.place == ""
    assert submission.claims == {} and not Case.objects.matching("热水器").exists()
    events = journal.Event.objects.filter(stream_id=case.stream_id)
    assert "梧桐" not in "".join(str(e.private) + str(e.data) for e in events)
    assert journal.verify(case.stream).ok
    assert fold(case) == {name: plain(getattr(case, name)) for name in PROJECTED}
