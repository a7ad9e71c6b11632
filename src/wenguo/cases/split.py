"""拆单: one complaint carries several matters; each goes on as a case of its own. Source: TR-1, TR-2; FIELD §8.1.

The case keeps the first matter and its number. Each other matter becomes a case with its own number, level and
promises, which count from when the complaint was received; customer, order, contact and evidence are the same. The
customer is told once, with all numbers. Every sentence goes somewhere: nothing that was said is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from wenguo import journal
from wenguo.cases import clock, evidence, letters
from wenguo.cases.case import Case, CaseSet, Happening, Record, involve, record, record_all, take, unflag
from wenguo.cases.intake import Complaint, Submission, open_case, subject_of
from wenguo.cases.learning import BY_PROGRAM
from wenguo.cases.lifecycle import require
from wenguo.cases.notice import tell
from wenguo.cases.option import SIGNED, State
from wenguo.errors import Invalid, NotNow
from wenguo.later import later
from wenguo.text.matters import sentences
from wenguo.text.normal import one_line

MOST = 5
"""Cases one complaint may become, the one it is counted in."""

_MONEY = SIGNED | {State.SUBMITTED, State.CARRIED}


@dataclass(frozen=True)
class Part:
    """One matter: its sub-class, the sentences that speak of it (counted from 0, see `sentences_of`), and if given
    what it is called and how grave it is; else its first sentence says so, and the words."""

    category: str
    sentences: tuple[int, ...]
    subject: str = ""
    level: int | None = None


def sentences_of(case: Case) -> list[str]:
    """The customer's story in the pieces that can be given to one matter or another."""
    text = case.record.description
    return [text[start:end] for start, end in sentences(text)]


def family(case: Case) -> CaseSet:
    """The other cases of the same complaint, the one that was split first; empty when it was never split."""
    first = case.split_from_id or case.pk
    rows = Case.objects.filter(Q(pk=first) | Q(split_from=first)).exclude(pk=case.pk)
    return rows.order_by("pk")


def money_on(case: Case) -> str:
    """Why money stands in the way of a split; empty if it does not."""
    if case.options.filter(state__in=_MONEY, amount_fen__gt=0).exists():
        return _("本件已有提交审批或批准的补偿，拆开后说不清属于哪一件；其余事项请另行登记")
    return ""


@transaction.atomic
def split(case: Case, parts: Sequence[Part], *, by: Any, at: datetime) -> list[Case]:
    """The first of `parts` stays in this case, each other becomes a new one. Returns the new ones.

    The same split again, while nothing else was said, gives the same cases. Invalid: fewer than two parts, more than
    `MOST`, a sentence that belongs to none, a part without sentences or category. NotNow: past triage, or money on it.
    """
    require(case, "split", by=by, at=at)
    take(case)
    case.record = Record.objects.get(pk=case.pk)
    spec = [{"category": p.category, "sentences": sorted(set(p.sentences)), "level": p.level} for p in parts]
    if (made := _already(case, spec)) is not None:
        return made
    if words := money_on(case):
        raise NotNow(words)
    texts = _texts(case, parts)
    parts = _named(case, parts)
    news = [_open(case, part, text, by=by, at=at) for part, text in zip(parts[1:], texts[1:], strict=True)]
    _keep_first(case, parts[0], texts[0], spec, news, by=by, at=at)
    _tell_customer(case, news, by=by, at=at)
    tell(
        case, [p for p in (case.owner_id, case.first_responsible_id) if p and f"staff:{p}" != by.journal_ref],
        "case.split", _noop("投诉已拆成 {n} 件，新的编号：{numbers}"), at=at, n=len(parts),
        numbers="、".join(new.number for new in news),
    )  # fmt: skip
    return news


def _already(case: Case, spec: list[dict[str, Any]]) -> list[Case] | None:
    """What this very split made when it was pressed before, and the story is still as it left it."""
    events = journal.Event.objects.filter(stream_id=case.stream_id, type="case.split")
    last = events.order_by("-seq").first()
    if last is None or last.data["parts"] != spec or (last.private or {}).get("kept") != case.record.description:
        return None
    return list(Case.objects.filter(number__in=last.data["cases"]).order_by("pk"))


def _texts(case: Case, parts: Sequence[Part]) -> list[str]:
    """The words of each part, in the order in which they were said."""
    said = sentences_of(case)
    known = {sub.code for sub in case.pack.subs}
    wrong: dict[str, str] = {}
    if not 2 <= len(parts) <= MOST:
        wrong["parts"] = _("请分成 2 到 {most} 件").format(most=MOST)
    if parts and parts[0].level not in {None, case.level}:
        wrong["level-1"] = _("留在本件的等级请用「定级」更改，以便说明理由")
    for n, part in enumerate(parts, 1):
        if part.category not in known:
            wrong[f"category-{n}"] = _("请为第 {n} 件选择分类").format(n=n)
        if part.level not in {None, 1, 2, 3, 4}:
            wrong[f"level-{n}"] = _("等级须为 1 到 4")
        if not part.sentences or not set(part.sentences) <= set(range(len(said))):
            wrong[f"part-{n}"] = _("请为第 {n} 件选出说到它的句子").format(n=n)
    if len({(p.category, tuple(sorted(set(p.sentences)))) for p in parts}) < len(parts):
        wrong.setdefault("parts", _("有两件完全相同，请改正或去掉一件"))
    if missing := sorted(set(range(len(said))) - {i for part in parts for i in part.sentences}):
        wrong.setdefault("parts", _("还有句子没有归到任何一件：{words}").format(words=one_line(said[missing[0]], 30)))
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    return ["".join(said[i] for i in sorted(set(part.sentences))).strip() for part in parts]


def _named(case: Case, parts: Sequence[Part]) -> list[Part]:
    """The parts with what each is called: where nobody said so, by the first sentence that speaks of it alone."""
    said = sentences_of(case)
    named = []
    for n, part in enumerate(parts):
        others = {i for m, other in enumerate(parts) if m != n for i in other.sentences}
        own = [i for i in sorted(set(part.sentences)) if i not in others] or sorted(set(part.sentences))
        named.append(replace(part, subject=one_line(part.subject, 160) or subject_of(said[own[0]])))
    return named


def _open(case: Case, part: Part, text: str, *, by: Any, at: datetime) -> Case:
    r, customer = case.record, case.customer.current
    complaint = Complaint(
        channel=case.channel, text=text, subject=part.subject, name=r.contact_name,
        phone=r.contact_phone, mail=r.contact_mail, nature=case.nature, category=part.category, level=part.level,
        happened=r.happened, place=r.place, region=case.region, product=case.product, batch=case.batch,
        order_number=r.order_number, order_fen=r.order_fen, wishes=tuple(r.wishes), wish=r.wish,
        people_affected=r.people_affected, business_address=r.business_address,
        preferred_channel=r.preferred_channel, mood=r.mood, on_behalf_of=r.on_behalf_of, customer_id=customer.pk,
    )  # fmt: skip
    submission = Submission.objects.create(
        channel=case.channel, claims={"split_from": case.number}, received_at=case.received_at,
        received_by=by.journal_ref,
    )  # fmt: skip
    new = open_case(submission, complaint, customer, case.policy, by=by, at=at, split_from=case)
    for one in case.evidence.filter(gone_at=None):
        evidence.share(one, new, by=by, at=at)
    for owed in case.clocks.live().filter(kind="statutory", round=case.round).order_by("pk"):
        clock.carry_over(owed, new, by=by, at=at)
    involve(new, *case.involvements.values_list("person_id", flat=True), at=at)
    return new


def _keep_first(
    case: Case, part: Part, text: str, spec: list[dict[str, Any]], news: list[Case], *, by: Any, at: datetime
) -> None:
    """What stays in the case: its own words, its category; the whole story as it was is in the journal."""
    before = {"description": case.record.description}
    case.record.description = text
    case.record.save(update_fields=["description"])
    subject = part.subject or case.subject
    also = [c for c in case.also if c not in {p["category"] for p in spec}]
    changes: dict[str, Any] = {"category": part.category, "also": also, "flags": unflag(case, [BY_PROGRAM])}
    happenings = [
        Happening(
            "case.split", data={"cases": [new.number for new in news], "parts": spec},
            private={"kept": text, "subjects": [new.subject for new in news]},
            words={"subject": subject} if subject != case.subject else None,
        ),
        Happening(
            "record.changed", data={"fields": ["description"]},
            private={"before": before, "after": {"description": text}},
        ),
        Happening("case.classified", data={"from": case.category, "to": part.category}, set=changes),
    ]  # fmt: skip
    record_all(case, happenings, by=by, at=at, find=case.category_words)
    later("cases.read", case_id=case.pk)


def _tell_customer(case: Case, news: list[Case], *, by: Any, at: datetime) -> None:
    """Once, with all numbers."""
    with letters.as_the_house_writes():
        known = letters.values(case, at=at)
        lines = [
            _("{number}：{matter}（{due}告诉您怎样办理）").format(
                number=one.number, matter=one.subject, due=letters.values(one, at=at)["respond_due"]
            )
            for one in (case, *news)
        ]
        body = _(
            "{customer}，您好。\n\n您在 {received_at} 反映的情况里有 {n} 件事，须由不同的人分别查清。"
            "我们已把它们分开办理，时限都从您反映的时候算起，您不必再说一遍：\n\n{lines}\n\n"
            "材料每一件都能看到。凭其中任何一个编号都可以查询：{track_url}\n\n{company} {signer}"
        ).format(n=len(lines), lines="\n".join(lines), **{k: known[k] for k in _USED})
        subject = _("您反映的几件事已分别办理（编号 {numbers}）").format(
            numbers="、".join(one.number for one in (case, *news))
        )
    event = record(
        case, "message.sent", by=by, at=at, because="split", data={"response": False},
        private={"subject": one_line(subject, 120), "body": body}, find="\n".join(new.number for new in news),
    )  # fmt: skip
    letters.post(case, event, at=at)


_USED = ("customer", "received_at", "track_url", "company", "signer")
