"""Group complaints: several people about one matter. The program suggests with its evidence, a person decides.

A suggestion changes no case. Confirmed, its cases carry the flag `group` and say so in their journals, and one of them
leads; dismissed, it does not come back for the same people. Who comes later is suggested to the confirmed group.
One person with two numbers is one person; a text posted fifty times by one customer is no group. Source: SP-4, TR-10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases.alike import Met, Trace, commonness, leave_trace
from wenguo.cases.case import Case, Nature, flag, record, unflag
from wenguo.cases.lifecycle import OPEN, require
from wenguo.cases.notice import tell
from wenguo.errors import Invalid, NotNow
from wenguo.later import later
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.policy.schema import Thresholds
from wenguo.policy.versions import in_force
from wenguo.spoken import counted_noop
from wenguo.text import alike, facts
from wenguo.text.likeness import likeness
from wenguo.text.normal import clean

MOST = 500  # members a page shows, the newest of a group


class Groups(models.QuerySet["Group"]):
    def visible_to(self, person: Any, at: datetime) -> Self:
        """Those with a member this person may see."""
        seen = Member.objects.filter(group=models.OuterRef("pk"), case__in=Case.objects.visible_to(person, at))
        return self.filter(models.Exists(seen.exclude(state=Member.State.OUT)))

    def waiting(self) -> Self:
        """A person still has to decide: suggested ones with an open case, confirmed ones that somebody would join."""
        asked = Member.objects.filter(group=models.OuterRef("pk"), state=Member.State.SUGGESTED)
        live = asked.filter(case__stage__in=[s.value for s in OPEN])
        return self.exclude(state=Group.State.DISMISSED).filter(models.Exists(live))


class Group(models.Model):
    """People about one matter, suggested or confirmed. `people`: different complainants when it was last looked at."""

    class State(models.TextChoices):
        SUGGESTED = "suggested", _lazy("疑似群诉")
        CONFIRMED = "confirmed", _lazy("群诉")
        DISMISSED = "dismissed", _lazy("不是群诉")

    matter = models.BigIntegerField(db_index=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.SUGGESTED)
    people = models.PositiveIntegerField()
    lead = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    newest_at = models.DateTimeField()
    decided_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")

    objects = Groups.as_manager()


class Member(models.Model):
    """A case in a group, or suggested to it. `likeness`: to the most alike of the others when it came."""

    class State(models.TextChoices):
        SUGGESTED = "suggested", _lazy("待确认")
        IN = "in", _lazy("已列入")
        OUT = "out", _lazy("不列入")

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="groups")
    state = models.CharField(max_length=12, choices=State.choices, default=State.SUGGESTED)
    likeness = models.FloatField(default=0)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Member]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "case"], name="cases_member_once")]


# ── who is who ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Voice:
    """What is known of who complains in one case; empty strings are unknown."""

    case_id: int
    customer_id: int
    order: str
    phone: str
    mail: str
    name: str
    text: str
    at: datetime


def voices(case_ids: Iterable[int]) -> list[Voice]:
    """Of these cases, in the order they came. A merged customer counts as whom they were merged into."""
    found = Case.objects.filter(pk__in=list(case_ids)).order_by("received_at", "pk")
    rows = found.values_list(
        "pk", "customer_id", "customer__merged_into_id", "record__order_number", "record__contact_phone",
        "record__contact_mail", "record__contact_name", "record__description", "received_at",
    )  # fmt: skip
    return [
        Voice(pk, into or customer, order or "", _digits(phone), (mail or "").lower(), name or "", text or "", at)
        for pk, customer, into, order, phone, mail, name, text, at in rows
    ]


def people(heard: Sequence[Voice], same_words: float) -> list[list[Voice]]:
    """The voices by complainant: one customer, one order, one phone, one mail address are one person; so are two of
    the same name who say it in nearly the same words (`same_words`: from which likeness on)."""
    root = {voice.case_id: voice.case_id for voice in heard}

    def top(pk: int) -> int:
        while root[pk] != pk:
            root[pk] = root[root[pk]]
            pk = root[pk]
        return pk

    first: dict[tuple[str, Any], int] = {}
    named: dict[str, list[Voice]] = {}
    for voice in heard:
        for key in (
            ("customer", voice.customer_id),
            ("order", voice.order),
            ("phone", voice.phone),
            ("mail", voice.mail),
        ):
            if key[1]:
                root[top(voice.case_id)] = top(first.setdefault(key, voice.case_id))
        if len(voice.name) >= 2:
            for other in named.setdefault(voice.name, [])[:8]:
                if likeness(voice.text[:2000], other.text[:2000]) >= same_words:
                    root[top(voice.case_id)] = top(other.case_id)
            named[voice.name].append(voice)
    by: dict[int, list[Voice]] = {}
    for voice in heard:
        by.setdefault(top(voice.case_id), []).append(voice)
    return list(by.values())


def gathered(heard: Sequence[Voice], around: datetime, window: timedelta, same_words: float) -> list[Voice]:
    """The voices of the window of this length that holds `around` and the most different people."""
    near = [voice for voice in heard if abs(voice.at - around) <= window]
    best: list[Voice] = []
    most = 0
    for start in near:
        if start.at > around or around - start.at > window:
            continue
        within = [voice for voice in near if start.at <= voice.at <= start.at + window]
        n = len(people(within, same_words))
        if n > most:
            best, most = within, n
    return best


def _digits(phone: str | None) -> str:
    kept = "".join(c for c in phone or "" if c in "0123456789")
    return kept[-11:] if len(kept) >= 7 else ""


# ── on arrival ────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def meet(case_id: int, *, at: datetime) -> Group | None:
    """A case has come: keep its trace, and suggest a group where enough people are heard. May run twice."""
    case = Case.objects.select_related("record", "unit", "intake_unit").filter(pk=case_id).first()
    if case is None or case.nature != Nature.COMPLAINT:
        return None
    said = case.record.description
    batches = [f.value for f in facts.find(said[: alike.READ], timezone.localtime(at).date()) if f.kind == "batch"]
    return _raise(case, leave_trace(case, batches), at=at)


def catch_up(*, since: datetime, at: datetime, at_once: int = 200) -> int:
    """Cases received since then that have no trace, the oldest first: what came before this chapter was written, or
    while nobody worked. Returns how many there were."""
    missing = Case.objects.filter(received_at__gte=since, trace=None, nature=Nature.COMPLAINT)
    ids = list(missing.order_by("received_at").values_list("pk", flat=True)[:at_once])
    for pk in ids:
        meet(pk, at=at)
    return len(ids)


def _raise(case: Case, found: Met, *, at: datetime) -> Group | None:
    limits = in_force(case.received_at).pack.thresholds
    trace, near, event = found.trace, found.near, _event(found, limits)
    theirs = Member.objects.filter(case__in=event).exclude(state=Member.State.OUT).values("group")
    of_matter = Group.objects.filter(models.Q(matter=trace.matter) | models.Q(pk__in=theirs))
    known = list(of_matter.select_for_update().order_by("-pk"))
    met = set(
        Member.objects.filter(group__in=known, case__in=event).exclude(state=Member.State.OUT)
        .values_list("group", flat=True)
    )  # fmt: skip
    score = max((one.likeness for one in near if one.matter == trace.matter or one.there), default=0.0)
    if going := next((g for g in known if g.state == Group.State.CONFIRMED and g.pk in met), None):
        return _comes_later(going, case, score, same_words=limits.join_likeness, at=at)
    window = timedelta(hours=limits.group_window_hours)
    around = Trace.objects.filter(
        pk__in=event, received_at__gte=case.received_at - window, received_at__lte=case.received_at + window
    )
    ids = set(around.values_list("pk", flat=True))
    ids -= set(
        Member.objects.filter(group__in=known, group__state=Group.State.DISMISSED).values_list("case", flat=True)
    )
    if len(ids) < limits.group_people or case.pk not in ids:
        return None
    heard = gathered(voices(ids), case.received_at, window, limits.join_likeness)
    n = len(people(heard, limits.join_likeness))
    if n < limits.group_people:
        return None
    alikes = {one.case_id: one.likeness for one in near} | {case.pk: score}
    group = next((g for g in known if g.state == Group.State.SUGGESTED and g.pk in met), None)
    before = 0
    if group is None:
        group = Group.objects.create(matter=trace.matter, people=n, made_at=at, newest_at=case.received_at)
    else:
        before = group.people
    Member.objects.bulk_create(
        [Member(group=group, case_id=v.case_id, likeness=alikes.get(v.case_id, score), at=at) for v in heard],
        ignore_conflicts=True,
    )
    inside = _grown(group, case, limits.join_likeness)
    marks = (limits.group_people, limits.group_special_people, limits.group_grave_people)
    if any(before < mark <= group.people for mark in marks):
        _announce(case, inside, at=at, hours=limits.group_window_hours, n=group.people)
    return group


def _event(found: Met, limits: Thresholds) -> list[int]:
    """The cases that tell of one event with this one, which is among them: alike themselves, of the same batch, or of
    the same thing at the same place."""
    trace, least = found.trace, limits.group_likeness * alike.DIRECT
    direct = [one for one in found.near if one.matter == trace.matter and one.likeness >= least]
    common, own = commonness(), alike.Told.from_bytes(bytes(trace.told))
    told = alike.of_one_event(own, {one.case_id: one.told for one in direct}, common, limits.group_people, found.beside)
    told += [one.case_id for one in direct if one.named] + [one.case_id for one in found.near if one.there]
    return list(dict.fromkeys([trace.case_id, *told]))


def _grown(group: Group, case: Case, same_words: float) -> list[int]:
    """Count the people anew, now that `case` is among them. The cases in the group."""
    received = dict(group.members.exclude(state=Member.State.OUT).values_list("case_id", "case__received_at"))
    inside = list(received)
    group.people = len(people(voices(inside), same_words))
    group.newest_at = max(group.newest_at, case.received_at, *received.values())
    group.save(update_fields=["people", "newest_at"])
    return inside


def _comes_later(group: Group, case: Case, score: float, *, same_words: float, at: datetime) -> Group:
    _member, new = Member.objects.get_or_create(group=group, case=case, defaults={"likeness": score, "at": at})
    if new:
        _grown(group, case, same_words)
        told = [group.lead.owner_id if group.lead else None, group.decided_by_id]
        tell(case, told, "group.suggested", _noop("又一件疑似属于已确认的群诉，请决定是否列入"), at=at)
    return group


def _announce(case: Case, case_ids: Sequence[int], *, at: datetime, hours: int, n: int) -> None:
    """To the supervisors of all units that have one of these cases; each hears of a case of their own."""
    if not any(True for _ in Case.objects.open().filter(pk__in=case_ids)[:1]):
        return
    told: dict[int, tuple[Case, Person]] = {}
    members = Case.objects.filter(pk__in=case_ids).select_related("unit", "intake_unit").order_by("pk")
    for unit, member in {m.unit or m.intake_unit: m for m in members if m.unit or m.intake_unit}.items():
        if unit is not None:
            for person in superiors(unit, "supervisor", at=at):
                told.setdefault(person.pk, (member, person))
    words = counted_noop("疑似群诉：{hours} 小时内 {n} 人反映同一件事，请查看并决定")
    for member, person in told.values():
        tell(member, [person], "group.suggested", words, at=at, hours=hours, n=n)


# ── decided by a person ───────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def confirm(group: Group, case_ids: Sequence[int], lead_id: int, *, by: Any, at: datetime) -> Group:
    """These cases are one group, led by one of them. Of the others this person may see it is said that they are not.

    Cases out of this person's sight stay suggested, for those who see them. Invalid: fewer than two, or the lead is
    not among them. NotNow: it was dismissed.
    """
    group = Group.objects.select_for_update().get(pk=group.pk)
    if group.state == Group.State.DISMISSED:
        raise NotNow(_("这组已被判断为不是群诉"))
    seen = _seen(group, by, at)
    chosen = [m for m in seen if m.case_id in set(case_ids)]
    inside = set(group.members.filter(state=Member.State.IN).values_list("case_id", flat=True))
    if len(inside | {m.case_id for m in chosen}) < 2:
        raise Invalid(_("请至少选择两件"), fields={"cases": _("请至少选择两件")})
    if lead_id not in inside | {m.case_id for m in chosen}:
        raise Invalid(_("请从列入的投诉中选一件牵头"), fields={"lead": _("请从列入的投诉中选一件牵头")})
    group.state, group.lead_id, group.decided_by, group.decided_at = Group.State.CONFIRMED, lead_id, by, at
    group.save(update_fields=["state", "lead", "decided_by", "decided_at"])
    number = Case.objects.values_list("number", flat=True).get(pk=lead_id)
    for member in seen:
        if member in chosen and member.state != Member.State.IN:
            require(member.case, "group", by=by, at=at)
            member.state = Member.State.IN
            record(
                member.case, "group.joined", by=by, at=at, because=f"group:{group.pk}",
                data={"group": group.pk, "lead": number}, set={"flags": flag(member.case, "group")},
            )  # fmt: skip
            member.save(update_fields=["state"])
            later("cases.look_for_major", case_id=member.case_id)
        elif member not in chosen and member.state == Member.State.SUGGESTED:
            member.state = Member.State.OUT
            member.save(update_fields=["state"])
    return group


@transaction.atomic
def dismiss(group: Group, reason: str, *, by: Any, at: datetime) -> Group:
    """It is no group, and why. It comes back only when as many other people say the same. NotNow: already decided."""
    group = Group.objects.select_for_update().get(pk=group.pk)
    if group.state != Group.State.SUGGESTED:
        raise NotNow(_("这组已经有结论"))
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明理由"), fields={"reason": _("请写明理由")})
    for member in _seen(group, by, at):
        require(member.case, "group", by=by, at=at)
        record(
            member.case, "group.dismissed", by=by, at=at, because=f"group:{group.pk}", data={"group": group.pk},
            private={"reason": reason},
        )  # fmt: skip
    group.state, group.decided_by, group.decided_at, group.reason = Group.State.DISMISSED, by, at, reason
    group.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    return group


@transaction.atomic
def take_out(member: Member, reason: str, *, by: Any, at: datetime) -> None:
    """This case does not belong to the group after all. Invalid: it leads, or there is no reason."""
    group = Group.objects.select_for_update().get(pk=member.group_id)
    member = Member.objects.select_related("case").get(pk=member.pk)
    require(member.case, "ungroup", by=by, at=at)
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明理由"), fields={"reason": _("请写明理由")})
    if member.state != Member.State.IN:
        raise NotNow(_("这件没有列入群诉"))
    if group.lead_id == member.case_id:
        raise NotNow(_("牵头的投诉不能移出，请先换一件牵头"))
    member.state = Member.State.OUT
    member.save(update_fields=["state"])
    record(
        member.case, "group.left", by=by, at=at, because=f"group:{group.pk}", data={"group": group.pk},
        private={"reason": reason}, set={"flags": unflag(member.case, ["group"])},
    )  # fmt: skip


def _seen(group: Group, by: Any, at: datetime) -> list[Member]:
    """The members this person may see and that may still change, in the order of their cases."""
    of_mine = group.members.filter(case__in=Case.objects.visible_to(by, at)).exclude(state=Member.State.OUT)
    members = of_mine.exclude(case__stage="archived").select_related("case").order_by("case_id")
    return list(members)


# ── for the page ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Evidence:
    """Why these belong together: what most of them say, who says it in the same words, from when to when."""

    words: Sequence[str]  # pieces, to mark them in the texts
    phrases: Sequence[str]  # what they say together
    people: int
    copies: int  # cases in nearly the words of an earlier one by somebody else
    batches: Sequence[str]
    first: datetime | None
    last: datetime | None


def evidence(cases: Sequence[Case], common: alike.Commonness, same_words: float) -> Evidence:
    """Of cases with their records, in the order they came."""
    texts = [f"{c.subject}\n{c.record.description}" for c in cases]
    heard = voices([c.pk for c in cases])
    copies = [
        later for n, later in enumerate(heard[:60]) if any(
            earlier.customer_id != later.customer_id and likeness(later.text[:2000], earlier.text[:2000]) >= same_words
            for earlier in heard[:n]
        )
    ]  # fmt: skip
    counts: dict[str, int] = {}
    for case in cases:
        if case.batch:
            counts[case.batch] = counts.get(case.batch, 0) + 1
    words = alike.shared_pieces(texts[:60], common)
    return Evidence(
        words, alike.phrases(texts[:60], words), len(people(heard, same_words)), len(copies),
        sorted((b for b, n in counts.items() if n >= 2), key=lambda b: -counts[b]),
        heard[0].at if heard else None, heard[-1].at if heard else None,
    )  # fmt: skip


def of_case(case: Case) -> Member | None:
    """The group this case is in or suggested to."""
    found = case.groups.exclude(state=Member.State.OUT).exclude(group__state=Group.State.DISMISSED)
    member: Member | None = found.select_related("group", "group__lead").order_by("-pk").first()
    return member
