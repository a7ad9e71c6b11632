"""The policy pack: everything the enterprise has decided, typed. `Pack` is what a case is judged by.

Shapes: every list is a tuple of frozen parts, every code is unique within its list, money is whole fen.
A pack comes from YAML (`loading.load`) or from the database (`Pack.model_validate`). Cross-checks between the parts
stand in `loading.check`. Source: SY-7.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Protocol, TypeVar

from pydantic import Field

from wenguo.text.lexicon import Lexicon
from wenguo.text.own import Own

from .attention import Attention
from .attention import shipped as attention_shipped
from .contents import (
    Checklists,
    Class,
    Compensation,
    CompensationKind,
    FollowUp,
    InvestigationList,
    Level,
    Placeholder,
    Question,
    Statement,
    Sub,
    Template,
    Wording,
)
from .escalation import Escalation, shipped
from .major import Major
from .major import shipped as major_shipped
from .parts import (
    Allowance,
    Approval,
    CalendarSpec,
    Channel,
    ClockKind,
    ClockRule,
    Clocks,
    Code,
    Fen,
    LevelNumber,
    Part,
    Regime,
    Role,
    RouteRule,
    RuleId,
    Severity,
    Tier,
    Words,
)
from .words import WordList
from .words import own as own_of

__all__ = ["Allowance", "ClockRule", "Missing", "Pack", "Part", "Sub", "Template", "covers"]

# ── lists of reasons, codes and limits ────────────────────────────────────────────────────────────────────


class Titled(Part):
    code: Code
    title: Words
    meaning: str = ""


class RoleSpec(Part):
    code: Role
    title: Words
    meaning: Words


class TierSpec(Part):
    code: Tier
    title: Words
    meaning: Words


class ChannelSpec(Part):
    code: Channel
    title: Words
    public: bool = False  # others can read it
    third_party: bool = False
    offline: bool = False
    answer_by: Words  # how the acknowledgement goes out


class CauseBranch(Part):
    code: Code
    title: Words
    question: Words
    causes: tuple[Titled, ...]  # full code: man.skill


class ReturnReason(Part):
    code: Code
    title: Words
    meaning: Words
    needs_proposal: bool = False  # must name the department it belongs to


class PauseReason(Part):
    """Why a clock may stand still, which kinds it pauses, and what the customer is told."""

    code: Code
    title: Words
    meaning: Words
    pauses: tuple[ClockKind, ...] = Field(min_length=1)
    waits_for_customer: bool
    needs_proof: bool
    max_time: Allowance
    tell_customer: Words


class RefusalReason(Part):
    code: Code
    title: Words
    meaning: Words
    tell_customer: Words
    needs_proof: bool = False
    review_days: int = Field(ge=1, le=90)  # working days in which the customer may ask for a review


class SubmissionKind(Part):
    code: Literal["complaint", "consultation", "suggestion", "praise"]
    title: Words
    meaning: Words
    signs: tuple[Words, ...]


class ConversionRule(Part):
    id: RuleId
    from_kind: Literal["complaint", "consultation", "suggestion", "praise"]
    to_kind: Literal["complaint", "consultation", "suggestion", "praise"]
    when: Words
    approved_by: Role | None = None
    tell_customer: bool = True


class CountingRule(Part):
    """统计口径: what counts as what, the first rule that fits decides."""

    id: RuleId
    when: Literal[
        "outside_channel", "repeated", "overdue", "solved_on_the_spot", "solved_in_time_after_escalation", "otherwise"
    ]
    counts_as: Literal["complaint", "consultation", "not_counted"]
    because: Words


class Conversion(Part):
    kinds: tuple[SubmissionKind, ...]
    rules: tuple[ConversionRule, ...]
    counting: tuple[CountingRule, ...]


Share = Annotated[float, Field(ge=0, le=1)]


class Thresholds(Part):
    repeat_window_days: int = Field(ge=1, le=3650)
    repeat_likeness: Share  # from here on it is proposed as the same matter
    join_likeness: Share  # from here on the same person's text is joined to the open case
    remind_escalates_at: int = Field(ge=1)  # 催办 so often → supervisor
    returns_before_arbitration: int = Field(ge=1, le=9)
    handovers_alarm: int = Field(ge=1, le=99)
    group_people: int = Field(ge=2)
    group_window_hours: int = Field(ge=1)
    group_likeness: Share = 0.16  # from here on two texts may be about one matter; packs before it had none
    group_special_people: int = Field(ge=2)
    group_grave_people: int = Field(ge=2)
    group_representatives: int = Field(ge=1)
    extensions_max: int = Field(ge=0, le=9)
    extension_consent_days: int = Field(ge=1, le=365)  # a consent older than this is asked again
    payment_split_window_hours: int = Field(ge=1)
    payment_split_count: int = Field(ge=2)
    goodwill_window_days: int = Field(ge=1)  # cumulated per complainant
    classify_apply_from: Share  # whatever was measured, nothing is applied below it; 1: nothing at all
    classify_error_budget: Share = 0.1  # at most so many of the applied ones may be wrong
    classify_least_examples: int = Field(default=200, ge=50)  # decided cases before a model of one's own is taught
    reopen_days: int = Field(ge=1, le=3650)
    silence_days: int = Field(ge=1, le=90)
    five_why_from_level: LevelNumber
    both_sides_from_level: LevelNumber
    report_from_level: LevelNumber
    root_cause_max_depth: int = Field(ge=3, le=15)
    skip_investigation_from_level: LevelNumber  # 全权处理 may skip it from this level on
    likeness_similar_cases: Share
    one_pass_rounds: int = Field(ge=1)  # rounds of offers before a supervisor joins
    emergency_cash_fen: Fen
    emergency_cash_vip_fen: Fen
    internal_due_percent: int = Field(ge=1, le=100)  # the earlier internal date of a statutory clock
    first_contact_resolution_days: int = Field(ge=1, le=90)
    retention_years: int = Field(ge=1, le=100)


class Missing(KeyError):
    """The pack has no such code; a mistake of the program, since user input is checked at the door."""


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


_T = TypeVar("_T", bound=_Coded)


def _find(parts: Iterable[_T], code: str, what: str) -> _T:
    for part in parts:
        if part.code == code:
            return part
    raise Missing(f"{what}: {code}")


class Pack(Part):
    """The whole policy. Look things up with the methods; each raises `Missing` for an unknown code."""

    title: Words
    note: str = ""
    taxonomy: tuple[Class, ...]
    decision_tree: tuple[Question, ...]
    levels: tuple[Level, ...]
    severity: Severity
    escalation: Escalation = Field(default_factory=shipped)  # older versions of a pack do not speak of it
    attention: Attention = Field(default_factory=attention_shipped)
    major: Major = Field(default_factory=major_shipped)
    words: tuple[WordList, ...] = ()
    clocks: Clocks
    calendars: tuple[CalendarSpec, ...]
    responsibility: tuple[RouteRule, ...]
    compensation: Compensation
    approval: Approval
    followup: FollowUp
    checklists: Checklists
    placeholders: tuple[Placeholder, ...]
    templates: tuple[Template, ...]
    wording: Wording
    causes: tuple[CauseBranch, ...]
    sources: tuple[Titled, ...]  # where a fact comes from
    return_reasons: tuple[ReturnReason, ...]
    pause_reasons: tuple[PauseReason, ...]
    refusal_reasons: tuple[RefusalReason, ...]
    conversion: Conversion
    thresholds: Thresholds
    functions: tuple[Titled, ...]
    roles: tuple[RoleSpec, ...]
    tiers: tuple[TierSpec, ...]
    channels: tuple[ChannelSpec, ...]

    @property
    def own(self) -> Own | None:
        """The enterprise's own words, as texts are read with them."""
        return own_of(self.words)

    @property
    def felt(self) -> Lexicon | None:
        """What texts are listened to for feelings and threats with, where it is not as shipped."""
        return None if self.own is None else self.own.felt

    @property
    def subs(self) -> tuple[Sub, ...]:
        return tuple(s for c in self.taxonomy for s in c.subs)

    def has_category(self, code: str) -> bool:
        return any(code == c.code or any(code == s.code for s in c.subs) for c in self.taxonomy)

    def sub(self, code: str) -> Sub:
        return _find(self.subs, code, "sub")

    def class_of(self, code: str) -> Class:
        """The class of a class, sub or statement code."""
        return _find(self.taxonomy, code.split(".")[0], "class")

    def category_title(self, code: str) -> str:
        """「产品质量 · 功能缺陷」; of a class its title alone."""
        klass = self.class_of(code)
        return klass.title if "." not in code else f"{klass.title} · {self.sub('.'.join(code.split('.')[:2])).title}"

    def statement(self, code: str) -> Statement:
        head, _, tail = code.rpartition(".")
        return _find(self.sub(head).statements, tail, "statement")

    def level(self, number: int) -> Level:
        return next(x for x in self.levels if x.number == number)

    def clock(
        self,
        kind: str,
        *,
        level: int | None = None,
        channel: str | None = None,
        regime: str | None = None,
        step: int | None = None,
    ) -> ClockRule | None:
        """The most specific switched-on rule that applies, or None when the pack has no such promise."""
        fitting = [
            r
            for r in self.clocks.rules
            if r.on
            and r.kind == kind
            and (r.level is None or r.level == level)
            and (not r.channels or channel in r.channels)
            and r.regime == regime
            and (step is None or r.step in (None, step))
        ]
        return max(fitting, key=lambda r: (bool(r.channels), r.level is not None, r.step is not None), default=None)

    def clock_rule(self, id: str) -> ClockRule:
        found = next((r for r in self.clocks.rules if r.id == id), None)
        if found is None:
            raise Missing(f"clock: {id}")
        return found

    def regime(self, code: str) -> Regime:
        return _find(self.clocks.regimes, code, "regime")

    def template(self, id: str) -> Template:
        found = next((t for t in self.templates if t.id == id), None)
        if found is None:
            raise Missing(f"template: {id}")
        return found

    def templates_for(self, use: str, category: str = "") -> tuple[Template, ...]:
        """Templates of this use, the best first: made for the sub, made for its class, made for all."""
        fits = [t for t in self.templates if t.use == use and (not t.categories or _covers(t.categories, category))]
        return tuple(sorted(fits, key=lambda t: -max((len(c) for c in t.categories if covers(c, category)), default=0)))

    def investigation_for(self, category: str) -> tuple[InvestigationList, ...]:
        return tuple(x for x in self.checklists.investigation if _covers((x.category,), category))

    def calendar_spec(self, code: str) -> CalendarSpec:
        return _find(self.calendars, code, "calendar")

    def compensation_kind(self, code: str) -> CompensationKind:
        return _find(self.compensation.kinds, code, "compensation")

    def pause_reason(self, code: str) -> PauseReason:
        return _find(self.pause_reasons, code, "pause")

    def refusal_reason(self, code: str) -> RefusalReason:
        return _find(self.refusal_reasons, code, "refusal")

    def return_reason(self, code: str) -> ReturnReason:
        return _find(self.return_reasons, code, "return")

    def cause(self, code: str) -> Titled:
        """`man.skill` → its cause."""
        head, _, tail = code.partition(".")
        return _find(_find(self.causes, head, "cause").causes, tail, "cause")

    def cause_title(self, code: str) -> str:
        return f"{_find(self.causes, code.split('.')[0], 'cause').title} · {self.cause(code).title}"

    def source(self, code: str) -> Titled:
        return _find(self.sources, code, "source")

    def function_title(self, code: str) -> str:
        return _find(self.functions, code, "function").title

    def role_title(self, code: str) -> str:
        return _find(self.roles, code, "role").title

    def tier_title(self, code: str) -> str:
        return _find(self.tiers, code, "tier").title

    def channel(self, code: str) -> ChannelSpec:
        return _find(self.channels, code, "channel")

    def channel_title(self, code: str) -> str:
        return self.channel(code).title


def covers(category: str, code: str) -> bool:
    """Does the class or sub `category` cover `code`? `product` covers `product.function`."""
    return code == category or code.startswith(category + ".")


def _covers(categories: Iterable[str], code: str) -> bool:
    return any(covers(c, code) for c in categories)
