"""The typed parts of the pack that say *when*, *how grave* and *who*: clocks, calendars, severity, approval, routes.

The pack itself, and what is said and asked, stand in `schema.py`. All parts are frozen; lists become tuples.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Role = Literal[
    "agent", "senior_agent", "supervisor", "manager", "executive", "investigator", "handler", "relationship",
    "legal", "inspector", "liaison", "improver", "admin",
]  # fmt: skip
Tier = Literal["regular", "gold", "diamond"]
Channel = Literal[
    "web", "app", "mail", "phone", "counter", "letter", "paper", "wechat", "weibo", "douyin", "review_site",
    "association", "regulator", "api", "other",
]  # fmt: skip
ClockKind = Literal[
    "acknowledge",  # the customer hears that it was received
    "first_contact",  # 首接负责制: a person confirms
    "respond",  # the customer hears how it will be handled
    "solve",  # the solution is offered and carried out
    "progress",  # the customer hears how it stands
    "handover",  # a department takes a dispatched case or returns it
    "arbitrate",  # a returned dispatch is decided on
    "joint",  # a sub-task of joint handling is done
    "request",  # a department answers an investigator's question
    "approve",  # an approval step is decided
    "override",  # the justification owed after an override
    "supervise",  # a written order is answered
    "statutory",  # the law's own deadline
    "followup",  # a follow-up contact; `step` says which
    "emergency",  # a step of the emergency regime; `step` says which
]
LevelNumber = Annotated[int, Field(ge=1, le=4)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
CategoryCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=80)]
RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Za-z0-9_-]*$", max_length=40)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Fen = Annotated[int, Field(ge=0)]
Percent = Annotated[int, Field(ge=0, le=1000)]


class Part(BaseModel):
    """Base of every part: frozen, no unknown keys, texts without blanks around them."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


# ── how long ──────────────────────────────────────────────────────────────────────────────────────────────


class Allowance(Part):
    """How long something may take: exactly one unit.

    `hours` working hours of the calendar; `working_days` with `rounding` (same time of day, or end of that day);
    `natural_days` end of that calendar day; `minutes_24x7` minutes on the wall clock.
    """

    hours: float | None = Field(default=None, gt=0, le=2000)
    working_days: int | None = Field(default=None, ge=1, le=400)
    rounding: Literal["same_time", "end_of_day"] = "same_time"
    natural_days: int | None = Field(default=None, ge=1, le=1000)
    minutes_24x7: int | None = Field(default=None, ge=1, le=60 * 24 * 60)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if sum(u is not None for u in (self.hours, self.working_days, self.natural_days, self.minutes_24x7)) != 1:
            raise ValueError(_("时限只能写一种单位：hours、working_days、natural_days、minutes_24x7 之一"))
        return self

    @property
    def spec(self) -> dict[str, Any]:
        """The plain form that `promise` computes with: {"hours": 2}, {"working_days": 3, "rounding": …}, …"""
        if self.working_days is not None:
            return {"working_days": self.working_days, "rounding": self.rounding}
        return self.model_dump(exclude_none=True, exclude={"rounding"})

    @property
    def words(self) -> str:
        """「4 个工作小时」「3 个工作日」「15 个自然日」「30 分钟(全天候)」"""
        if self.hours is not None:
            return f"{self.hours:g} 个工作小时"
        if self.working_days is not None:
            return f"{self.working_days} 个工作日" + ("（至当日下班）" if self.rounding == "end_of_day" else "")
        if self.natural_days is not None:
            return f"{self.natural_days} 个自然日"
        minutes = self.minutes_24x7 or 0
        whole, rest = divmod(minutes, 60)
        return (f"{whole} 小时" if whole and not rest else f"{minutes} 分钟") + "（全天候）"


class ClockRule(Part):
    """One promise with a deadline. Rules without `level`, `channels` or `regime` hold for all of them."""

    id: RuleId
    kind: ClockKind
    title: Words
    level: LevelNumber | None = None
    channels: tuple[Channel, ...] = ()
    regime: Code | None = None
    step: int | None = Field(default=None, ge=1, le=9)
    on: bool = True  # switched on; a rule that is off is shown but starts no clock
    allowance: Allowance
    stated: str = ""  # the words of the source, e.g. 24 小时
    calendar: Code | None = None  # None: the calendar of the responsible unit
    starts: Literal[
        "published", "received", "accepted", "dispatched", "returned", "asked", "ordered", "proposed", "overridden",
        "executed", "followed_up", "contacted", "notified", "declared",
    ]  # fmt: skip
    warnings: tuple[Annotated[int, Field(gt=0, lt=100)], ...] = (50, 75, 90)
    beyond_step: int = Field(default=50, ge=10, le=1000)  # percent; after 100 % the next escalation each such step
    pausable: bool = True
    escalate: tuple[Role, ...] = ()  # told at 100 %, then at each further step; the last stays on
    because: Words  # where the rule comes from, in words a customer may read

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if list(self.warnings) != sorted(set(self.warnings)):
            raise ValueError(_("预警百分比须由小到大且不重复"))
        if self.kind == "statutory" and self.pausable:
            raise ValueError(_("法定时限不得因等待客户而暂停，请写 pausable: false"))
        return self

    @property
    def basis(self) -> str:
        """「二级投诉方案时限:2 个工作日(48 小时)」"""
        stated = f"({self.stated})" if self.stated and self.stated != self.allowance.words else ""
        return f"{self.title}：{self.allowance.words}{stated}"


class Extension(Part):
    """One lawful extension of a statutory clock: what is added, and who must approve it."""

    adds: Allowance
    approver: Role
    tell_customer: bool = True
    because: Words


class Regime(Part):
    """A statutory profile: data with a version and a date. `verified` is false until somebody has read the source."""

    code: Code
    title: Words
    sector: Words
    authority: str = ""
    version: Words
    effective_from: date
    effective_to: date | None = None
    verified: bool = False
    verify_note: str = ""
    source: Words
    trigger: Words
    notice: str = ""  # what must be told to the complainant
    extensions: tuple[Extension, ...] = ()
    clock_stops: tuple[str, ...] = ()  # what alone stops this clock, e.g. 鉴定

    def in_force(self, on: date) -> bool:
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


class Clocks(Part):
    """All clock rules. `hours_mean` says how 24 h become working time (TR-8):

    `working_day_per_24h`: every full 24 hours are one working day, below 24 plain working hours;
    `plain_hours`: every hour is a working hour.
    """

    hours_mean: Literal["working_day_per_24h", "plain_hours"]
    hours_words: Words
    rules: tuple[ClockRule, ...]
    regimes: tuple[Regime, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _hours_to_days(cls, raw: Any) -> Any:
        """Apply the switch once, on reading: {"hours": 48} becomes two working days at the same time of day."""
        if not isinstance(raw, dict) or raw.get("hours_mean") != "working_day_per_24h":
            return raw
        rules = raw.get("rules")
        return {**raw, "rules": [_in_days(r) for r in rules]} if isinstance(rules, list | tuple) else raw


def _in_days(rule: Any) -> Any:
    allowance = rule.get("allowance") if isinstance(rule, dict) else None
    hours = allowance.get("hours") if isinstance(allowance, dict) and len(allowance) == 1 else None
    if not isinstance(hours, int | float) or hours < 24 or hours % 24:
        return rule
    days = {"working_days": int(hours // 24), "rounding": "same_time"}
    return {**rule, "allowance": days, "stated": rule.get("stated") or f"{hours:g} 小时"}


class DayHours(Part):
    """Opening hours of some weekdays (1 Monday … 7 Sunday): ["09:00-12:00", "13:30-18:00"]."""

    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(min_length=1)
    hours: tuple[Annotated[str, StringConstraints(pattern=r"^\d\d:\d\d-\d\d:\d\d$")], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        edges = [edge for span in self.hours for edge in span.split("-")]
        if any(not ("00:00" <= e <= "24:00") or e[3:] > "59" for e in edges) or edges != sorted(set(edges)):
            raise ValueError(_("营业时段须按先后顺序书写、不得重叠，形如 09:00-12:00"))
        return self


class CalendarSpec(Part):
    """A working calendar. `always`: 24×7. `holidays`: closed on statutory days off, open on make-up working days."""

    code: Code
    title: Words
    always: bool = False
    weekly: tuple[DayHours, ...] = ()
    holidays: bool = True
    makeup: tuple[str, ...] = ()  # hours of a make-up working day; empty: those of the first weekday given

    @model_validator(mode="after")
    def _open_sometime(self) -> Self:
        if self.always == bool(self.weekly):
            raise ValueError(_("请写 always: true（全天候）或 weekly（每周营业时段），二者取一"))
        days = [d for w in self.weekly for d in w.days]
        if len(days) != len(set(days)):
            raise ValueError(_("同一个星期几写了两次"))
        return self


# ── how grave ─────────────────────────────────────────────────────────────────────────────────────────────

DimensionCode = Literal["safety", "legal", "reach", "customer", "spread", "recurrence"]
FactName = Literal[
    "people_affected",  # int, customers with the same problem
    "tier",  # regular, gold, diamond
    "vip",  # bool
    "enterprise",  # bool, an enterprise customer
    "vulnerable",  # bool: minor, old and alone, disabled, seriously ill …
    "repeat_count",  # int, earlier complaints or reminders about the same matter
    "escalated_before",  # bool, this person went outside before
    "channel",  # channel code
    "category",  # category code; a class stands for all its subs
    "injury",  # none, slight, serious, death
    "loss_fen",  # int
    "order_fen",  # int
    "followers",  # int, followers of the author of a public post
    "reposts",  # int
    "returned_count",  # int, dispatches returned
    "days_silent",  # int, days without a word to the customer
    "emotion",  # int 0–3: calm, disappointed, angry, furious
    "claim_times",  # int, the claim as a multiple of the order
    "group_people",  # int, different people of the confirmed group the case belongs to
    "danger_percent",  # int 0–100: how probable the reading of the text finds a danger
    "danger_confirmed",  # bool, a person has said that a danger is spoken of
]


class Condition(Part):
    """A test on one fact: exactly one of `at_least`, `is_true`, `any_of` (a class code covers its subs)."""

    fact: FactName
    at_least: int | None = None
    is_true: bool | None = None
    any_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.at_least is not None) + (self.is_true is not None) + bool(self.any_of) != 1:
            raise ValueError(_("条件只能写一种：at_least（至少）、is_true（是否）、any_of（其中之一）"))
        return self


class Dimension(Part):
    """One of six dimensions with its weight and what 0, 1, 2 and 3 points mean."""

    code: DimensionCode
    title: Words
    weight: int = Field(ge=1, le=10)
    bands: tuple[Words, Words, Words, Words]


class Signal(Part):
    """Words that give points on a dimension when a text says them (and does not deny them)."""

    code: Code
    title: Words
    dimension: DimensionCode
    points: int = Field(ge=1, le=3)
    terms: tuple[Words, ...] = Field(min_length=1)
    unless: tuple[Words, ...] = ()  # expressions around such words that mean no harm: 心态爆炸


class FactRule(Part):
    """A fact that gives points on a dimension."""

    id: RuleId
    when: Condition
    dimension: DimensionCode
    points: int = Field(ge=1, le=3)
    because: Words


class FloorRule(Part):
    """At least this level, whatever the score: when any of the signals is heard or any condition holds."""

    id: RuleId
    level: LevelNumber
    signals: tuple[Code, ...] = ()
    when: tuple[Condition, ...] = ()
    because: Words


class ScoreBand(Part):
    """From this total on, this level."""

    level: LevelNumber
    from_total: int = Field(ge=0)


class Severity(Part):
    dimensions: tuple[Dimension, ...]
    signals: tuple[Signal, ...]
    facts: tuple[FactRule, ...]
    floors: tuple[FloorRule, ...]
    bands: tuple[ScoreBand, ...]
    regrading: tuple[Words, ...] = ()  # TR-4, when to look again

    @property
    def max_total(self) -> int:
        return sum(3 * d.weight for d in self.dimensions)


# ── who decides ───────────────────────────────────────────────────────────────────────────────────────────


class ApprovalRule(Part):
    """A step of the ladder: this role decides up to this level and amount, after the rules in `after` have signed."""

    id: RuleId
    role: Role
    level: LevelNumber  # the gravest level this step may decide
    up_to_fen: Fen | None = None  # None: no ceiling
    after: tuple[RuleId, ...] = ()
    max_time: Allowance
    because: Words


class Override(Part):
    """越级审批 in an emergency: who may, and the justification owed afterwards."""

    id: RuleId
    roles: tuple[Role, ...]
    clock: RuleId  # the clock rule of the owed justification
    needs: tuple[Words, ...]
    because: Words


class ReplyGate(Part):
    """RP-4: who must release a reply before it goes out."""

    id: RuleId
    role: Role
    up_to_level: LevelNumber | None = None  # replies on cases of this level or graver
    channels: tuple[Channel, ...] = ()
    admission: bool = False  # a written admission of fault
    because: Words


class Approval(Part):
    rules: tuple[ApprovalRule, ...]
    ranks: tuple[Role, ...]  # rising; whoever stands higher may sign for a lower step
    over_table: Words  # above the table: one step higher, with a reason
    over_budget: Literal["warn", "block"] = "warn"  # an amount beyond the unit's budget: say so, or refuse to sign
    override: Override
    reply_gates: tuple[ReplyGate, ...] = ()

    def rule(self, id: str) -> ApprovalRule:
        return next(r for r in self.rules if r.id == id)


class RouteRule(Part):
    """Category (a class or a sub) × optional region × optional product → who leads, who helps."""

    id: RuleId
    category: CategoryCode
    region: str = ""
    product: str = ""
    lead: Code
    collaborate: tuple[Code, ...] = ()
    handling: Literal["full", "transfer", "joint"]  # 全权处理, 转办, 会办
    handled_by: Role | None = None  # None: as the level says
    because: Words
