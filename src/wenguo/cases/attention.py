"""Who complains, as their complaints show it, and what in a case a person should look at. Detection only.

A group says how one speaks and who does; a sign says what to check and where it stands. Neither changes a case, a
promise or a sum, and whether somebody means ill is decided by people, with evidence. Source: PV-1, SP-2.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.cases.case import Case, Nature
from wenguo.cases.risk import stories_of
from wenguo.cases.signs import OUTSIDE, Happened
from wenguo.customers.customer import family_ids
from wenguo.policy.attention import Attention, CautionRule, GroupRule
from wenguo.policy.versions import in_force
from wenguo.spoken import counted
from wenguo.text.feelings import hear
from wenguo.text.lexicon import Lexicon

_GAINFUL = frozenset({"regulator", "media", "lawsuit", "review"})


@dataclass(frozen=True)
class Known:
    """A complaint of the customer, of which only this is asked."""

    pk: int
    received_at: datetime
    nature: str
    channel: str
    category: str
    claim_fen: int | None
    order_fen: int | None
    escalated: bool


@dataclass(frozen=True)
class Group:
    rule: GroupRule
    why: str


@dataclass(frozen=True)
class Caution:
    """`places`: the events it shows at, (seq, moment); none where it shows over several cases."""

    rule: CautionRule
    why: str
    places: Sequence[tuple[int, datetime]] = ()


def known_of(customer_ids: Collection[int], rules: Attention, at: datetime) -> list[Known]:
    """What these records of one customer complained of within the window. One query."""
    gone = Q(type__in=("case.reopened", "case.reassessed", "case.continued")) | Q(data__higher=True)
    gone |= Q(type="case.joined", data__channel__in=sorted(OUTSIDE))
    escalated = Exists(journal.Event.objects.filter(gone, stream_id=OuterRef("stream_id"), at__lte=at))
    since = at - timedelta(days=rules.window_days)
    rows = Case.objects.filter(
        customer__in=customer_ids, received_at__gt=since, received_at__lte=at, split_from=None
    ).annotate(escalated=escalated)  # one complaint we split into several is still one
    fields = ("pk", "received_at", "nature", "channel", "category", "record__claim_fen", "record__order_fen")
    return [Known(*row) for row in rows.order_by("received_at").values_list(*fields, "escalated")]


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


def groups_of(known: Sequence[Known], rules: Attention) -> list[Group]:
    """The groups these complaints put their customer in, each with its reason. A sum."""
    complaints = [k for k in known if k.nature == Nature.COMPLAINT]
    kind = [k for k in known if k.nature in {Nature.SUGGESTION, Nature.PRAISE}]
    gone = [k for k in complaints if k.escalated or k.channel in OUTSIDE]
    beyond = [k for k in complaints if is_beyond(k.claim_fen, k.order_fen, rules)]
    days = rules.window_days
    found = {
        "first_time": len(complaints) == 1 and _("{days} 天内只有这一件投诉").format(days=days),
        "well_meaning": bool(kind) and not gone and counted("提过 {n} 次建议或表扬", len(kind)),
        "frequent": len(complaints) >= rules.frequent_from
        and counted("{days} 天内 {n} 件投诉", len(complaints), days=days),
        "high_claims": len(beyond) >= rules.high_claims_from
        and counted("{n} 件索赔达到订单金额的 {times} 倍", len(beyond), times=rules.claim_over_order),
        "escalated": bool(gone) and counted("{n} 件曾要求上级过问、重开或向外部投诉", len(gone)),
    }
    return [Group(rule, why) for rule in rules.groups if (why := found[rule.code])]


def is_beyond(claim_fen: int | None, order_fen: int | None, rules: Attention) -> bool:
    return bool(claim_fen and order_fen and claim_fen >= rules.claim_over_order * order_fen)


# ── signs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def cautions(case: Case, rules: Attention, *, at: datetime) -> list[Caution]:
    """What in this case a person should look at, with its evidence. Four queries."""
    story = stories_of([case.stream_id])[case.stream_id]
    known = known_of(family_ids(case.customer), rules, at)
    found = [
        _beyond(case, story, rules),
        _raised(case, rules),
        *_in_words(story, rules, in_force(at).pack.felt),
        _similar(case, known, rules),
    ]
    return [caution for caution in found if caution is not None]


def _beyond(case: Case, story: Sequence[Happened], rules: Attention) -> Caution | None:
    r = case.record
    if not is_beyond(r.claim_fen, r.order_fen, rules):
        return None
    why = _("索赔 {claim} 元，订单 {order} 元").format(
        claim=f"{(r.claim_fen or 0) / 100:,.2f}", order=f"{(r.order_fen or 0) / 100:,.2f}"
    )
    return Caution(rules.caution("demand_beyond"), why, [(e.seq, e.at) for e in story[:1]])


def _raised(case: Case, rules: Attention) -> Caution | None:
    events = journal.Event.objects.filter(
        stream_id=case.stream_id, type="record.changed", data__fields__contains=["claim_fen"]
    )
    raised = []
    for event in events.order_by("seq"):
        private: dict[str, Any] = event.private or {}
        before, after = ((private.get(k) or {}).get("claim_fen") for k in ("before", "after"))
        if before and after and after > before:
            raised.append((event.seq, event.at))
    if len(raised) < rules.claim_raised_from:
        return None
    return Caution(rules.caution("demand_raised"), counted("索赔金额提高了 {n} 次", len(raised)), raised[-3:])


def _in_words(story: Sequence[Happened], rules: Attention, words: Lexicon | None) -> list[Caution]:
    gain, fraud, abuse = [], [], []
    for e in story:
        if not e.words:
            continue
        heard = hear(e.words, words)
        place = (e.seq, e.at)
        asks = any(w.kind == "compensation" and w.fen for w in heard.wishes)
        if asks and any(t.kind in _GAINFUL for t in heard.threats):
            gain.append(place)
        kinds = {s.kind for s in heard.signs}
        fraud += [place] if "fraud" in kinds else []
        abuse += [place] if "abuse" in kinds else []
    told = (("threat_for_gain", gain), ("fraud", fraud), ("abuse", abuse))
    return [
        Caution(rules.caution(code), counted("原话 {n} 处", len(places)), places[-3:])
        for code, places in told
        if places
    ]


def _similar(case: Case, known: Sequence[Known], rules: Attention) -> Caution | None:
    """Of the same class of the taxonomy; none while the case has no category."""
    kind = case.category.split(".")[0]
    same = [k for k in known if kind and k.category.split(".")[0] == kind and k.nature == Nature.COMPLAINT]
    if len(same) < rules.similar_from:
        return None
    why = counted("{days} 天内 {n} 件同类投诉", len(same), days=rules.window_days)
    return Caution(rules.caution("many_similar"), why)
