"""A letter of the customer is seen until somebody answers it, and takes nothing out of anybody's hands."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from wenguo import journal
from wenguo.cases import acceptance, followup, handover, letters, triage, unanswered
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.errors import NotNow, NotYours
from wenguo.policy.versions import in_force
from wenguo.web.desk.today import groups_for


@pytest.fixture
def case(desk: Any) -> Any:
    """A complaint the agent works on herself."""
    return desk.triages(desk.receives("净化器用了三天就不出风,要求退款。", order_number="DD20261101"))


def fresh(case: Any) -> Any:
    return Case.objects.select_related("record", "customer", "owner", "stream").get(pk=case.pk)


def group(person: Any, key: str, at: Any) -> list[str]:
    """The numbers that stand in this group of the person's 今日."""
    return [line.row["number"] for g in groups_for(person, at) if g.key == key for line in g.lines]


def tells_itself(case: Any) -> None:
    row = fresh(case)
    assert fold(row) == {name: plain(getattr(row, name)) for name in PROJECTED}
    assert journal.verify(row.stream).ok


def test_a_letter_waits_from_the_first_word_until_an_answer(desk: Any, case: Any) -> None:
    first = desk.wait(hours=1)
    letters.hear(case, "请问进展如何", by=case.customer, at=first)
    letters.hear(fresh(case), "有人吗", by=case.customer, at=desk.wait(hours=2))
    assert fresh(case).unanswered_since == first
    assert group(desk.agent, "letters", desk.now) == [case.number]
    assert group(desk.agent, "investigate", desk.now) == []  # said once, where it matters most
    assert group(desk.other_agent, "letters", desk.now) == []  # not theirs to answer
    letters.say(fresh(case), "", "检测结果明天出来。", by=desk.agent, at=desk.wait(minutes=5))
    assert fresh(case).unanswered_since is None
    assert group(desk.agent, "letters", desk.now) == []
    assert group(desk.agent, "investigate", desk.now) == [case.number]
    tells_itself(case)


def test_a_letter_overtakes_nobody(desk: Any, case: Any) -> None:
    open_form = fresh(case)
    letters.hear(case, "请问进展如何", by=case.customer, at=desk.wait(hours=1))
    assert fresh(case).version == open_form.version
    triage.grade(open_form, 4, "影响不大", by=desk.supervisor, at=desk.wait(minutes=1))  # as it was read before
    assert fresh(case).level == 4 and fresh(case).unanswered_since is not None
    tells_itself(case)


def test_who_answers_without_having_seen_the_last_letter_leaves_it_waiting(desk: Any, case: Any) -> None:
    letters.hear(case, "请问进展如何", by=case.customer, at=desk.wait(hours=1))
    page = fresh(case)
    later = desk.wait(minutes=3)
    letters.hear(fresh(case), "我改主意了,要换货", by=case.customer, at=later)
    letters.say(
        fresh(case), "", "退款明天到账。", by=desk.agent, at=desk.wait(minutes=1), read_to=page.stream.seq
    )  # fmt: skip
    assert fresh(case).unanswered_since == later
    unanswered.heed(fresh(case), by=desk.agent, at=desk.wait(minutes=1), read_to=fresh(case).stream.seq)
    assert fresh(case).unanswered_since is None
    tells_itself(case)


def test_a_call_answers_only_when_somebody_picked_up(desk: Any, case: Any) -> None:
    letters.hear(case, "请问进展如何", by=case.customer, at=desk.wait(hours=1))
    letters.called(fresh(case), "no_answer", "", by=desk.agent, at=desk.wait(minutes=5))
    assert fresh(case).unanswered_since is not None
    letters.called(fresh(case), "reached", "说了进展", by=desk.agent, at=desk.wait(minutes=5))
    assert fresh(case).unanswered_since is None


def test_what_a_colleague_heard_in_person_is_no_letter(desk: Any, case: Any) -> None:
    letters.hear(case, "电话里说的", by=desk.agent, at=desk.wait(hours=1), channel="phone")
    assert fresh(case).unanswered_since is None
    letters.hear(case, "邮件里写的", by=desk.agent, at=desk.now, channel="mail")
    assert fresh(case).unanswered_since == desk.now


def test_urging_and_writing_again_are_letters_too(desk: Any, case: Any) -> None:
    handover.remind(fresh(case), "快一点", by=desk.supervisor, at=desk.wait(hours=1))
    assert fresh(case).unanswered_since is None  # a colleague's word
    handover.remind(fresh(case), "快一点", by=case.customer, at=desk.wait(hours=1))
    assert fresh(case).unanswered_since == desk.now
    unanswered.heed(fresh(case), by=desk.agent, at=desk.wait(minutes=1))
    desk.receives("净化器用了三天就不出风,要求退款。", channel="web", order_number="DD20261101")
    assert Case.objects.count() == 1 and fresh(case).unanswered_since == desk.now
    tells_itself(case)


def test_no_answer_needed_is_said_once_and_by_who_may_answer(desk: Any, case: Any) -> None:
    with pytest.raises(NotNow, match="没有等着回复"):
        unanswered.heed(fresh(case), by=desk.agent, at=desk.now)
    letters.hear(case, "谢谢", by=case.customer, at=desk.wait(hours=1))
    with pytest.raises(NotYours):
        unanswered.heed(fresh(case), by=desk.improver, at=desk.now)
    unanswered.heed(fresh(case), by=desk.agent, at=desk.wait(minutes=1))
    with pytest.raises(NotNow, match="没有等着回复"):
        unanswered.heed(fresh(case), by=desk.agent, at=desk.now)
    tells_itself(case)


def test_a_letter_after_the_end_is_seen_and_keeps_the_case_from_the_archive(desk: Any) -> None:
    case = desk.receives("想问一下滤芯多久换一次。", nature="consultation")
    acceptance.accept(case, by=desk.agent, at=desk.now)
    acceptance.withdraw(fresh(case), "不问了", by=case.customer, at=desk.wait(hours=1))
    letters.hear(fresh(case), "还是想问", by=case.customer, at=desk.wait(hours=1))
    assert group(desk.agent, "letters", desk.now) == [case.number]
    with pytest.raises(NotNow, match="客户留言都已回复"):
        followup.archive(fresh(case), by=desk.supervisor, at=desk.now)
    letters.say(fresh(case), "", "半年一次。", by=desk.agent, at=desk.now)
    followup.archive(fresh(case), by=desk.supervisor, at=desk.now)
    tells_itself(case)


def test_a_letter_goes_on_where_the_case_goes_on(desk: Any, case: Any) -> None:
    other = desk.receives("净化器漏水,地板泡坏了。", name="王小明")
    letters.hear(case, "请问进展如何", by=case.customer, at=desk.wait(hours=1))
    wrote = desk.now
    acceptance.merge(fresh(case), fresh(other), "同一件事", by=desk.senior, at=desk.wait(minutes=5))
    assert fresh(case).unanswered_since is None and fresh(other).unanswered_since == wrote
    tells_itself(case)
    tells_itself(other)


# ── at the desk ───────────────────────────────────────────────────────────────────────────────────────────────────


def signed_in(person: Any) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def test_the_queue_marks_it_and_finds_it_and_an_open_list_hears_of_it(desk: Any, case: Any) -> None:
    browser = signed_in(desk.agent)
    page = browser.get("/desk/queue/").content.decode()
    assert "letter-mark" not in page
    shown = ",".join(
        f"{k}.{v}" for k, v in re.findall(r'<tr data-row data-key="(\d+)" data-version="(\w+)"', page)
    )  # fmt: skip
    assert browser.get(f"/desk/queue/news/?shown={shown}").json() == {"n": 0}
    letters.hear(case, "请问进展如何", by=case.customer, at=timezone.now())
    assert browser.get(f"/desk/queue/news/?shown={shown}").json() == {"n": 1}
    page = browser.get("/desk/queue/?letters=1").content.decode()
    assert case.number in page and "letter-mark" in page and "客户留言未回" in page
    letters.say(fresh(case), "", "明天给您答复。", by=desk.agent, at=timezone.now())
    assert case.number not in browser.get("/desk/queue/?letters=1").content.decode()


def test_the_case_page_says_it_and_lets_it_be_put_away(desk: Any, case: Any) -> None:
    letters.hear(case, "好的,谢谢", by=case.customer, at=timezone.now())
    browser = signed_in(desk.agent)
    page = browser.get(f"/desk/cases/{case.number}/").content.decode()
    assert "letter-waits" in page
    (read_to,) = set(re.findall(r'name="read_to"[^>]*value="(\d+)"', page))
    answer = browser.post(f"/desk/cases/{case.number}/messages/heed/", {"read_to": read_to}, follow=True)
    page = answer.content.decode()
    assert "留言不用回复" in page and "letter-waits" not in page


def test_letters_cost_today_one_query_however_many(desk: Any, case: Any) -> None:
    def cost() -> int:
        in_force(desk.now)  # outside a request it is looked up again every two seconds
        with CaptureQueriesContext(connection) as asked:
            groups_for(desk.agent, desk.now)
        return len(asked)

    letters.hear(case, "请问进展如何", by=case.customer, at=desk.now)
    cost()
    one = cost()
    for n in range(4):
        more = desk.triages(desk.receives(f"第{n}台净化器也坏了。", phone=f"1390000000{n}", name="赵四"))
        letters.hear(more, "请问进展如何", by=more.customer, at=desk.now)
    assert len(group(desk.agent, "letters", desk.now)) == 5
    assert cost() == one
