"""A case as its page shows it: each part read once, when it is first asked for. Nothing here changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases.case import Case, Channel, Liability, Nature, rows
from wenguo.cases.causes import CauseNode
from wenguo.cases.clock import Clock, Pause, State, Terms
from wenguo.cases.covered import as_received, as_written
from wenguo.cases.evidence import Evidence
from wenguo.cases.execution import Measure
from wenguo.cases.followup import UNHAPPY, FollowUp, Survey
from wenguo.cases.handover import Handover, JointTask, Supervision
from wenguo.cases.inquiry import InfoRequest
from wenguo.cases.intake import Submission, missing_items
from wenguo.cases.investigation import Fact, Finding
from wenguo.cases.lifecycle import ACTS, Offer, Stage, offers, why_not
from wenguo.cases.major import MAJOR, why
from wenguo.cases.model import in_force
from wenguo.cases.option import Option
from wenguo.cases.reply import Reply
from wenguo.cases.split import family
from wenguo.channels import language_model
from wenguo.compiled import ask
from wenguo.customers.customer import Customer, Order, family_ids
from wenguo.customers.masking import mask_email, mask_name, mask_phone
from wenguo.customers.privacy import Masked, masked
from wenguo.people.scope import reach
from wenguo.policy import promise
from wenguo.policy.told import told
from wenguo.policy.versions import calendar as calendar_of
from wenguo.policy.versions import current_pack
from wenguo.text.matters import matters
from wenguo.web.desk.suggestion import DangerSign, Proposal, danger_sign, proposal
from wenguo.web.desk.terms import CONTACTS, WISHES

FLAGS = {
    "major": (_lazy("重大"), "due"),
    "danger": (_lazy("有危险"), "due"),
    "vip": (_lazy("VIP"), "accent"),
    "repeat": (_lazy("重复投诉"), "warn"),
    "group": (_lazy("群诉"), "due"),
    "supervised": (_lazy("督办"), "due"),
    "unhappy": (_lazy("客户不满意"), "due"),
    "reassessed": (_lazy("重新评估"), "warn"),
    "override_owed": (_lazy("欠越级说明"), "due"),
    "program_category": (_lazy("程序分类"), "info"),
}
MATTERS_IN = 4000  # characters that are looked through for several matters while a page is made
EARLIER = 5  # earlier cases of the customer on the page; the rest is one tap away


# What a case has any of, asked along with the case itself: what it has none of is not asked for again.
_OF_CASE: dict[str, Any] = {
    "handovers": Handover.objects,
    "joint_tasks": JointTask.objects,
    "supervisions": Supervision.objects,
    "joined": Submission.objects.filter(state=Submission.State.JOINED),
    "evidence": Evidence.objects,
    "pauses": Pause.objects,
    "facts": Fact.objects,
    "findings": Finding.objects,
    "info_requests": InfoRequest.objects,
    "causes": CauseNode.objects,
    "options": Option.objects,
    "measures": Measure.objects,
    "replies": Reply.objects,
    "followups": FollowUp.objects,
    "surveys": Survey.objects,
    "split": Case.objects,
}

_BY = {"pauses": "clock__case", "split": "split_from"}


def _of_pauses(field: str) -> ArrayAgg:
    return ArrayAgg(f"pauses__{field}", filter=Q(pauses__isnull=False), order_by="pauses__since", default=[])


def marked(cases: Any) -> Any:
    """The cases with a mark `has_…` for each kind of thing that belongs to them."""
    return cases.annotate(
        has_merged=Exists(Customer.objects.filter(merged_into=OuterRef("customer"))),
        **{
            f"has_{name}": Exists(kind.filter(**{_BY.get(name, "case"): OuterRef("pk")}))
            for name, kind in _OF_CASE.items()
        },
    )


def flag_words(code: str) -> tuple[str, str]:
    """What a flag is called, and how it looks."""
    words, look = FLAGS.get(code, (code, ""))
    return str(words), look


@dataclass(frozen=True)
class Chip:
    """A clock as the page shows it: `used` 0 … 1 and more; `look` is the state the chip takes, "" while it runs."""

    clock: Clock
    used: float
    look: str
    paused_for: str

    @property
    def is_live(self) -> bool:
        return self.clock.state in {State.RUNNING, State.PAUSED}

    @property
    def is_late(self) -> bool:
        return self.look == "late"


@dataclass(frozen=True)
class Choice:
    """One of the further acts: its words, and why it cannot be done now ("" when it can)."""

    name: str
    words: str
    symbol: str
    why: str
    danger: bool
    direct: bool  # no form to fill: pressing it is enough


@dataclass(frozen=True)
class Move:
    """A move out of this stage: the offer of the lifecycle, and the form the desk has for it."""

    offer: Offer
    form: Any
    blocked: str  # what else stands in its way, as the desk's form knows

    @property
    def is_rare(self) -> bool:
        """A step back or an end, offered beside the way forward."""
        return bool(self.offer.act.back or (self.form and self.form.danger))

    @property
    def gates(self) -> list[tuple[str, bool]]:
        """What it waits for, in words, and whether it is there."""
        return [(g.words, g.open) for g in self.offer.gates]

    @property
    def missing(self) -> list[str]:
        """What stands in its way; empty when it can be done."""
        if self.offer.why_not or self.blocked:
            return [self.offer.why_not or self.blocked]
        return [g.words for g in self.offer.gates if not g.open]


class Folder:
    """Everything about one case for one reader at one moment."""

    def __init__(self, case: Case, person: Any, at: datetime) -> None:
        self.case, self.person, self.at = case, person, at

    def keep(self) -> Folder:
        """For a page that only shows: each set is read once, and not at all where a mark says it is empty."""
        if self.case.kept is None:
            self.case.kept = {name: [] for name in _OF_CASE if not self.has(name)}
        return self

    @property
    def assists(self) -> bool:
        """Is there a language model to ask, and may this reader?"""
        return language_model.is_on() and not why_not(self.case, "message", by=self.person, at=self.at)

    def has(self, *names: str) -> bool:
        """May the case have any of these? Yes also where nobody asked (`marked`)."""
        return any(getattr(self.case, f"has_{name}", True) for name in names)

    # ── the head ──

    @cached_property
    def steps(self) -> list[dict[str, Any]]:
        """The stages as {word, state: done | now | todo}; a case that ended early shows how."""
        order = list(Stage)
        here = order.index(Stage(self.case.stage))
        steps = [
            {"word": s.label, "state": "done" if i < here else "now" if i == here else "todo"}
            for i, s in enumerate(order)
        ]
        if self.case.outcome and self.case.outcome != "resolved":
            steps = [s for s in steps if s["state"] != "done"]
            steps.insert(0, {"word": self.case.get_outcome_display(), "state": "done"})
        return steps

    @cached_property
    def clocks(self) -> list[Chip]:
        """The promises of this round: those that run, the nearest first, then those that ended, the last first."""
        pauses = {f"pause_{f}": _of_pauses(f) for f in ("since", "until", "reason")} if self.has("pauses") else {}
        found = ask(("clocks", bool(pauses)), lambda pk: Clock.objects.filter(case=pk).annotate(**pauses), self.case.pk)
        chips = [self._chip(clock) for clock in found if clock.round == self.case.round]
        live = sorted(
            (c for c in chips if c.is_live), key=lambda c: (c.clock.due_at is None, c.clock.due_at or self.at)
        )
        over = sorted((c for c in chips if not c.is_live), key=lambda c: c.clock.ended_at or self.at, reverse=True)
        return [*live, *over]

    def _chip(self, clock: Clock) -> Chip:
        clock.case = self.case
        pauses = self._pauses(clock)
        terms = Terms(
            clock.started_at,
            promise.Allowance.from_spec(clock.allowance),
            calendar_of(clock.calendar, version_id=self.case.policy_id),
            [(since, until) for since, until, _reason in pauses],
        )
        used = 0.0
        if clock.state == State.RUNNING and clock.due_at:
            used = promise.used_percent(
                self.at, terms.start, clock.due_at, terms.calendar, terms.allowance, terms.pauses
            )
        waits = next((reason for _since, until, reason in pauses if until is None), None)
        reason = next((told(r.title) for r in self.case.pack.pause_reasons if r.code == waits), "")
        look = {State.PAUSED: "paused", State.CANCELLED: "cancelled"}.get(State(clock.state), "")
        if clock.state == State.MET:
            look = "met" if clock.is_on_time is not False else "late"
        return Chip(clock, used / 100, look, reason)

    def _pauses(self, clock: Clock) -> list[tuple[datetime, datetime | None, str]]:
        """(since, until, reason), the first first; read along with the clock where it was read for the page."""
        if "pause_since" in (read := vars(clock)):
            return list(zip(read["pause_since"], read["pause_until"], read["pause_reason"], strict=True))
        return (
            list(clock.pauses.order_by("since").values_list("since", "until", "reason")) if self.has("pauses") else []
        )

    @cached_property
    def proposal(self) -> Proposal | None:
        """What the words are probably about, while nobody has said so."""
        return proposal(self.case)

    @cached_property
    def danger(self) -> DangerSign | None:
        """A danger that may be spoken of, while nobody has said whether."""
        return danger_sign(self.case)

    @cached_property
    def major(self) -> tuple[list[str], str, list[str]] | None:
        """Why it is marked major: the rules by their titles, a person's reason, and what is done otherwise."""
        if MAJOR not in self.case.flags:
            return None
        rules, reason = why(self.case)
        part = self.pack_today.major
        return [told(part.title(rule)) for rule in rules], reason, [told(step) for step in part.procedure]

    @cached_property
    def matters(self) -> list[str]:
        """The titles of the several matters the story seems to tell, while it can still be split; else none."""
        case = self.case
        if case.stage not in ACTS["split"].stages or case.split_from_id or self.has("split"):
            return []
        known = {sub.code: sub.title for sub in case.pack.subs}
        found = [c for c in matters(case.record.description[:MATTERS_IN], in_force().model).codes if c in known]
        return [told(known[c]) for c in found] if len(found) > 1 else []

    @cached_property
    def siblings(self) -> list[Case]:
        """The other cases this complaint was split into."""
        return list(family(self.case)) if self.case.split_from_id or self.has("split") else []

    @cached_property
    def pack_today(self) -> Any:
        """The policy of the day: who may sign, and what is owed now."""
        return current_pack()

    @property
    def live_clocks(self) -> list[Chip]:
        return [c for c in self.clocks if c.is_live]

    @property
    def level_words(self) -> str:
        level = self.case.pack.level(self.case.level)
        return f"{told(level.title)} · {told(level.name)}"

    @property
    def category_words(self) -> str:
        return told(self.case.pack.category_title(self.case.category)) if self.case.category else ""

    @property
    def also_words(self) -> list[str]:
        return [told(self.case.pack.category_title(c)) for c in self.case.also]

    @property
    def nature_words(self) -> str:
        return str(Nature(self.case.nature).label)

    @property
    def channel_words(self) -> str:
        return str(Channel(self.case.channel).label)

    @property
    def liability_words(self) -> str:
        return str(Liability(self.case.liability).label) if self.case.liability else ""

    @property
    def wishes_words(self) -> str:
        return _("、").join(str(WISHES.get(w, w)) for w in self.case.record.wishes)

    @property
    def preferred_words(self) -> str:
        preferred = self.case.record.preferred_channel
        return str(CONTACTS.get(preferred, preferred)) if preferred else ""

    @property
    def mood_words(self) -> str:
        mood = self.case.record.mood
        return next((told(m.title) for m in self.case.pack.wording.moods if m.code == mood), mood)

    @property
    def flags(self) -> list[tuple[str, str]]:
        return [flag_words(f) for f in self.case.flags]

    # ── the customer, the record, the files ──

    @cached_property
    def sees_personal(self) -> bool:
        return bool(self.person.sees_personal(self.at))

    @cached_property
    def customer(self) -> Masked:
        return masked(self.case.customer.current, self.person, self.at)

    @cached_property
    def family(self) -> list[int]:
        """All records that are this customer; asked for only where one was merged into another."""
        customer = self.case.customer
        return family_ids(customer) if customer.merged_into_id or self.has("merged") else [customer.pk]

    @cached_property
    def orders(self) -> list[Order]:
        """The latest orders, that of the record first."""
        latest = ask("orders", lambda ids: Order.objects.filter(customer_id__in=ids)[:12], self.family)
        told = self.case.record.order_number
        return sorted(latest, key=lambda o: o.number != told)[:4]

    @cached_property
    def earlier(self) -> list[Any]:
        """Other cases of this customer that the reader may see, the newest first; one more than shown."""
        span = reach(self.person, self.at)

        def make(pk: int, family: Any, *reach: Any) -> Any:
            others = Case.objects.within(span.like(*reach)).filter(customer_id__in=family).exclude(pk=pk)
            told = others.order_by("-received_at", "-pk")
            return told.values("number", "subject", "stage", "level", "received_at")[: EARLIER + 1]

        return ask(("earlier", span.everything), make, self.case.pk, self.family, *span.values)

    @property
    def contact(self) -> dict[str, str]:
        """Name, phone and mail of the record as this reader may see them."""
        r = self.case.record
        if self.sees_personal:
            return {"name": r.contact_name, "phone": r.contact_phone, "mail": r.contact_mail}
        return {
            "name": mask_name(r.contact_name),
            "phone": mask_phone(r.contact_phone),
            "mail": mask_email(r.contact_mail) if r.contact_mail else "",
        }

    def as_written(self, words: str) -> str:
        """What we wrote to the customer, as this person may see it."""
        return as_written(self.case, words, self.person, self.at)

    def as_received(self, words: str) -> str:
        """What was received, as this reader may see it."""
        return as_received(self.case, words, self.person, self.at)

    @cached_property
    def evidence(self) -> list[Evidence]:
        return rows(self.case, "evidence")

    @cached_property
    def missing(self) -> list[Any]:
        """What the record form still lacks, with words ready to send."""
        return missing_items(self.case) if self.case.is_open else []

    @cached_property
    def joined(self) -> list[Submission]:
        """Later submissions that were taken as the same matter."""
        taken = self.case.submissions.filter(state=Submission.State.JOINED).order_by("received_at")
        return list(taken) if self.has("joined") else []

    # ── who has it ──

    @cached_property
    def handovers(self) -> list[Handover]:
        related = ("from_unit", "to_unit", "sent_by", "signed_by", "proposed_unit")
        return list(self.case.handovers.select_related(*related).order_by("pk")) if self.has("handovers") else []

    @property
    def to_sign(self) -> Handover | None:
        return next((h for h in self.handovers if h.state == Handover.State.SENT), None)

    @property
    def disputed(self) -> Handover | None:
        return next((h for h in self.handovers if h.state == Handover.State.DISPUTED), None)

    @property
    def returnable(self) -> Handover | None:
        """The dispatch this unit works under: the last one that is sent or signed."""
        last = self.handovers[-1] if self.handovers else None
        return last if last and last.state in {Handover.State.SENT, Handover.State.SIGNED} else None

    @cached_property
    def tasks(self) -> list[JointTask]:
        return sorted(rows(self.case, "joint_tasks"), key=lambda t: t.pk)

    @property
    def open_tasks(self) -> list[JointTask]:
        return [t for t in self.tasks if t.state == JointTask.State.OPEN]

    @cached_property
    def supervisions(self) -> list[Supervision]:
        return sorted(rows(self.case, "supervisions"), key=lambda s: s.pk)

    @property
    def open_supervisions(self) -> list[Supervision]:
        return [s for s in self.supervisions if s.reported_at is None]

    @cached_property
    def my_unit_ids(self) -> frozenset[int]:
        """Units this person has a post at, or stands in for."""
        return frozenset(p.unit_id for p in self.person.standing.effective(self.at))

    def is_of_unit(self, unit: Any) -> bool:
        return any(unit.is_within(p.unit) for p in self.person.standing.effective(self.at))

    @cached_property
    def last_grading(self) -> Any:
        return self.case.gradings.select_related("by").first()

    # ── what can be done ──

    @cached_property
    def moves(self) -> list[Move]:
        from wenguo.web.desk.common import forms

        found = [(o, forms.get(o.name)) for o in offers(self.case, by=self.person, at=self.at)]
        return [Move(o, form, form.why(self) if form and form.why else "") for o, form in found]

    @cached_property
    def choices(self) -> list[tuple[str, list[Choice]]]:
        """The further acts under their headings: all that this person's roles permit, with what stands in the way."""
        from wenguo.web.desk.common import forms

        moved = {m.offer.name for m in self.moves}
        groups: dict[str, list[Choice]] = {}
        for name, form in forms.items():
            act = ACTS[name]
            if not form.group or name in moved or not self.person.may(act.permission, self.at):
                continue
            why = why_not(self.case, name, by=self.person, at=self.at) or (form.why(self) if form.why else "")
            groups.setdefault(str(form.group), []).append(
                Choice(name, str(form.words), form.symbol, why, form.danger, not form.template)
            )
        return list(groups.items())

    @property
    def cannot(self) -> list[Choice]:
        """Of the further acts those that cannot be done now."""
        return [choice for _heading, some in self.choices for choice in some if choice.why]

    @cached_property
    def call_waits(self) -> bool:
        """Is a call-back to be made before anything else is decided?"""
        if self.case.stage != Stage.FOLLOWUP or UNHAPPY in self.case.flags:
            return False
        planned = [f for f in rows(self.case, "followups") if f.round == self.case.round]
        return any(f.state == FollowUp.State.PLANNED for f in planned)

    @property
    def may_call(self) -> bool:
        return self.case.owner_id != self.person.pk and self.can("call_back")

    def can(self, name: str) -> bool:
        """May this person do `name` in this stage? Gates aside."""
        return not why_not(self.case, name, by=self.person, at=self.at)

    def why_not(self, name: str) -> str:
        return why_not(self.case, name, by=self.person, at=self.at)

    def parts(self) -> dict[str, Any]:
        """What the sections that ride along behind an act need beside the folder."""
        from wenguo.web.desk.timeline import timeline

        return {"story": timeline(self), "show": ""}
