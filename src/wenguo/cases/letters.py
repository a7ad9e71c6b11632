"""What we write to the customer: templates of the pack filled with the facts of the case. Source: IN-2, RP-2, RP-6.

`values` knows every placeholder that a case alone can fill; the rest is given by the act that writes. A placeholder
that nothing fills is refused rather than sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from wenguo.breath import once
from wenguo.cases import clock, links
from wenguo.cases.case import Case, Channel, record
from wenguo.cases.lifecycle import require
from wenguo.cases.notice import tell
from wenguo.cases.unanswered import answered, arrived
from wenguo.channels import outbox
from wenguo.customers.customer import Customer
from wenguo.errors import Invalid
from wenguo.later import later, task
from wenguo.people.actor import SYSTEM
from wenguo.people.units import Unit
from wenguo.policy.contents import Template
from wenguo.text.normal import clean, one_line
from wenguo.text.search import CJK

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# With the blanks that set a number off from Chinese words; words in 【】 need none.
_WITH_BLANKS = re.compile(rf"((?<=[{CJK}]) )?\{{([a-z_]+)\}}( (?=[{CJK}（]))?")


def local(moment: datetime | None) -> str:
    """「2026年11月16日 09:12」, local time; empty for none."""
    if moment is None:
        return ""
    at = moment.astimezone(ZoneInfo(settings.TIME_ZONE))
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"


def head_office() -> Unit | None:
    return once("head office", lambda: Unit.objects.filter(parent=None, active=True).order_by("pk").first())


def as_the_house_writes() -> Any:
    """While it lasts, words are in the language of the pack's templates, whoever presses the button and reads what."""
    return translation.override(settings.LANGUAGE_CODE)


def address(case: Case) -> str:
    """How to address the customer: the name, a company's contact, or 尊敬的客户."""
    customer: Customer = case.customer
    if name := case.record.contact_name or customer.name:
        return name
    with as_the_house_writes():
        return _("尊敬的客户")


def subject_for(case: Case, subject: str, usual: str) -> str:
    """The subject somebody gave, in one line, else the `usual` one (marked for translation) with the case's number."""
    if given := one_line(subject, 120):
        return given
    with as_the_house_writes():
        return _(usual).format(number=case.number)


def drafted(case: Case, text: str, *, at: datetime, known: Mapping[str, str] | None = None) -> str:
    """A text of the pack with its placeholders filled as far as the case can; the rest as 【…】 for the writer."""
    known = values(case, at=at) if known is None else known
    blanks = {p.name: f"【{p.meaning}】" for p in case.pack.placeholders}

    def put(found: re.Match[str]) -> str:
        before, name, after = found.groups(default="")
        return f"{before}{known[name]}{after}" if known.get(name) else blanks.get(name, found[0])

    return _WITH_BLANKS.sub(put, text)


def left_blank(case: Case, text: str) -> list[str]:
    """The 【…】 of a template that nobody filled in."""
    return [blank for p in case.pack.placeholders if (blank := f"【{p.meaning}】") in text]


def values(case: Case, *, at: datetime) -> dict[str, str]:
    """Every placeholder the case itself fills, in the language of the templates; moments in local time."""
    with as_the_house_writes():
        head = head_office()
        owner = case.owner or case.first_responsible
        unit = case.unit or case.intake_unit or head
        hotline = head.phone if head else ""
        due = {c.kind: c for c in case.clocks.filter(round=case.round, kind__in=("respond", "solve")).order_by("pk")}
        before = {kind: _("{moment} 前").format(moment=local(c.due_at)) for kind, c in due.items() if c.due_at}
        solve = due.get("solve")
        rule = next((r for r in case.pack.clocks.rules if solve and r.id == solve.rule), None)
        return {
            "number": case.number,
            "customer": address(case),
            "company": head.title if head else "",
            "matter": case.subject,
            "category": case.pack.category_title(case.category) if case.category else "",
            "channel": str(Channel(case.channel).label),
            "received_at": local(case.received_at),
            "owner": owner.name if owner else (unit.title if unit else ""),
            "owner_contact": (owner.phone if owner else "") or (unit.phone if unit else "") or hotline,
            "hotline": hotline,
            "respond_due": before.get("respond", _("尽快")),
            "solve_due": before.get("solve", _("尽快")),
            "due_basis": rule.basis if rule else "",
            "track_url": f"{settings.PUBLIC_URL}/t/{links.make(case, links.TRACK, at=at)}/",
            "wish": case.record.wish,
            "old_due": local((solve and solve.due_at) or case.next_due_at),
            "executed_at": local(case.executed_at),
            "appeal": _("可在进度页面选择“这样处理我不同意”，由上级复核；也可拨打 12315 或向消费者协会反映。"),
            "signer": " ".join(p for p in (unit.title if unit else "", owner.name if owner else "") if p),
            "today": local(at).split(" ")[0],
        }


def fill(text: str, given: dict[str, str]) -> str:
    """The text with its placeholders filled. Invalid: names those that nothing fills."""
    lacking = [name for name in _PLACEHOLDER.findall(text) if not given.get(name)]
    if lacking:
        raise Invalid(_("模板中还有未填的内容：{names}").format(names="、".join(dict.fromkeys(lacking))))
    return _PLACEHOLDER.sub(lambda m: given[m.group(1)], text)


def draft(case: Case, template: Template, *, at: datetime, **given: str) -> tuple[str, str]:
    """Subject and body of a template for this case; what cannot be filled yet stays as 【meaning】 for the writer."""
    known = {**values(case, at=at), **{k: v for k, v in given.items() if v}}
    return drafted(case, template.subject, at=at, known=known), drafted(case, template.text, at=at, known=known)


def post(case: Case, event: Any, *, at: datetime) -> outbox.Delivery | None:
    """Send the words of a public event to the customer's own mail address, if there is one."""
    return outbox.post(event, case.record.contact_mail, at=at)


@task("cases.acknowledge")
def acknowledge_job(case_id: int) -> None:
    from django.utils import timezone

    acknowledge(case_id, at=timezone.now())


@transaction.atomic
def acknowledge(case_id: int, *, at: datetime) -> None:
    """Say that it was received, under which number, who is responsible, what happens next and by when. IN-2.

    Never counts as the response. Run twice, it is said once.
    """
    case = Case.objects.select_for_update(of=("self",)).select_related("record", "customer", "owner").get(pk=case_id)
    if not case.clocks.live().filter(kind="acknowledge").exists():
        return
    public = case.pack.channel(case.channel).public
    template = case.pack.template("acknowledgement_public" if public else "acknowledgement")
    given = values(case, at=at)
    event = record(
        case, "case.acknowledged", by=SYSTEM, at=at, because=template.id,
        private={"subject": fill(template.subject, given), "body": fill(template.body, given)},
    )  # fmt: skip
    clock.stop(case, "acknowledge", by=SYSTEM, at=at)
    post(case, event, at=at)


@task("cases.tell_refusal")
def tell_refusal_job(case_id: int) -> None:
    from django.utils import timezone

    tell_refusal(case_id, at=timezone.now())


@transaction.atomic
def tell_refusal(case_id: int, *, at: datetime) -> None:
    """Tell the customer why it is not ours, and how to have that reviewed. IN-10. Run twice, it is said once."""
    from wenguo.journal import Event
    from wenguo.policy.versions import calendar

    case = Case.objects.select_for_update(of=("self",)).select_related("record", "customer").get(pk=case_id)
    events = Event.objects.filter(stream_id=case.stream_id)
    refused = events.filter(type="case.refused").order_by("-seq").first()
    if refused is None or events.filter(type="message.sent", because="refusal", seq__gt=refused.seq).exists():
        return
    template = case.pack.templates_for("refusal")[0]
    review = calendar("standard").add_days(refused.at, int(refused.data["review_days"]))
    why = (refused.private or {}).get("tell", "")
    given = {**values(case, at=at), "reason": why.rstrip("。．；;"), "review_until": local(review).split(" ")[0]}
    event = record(
        case, "message.sent", by=SYSTEM, at=at, because="refusal",
        private={"subject": fill(template.subject, given), "body": fill(template.body, given)},
    )  # fmt: skip
    post(case, event, at=at)


# Words with the customer


@transaction.atomic
def hear(case: Case, text: str, *, by: Any, at: datetime, channel: str = "web") -> Any:
    """The customer says something more. What we waited for has come: paused clocks run on."""
    require(case, "message", by=by, at=at)
    text = clean(text, 20_000)
    if not text:
        raise Invalid(_("请写下要说的话"), fields={"text": _("请写下要说的话")})
    event = record(
        case, "message.received", by=by, at=at, data={"channel": channel}, private={"body": text}, find=text,
        aside=arrived(case, at=at, channel=channel),
    )  # fmt: skip
    clock.customer_spoke(case, by=by, at=at)
    tell(case, [case.owner_id or case.first_responsible_id], "message.received", _noop("客户有新留言"), at=at)
    later("cases.look_for_major", case_id=case.pk)
    return event


@transaction.atomic
def say(
    case: Case, subject: str, text: str, *, by: Any, at: datetime, because: str = "", response: bool = False,
    read_to: int | None = None,
) -> Any:  # fmt: skip
    """Write to the customer: shown on the progress page and mailed where there is an address.

    `response`: this tells how the case will be handled, so the promise of a first response is kept. Source: TR-8.
    `read_to`: up to which event the writer had read; what the customer said later still waits.
    """
    require(case, "message", by=by, at=at)
    text = clean(text, 20_000)
    if not text:
        raise Invalid(_("请写下要说的话"), fields={"text": _("请写下要说的话")})
    subject = subject_for(case, subject, _noop("关于您的投诉（编号 {number}）"))
    event = record(
        case, "message.sent", by=by, at=at, because=because, data={"response": response},
        private={"subject": subject, "body": text}, find=text, aside=answered(case, read_to=read_to),
    )  # fmt: skip
    _contacted(case, response, by=by, at=at)
    post(case, event, at=at)
    return event


@transaction.atomic
def called(
    case: Case, outcome: str, text: str, *, by: Any, at: datetime, response: bool = False, minutes: int = 0
) -> Any:
    """Record a call with the customer: `outcome` reached, no_answer or refused; `text` what was said. Source: RP-5."""
    require(case, "message", by=by, at=at)
    if outcome not in {"reached", "no_answer", "refused"}:
        raise Invalid(_("请选择通话结果"), fields={"outcome": _("请选择通话结果")})
    text = clean(text, 20_000)
    if outcome == "reached" and not text:
        raise Invalid(_("请记下通话内容"), fields={"text": _("请记下通话内容")})
    event = record(
        case, "message.called", by=by, at=at, data={"outcome": outcome, "minutes": minutes, "response": response},
        private={"body": text}, find=text if outcome == "reached" else "",
        aside=answered(case) if outcome == "reached" else None,
    )  # fmt: skip
    if outcome == "reached":
        _contacted(case, response, by=by, at=at)
    return event


def _contacted(case: Case, response: bool, *, by: Any, at: datetime) -> None:
    """The customer has heard from a person: the next progress report counts from now, and a response keeps its
    promise.
    """
    clock.stop(case, "progress", by=by, at=at)
    if case.is_open:
        clock.start(case, "progress", by=by, at=at)
    if response and clock.stop(case, "respond", by=by, at=at) and case.responded_at is None:
        record(case, "case.responded", by=by, at=at, set={"responded_at": at})


@transaction.atomic
def note(case: Case, text: str, *, by: Any, at: datetime) -> Any:
    """An internal note."""
    require(case, "note", by=by, at=at)
    text = clean(text, 20_000)
    if not text:
        raise Invalid(_("请写下备注"), fields={"text": _("请写下备注")})
    return record(case, "case.noted", by=by, at=at, private={"body": text}, find=text)
