"""The stories that `load` multiplies: each is lived through the real acts, so that every row is as the product writes.

The words that differ from case to case stand as marks; `load` puts others in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from wenguo.cases import acceptance, followup, letters, reply, triage
from wenguo.cases.case import Case
from wenguo.cases.intake import Complaint, receive
from wenguo.cases.sweep import sweep
from wenguo.people.staff import Person

# The marks, in characters nobody writes, of a shape that every act takes.
TEXT, SUBJECT, NAME, ORDER = "〖投诉正文在此处填入〗", "〖事由〗", "〖称呼〗", "〖订单〗"
_serial = count(1)


class Cast:
    def __init__(self) -> None:
        for name in ("xiaoman", "dingyi", "xuemei", "fanwei", "heyun", "tianye"):
            setattr(self, name, Person.objects.get(username=name))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _received(cast: Cast, at: datetime, channel: str, level: int, *, by: Person | None, mail: bool) -> Case:
    n = next(_serial)
    complaint = Complaint(
        channel=channel, text=TEXT, subject=SUBJECT, name=NAME, phone=f"1980000{n:04d}", level=level, happened="上周",
        mail=f"mark{n}@example.com" if mail else "", order_number=ORDER, order_fen=29_900, product="净化器", batch="B1",
        wishes=("refund",), wish="退款", preferred_channel="phone", place="家中",
    )  # fmt: skip
    case = receive(complaint, by=by, at=at).case
    assert case is not None
    letters.acknowledge(case.pk, at=at + timedelta(seconds=20))
    case.refresh_from_db()
    return case


def _category(case: Case, n: int) -> str:
    subs = [sub.code for sub in case.pack.subs]
    return subs[n * 7 % len(subs)]


def waiting(cast: Cast, at: datetime, n: int) -> Case:
    """Came in by itself, and was acknowledged."""
    return _received(cast, at, "web", 3, by=None, mail=n % 2 == 0)


def at_triage(cast: Cast, at: datetime, n: int) -> Case:
    case = _received(cast, at, "phone", 3, by=cast.xiaoman, mail=False)
    acceptance.accept(case, by=cast.xiaoman, at=at + timedelta(minutes=4))
    return case


def worked_on(cast: Cast, at: datetime, n: int) -> Case:
    """Accepted, classified, graded, assigned to the desk's own unit, and somebody wrote to the customer."""
    agent = (cast.xiaoman, cast.dingyi, cast.heyun, cast.tianye)[n % 4]
    case = _received(cast, at, "phone", 3, by=agent, mail=True)
    at += timedelta(minutes=5)
    acceptance.accept(case, by=agent, at=at)
    triage.classify(case, _category(case, n), by=agent, at=at)
    triage.grade(case, 3, "按实际情况定级", by=cast.xuemei, at=at)
    triage.assign(case, case.intake_unit, "请核实处理", owner=agent, by=agent, at=at + timedelta(minutes=1))
    letters.say(case, "", "您好,我们已开始核实,会尽快答复您。", by=agent, at=at + timedelta(minutes=2), response=True)
    return case


def solved(cast: Cast, at: datetime, n: int) -> Case:
    """Settled at once, called back twice, closed, archived."""
    agent = (cast.xiaoman, cast.dingyi)[n % 2]
    case = _received(cast, at, "phone", 4, by=agent, mail=False)
    at += timedelta(minutes=5)
    acceptance.accept(case, by=agent, at=at)
    triage.classify(case, _category(case, n), by=agent, at=at)
    triage.grade(case, 4, "轻微,当场解决", by=cast.xuemei, at=at)
    reply.settle_at_once(case, "已为您办理退款,原路返回。", by=agent, at=at + timedelta(minutes=3))
    followup.invite_survey(case.pk, 1, at=at + timedelta(minutes=4))
    for days in (2, 16):
        call = case.followups.get(state="planned")
        call.case = case
        followup.call_back(
            call, reached=True, solved=True, content=True, words="满意", by=cast.fanwei, at=at + timedelta(days=days)
        )
    at += timedelta(days=16, minutes=10)
    followup.close(case, by=agent, at=at)
    if n % 3:
        followup.archive(case, by=cast.xuemei, at=at + timedelta(days=1))
    return case


def refused(cast: Cast, at: datetime, n: int) -> Case:
    case = _received(cast, at, "web", 4, by=None, mail=False)
    rule = case.pack.refusal_reasons[0].code
    acceptance.refuse(case, rule, "不属于本公司产品", by=cast.xiaoman, at=at + timedelta(hours=1))
    letters.tell_refusal(case.pk, at=at + timedelta(hours=1, seconds=10))
    return case


Story = Callable[[Cast, datetime, int], Case]
OPEN: tuple[Story, ...] = (waiting, at_triage, worked_on, worked_on)
OVER: tuple[Story, ...] = (solved, solved, solved, refused)


def lived(now: datetime, moments: int) -> Iterator[tuple[Case, bool]]:
    """Each story at several moments: (the case as it stands now, whether it is open). Clocks have fired until now."""
    cast = Cast()
    for n in range(moments):
        for k, story in enumerate(OPEN):
            at = now - timedelta(minutes=11 + n * 17, hours=19 * n / moments * 8 + k)
            yield _again(story(cast, at, n)), True
        for k, story in enumerate(OVER):
            at = now - timedelta(days=30 + n % 7, minutes=23 * n, hours=k)
            yield _again(story(cast, at, n)), False
    while sweep(at=now):
        pass


def _again(case: Case) -> Case:
    case.refresh_from_db()
    return case
