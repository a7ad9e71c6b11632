"""Group complaints: several people about one matter. The program suggests with its evidence, a person decides
(cases/grouping.py).

A suggestion changes no case. Who comes later is suggested to the confirmed group; what was dismissed does not come back
for the same people. One person with two numbers is one person; a text posted fifty times by one customer is no group.
Source: SP-4, TR-10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases.alike import Met, Trace, commonness, leave_trace
from wenguo.cases.case import Case, Nature
from wenguo.cases.lifecycle import OPEN
from wenguo.cases.notice import tell
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.policy.schema import Thresholds
from wenguo.policy.versions import in_force
from wenguo.spoken import counted_noop
from wenguo.text import alike, facts
from wenguo.text.likeness import likeness

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
        MERGED = "merged", _lazy("已并入另一组")  # it has no members any more

    matter = models.BigIntegerField(db_index=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.SUGGESTED)
    people = models.PositiveIntegerField()
    lead = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    newest_at = models.DateTimeField()
    decided_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")

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
    inside = grown(group, limits.join_likeness)
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


def grown(group: Group, same_words: float) -> list[int]:
    """Count the people anew, now that others are among them. The cases in the group."""
    received = dict(group.members.exclude(state=Member.State.OUT).values_list("case_id", "case__received_at"))
    inside = list(received)
    group.people = len(people(voices(inside), same_words))
    group.newest_at = max([group.newest_at, *received.values()])
    group.save(update_fields=["people", "newest_at"])
    return inside


def _comes_later(group: Group, case: Case, score: float, *, same_words: float, at: datetime) -> Group:
    _member, new = Member.objects.get_or_create(group=group, case=case, defaults={"likeness": score, "at": at})
    if new:
        grown(group, same_words)
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
