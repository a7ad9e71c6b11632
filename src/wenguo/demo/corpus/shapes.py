"""What the corpus is made of. Money is whole fen, moments are aware UTC, days are Chinese calendar days.

Two families: what is written down (`Scenario` and its parts, texts still holding slots and choices) and what has been
woven for one customer (`Woven`, every text ready to be said).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

# --- the company -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """kind: head | branch | subbranch | outlet | department. calendar: standard | retail | hotline."""

    code: str
    title: str
    kind: str
    function: str
    parent: str | None
    region: str
    calendar: str
    address: str = ""
    phone: str = ""
    budget: int | None = None  # yuan a month for compensation


@dataclass(frozen=True)
class Post:
    unit: str
    role: str


@dataclass(frozen=True)
class StaffMember:
    username: str
    name: str
    phone: str
    email: str
    posts: tuple[Post, ...]


@dataclass(frozen=True)
class Deputy:
    """`deputy` stands in for `absent` from `from_day` to `to_day`, in days from today (negative: already begun)."""

    absent: str
    deputy: str
    from_day: int
    to_day: int
    reason: str


@dataclass(frozen=True)
class DemoAccount:
    username: str
    role: str
    try_this: str


@dataclass(frozen=True)
class Company:
    name: str
    short: str
    hotline: str
    website: str
    units: tuple[Unit, ...]
    staff: tuple[StaffMember, ...]
    deputies: tuple[Deputy, ...]
    demo_accounts: tuple[DemoAccount, ...]

    def unit(self, code: str) -> Unit:
        return next(unit for unit in self.units if unit.code == code)

    def holding(self, *roles: str) -> tuple[StaffMember, ...]:
        """Staff with at least one post in one of these roles, in the order of the file."""
        return tuple(one for one in self.staff if any(post.role in roles for post in one.posts))


@dataclass(frozen=True)
class Product:
    """`kind` is what customers call it (电热水壶); `batch` is a format over the day of production: {yy} {mm} {line}."""

    model: str
    title: str
    kind: str
    price_fen: int
    warranty_months: int
    batch: str
    lines: tuple[str, ...]
    serial: str


# --- those who complain ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """`place` is an outlet's unit code, or "mall" for the online shop."""

    number: str
    model: str
    batch: str
    serial: str
    bought_on: date
    paid_fen: int
    quantity: int
    place: str


@dataclass(frozen=True)
class Customer:
    """kind: person | company. tier: normal | gold | diamond. group: first | calm | frequent | professional (PV-1)."""

    code: str
    name: str
    kind: str
    contact: str
    honorific: str
    elder: bool
    age: int
    tier: str
    vip: bool
    group: str
    phone: str
    email: str
    wechat: str
    member_no: str
    region: str
    city: str
    address: str
    orders: tuple[Order, ...]


# --- what is written down --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """voice: phone_note | plain | rant | wechat | elder | mail | formal | sheet."""

    voice: str
    text: str


@dataclass(frozen=True)
class Fact:
    """aspect: what who when where why which how how_much. state: verified | unverified | contradicted."""

    aspect: str
    source: str
    state: str
    text: str


@dataclass(frozen=True)
class Statement:
    speaker: str
    text: str


@dataclass(frozen=True)
class Cause:
    """A node of the 5-why tree. bone: people | method | machine | material | environment | measurement."""

    bone: str
    text: str
    because: tuple[Cause, ...] = ()

    def roots(self) -> tuple[Cause, ...]:
        """The leaves: the causes for which nobody asked "why" again."""
        return tuple(root for one in self.because for root in one.roots()) or (self,)


@dataclass(frozen=True)
class Finding:
    """liability: ours | none | both. substantiated: full | partial | none | unknown."""

    liability: str
    substantiated: str
    text: str


@dataclass(frozen=True)
class Option:
    """Scores 1-5, always higher is better (5 for cost: cheap; 5 for risk: safe). The chosen option stands first."""

    text: str
    satisfaction: int
    ease: int
    cost: int
    benefit: int
    risk: int


@dataclass(frozen=True)
class Measure:
    """kind: refund exchange repair apology compensation points voucher gift process_change explanation.

    `amount` is a rule as written; in a `Woven` the rule is done and `amount_fen` holds the sum (0: costs nothing).
    """

    kind: str
    owner_function: str
    days: int
    amount: str
    text: str
    amount_fen: int = 0


@dataclass(frozen=True)
class Reply:
    """The five parts of RP-2."""

    apology: str
    found: str
    actions: str
    prevention: str
    thanks: str

    @property
    def parts(self) -> tuple[str, str, str, str, str]:
        return self.apology, self.found, self.actions, self.prevention, self.thanks


@dataclass(frozen=True)
class Reaction:
    """answer: accept | refuse | propose."""

    answer: str
    text: str


@dataclass(frozen=True)
class Turn:
    """How a case leaves the straight road; see `TURNS`. `text` is the reason given."""

    kind: str
    text: str


@dataclass(frozen=True)
class SurveyRange:
    """CSAT 1-5, NPS 0-10, CES 1-7 (7: effortless); each a pair (lowest, highest)."""

    csat: tuple[int, int]
    nps: tuple[int, int]
    ces: tuple[int, int]


@dataclass(frozen=True)
class Scenario:
    """One kind of complaint with several tellings.

    `age_days` is the age of the purchase, `days` how long ago it happened; `months` when it can happen at all; `bare`
    texts borrow no opening or closing words. Texts still hold slots and choices.
    """

    id: str
    category: str
    title: str
    level: int
    products: tuple[str, ...]
    channels: tuple[str, ...]
    age_days: tuple[int, int]
    days: tuple[int, int]
    amount: str
    wish: tuple[str, ...]
    wants: str
    flags: tuple[str, ...]
    weight: float
    months: tuple[int, ...]
    bare: bool
    stories: tuple[Story, ...]
    messages: tuple[str, ...]
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    statements: tuple[Statement, ...]
    causes: tuple[Cause, ...]
    finding: Finding | None
    options: tuple[Option, ...]
    measures: tuple[Measure, ...]
    reply: Reply
    reactions: tuple[Reaction, ...]
    calls: tuple[tuple[str, ...], tuple[str, ...]]
    survey: SurveyRange
    comments: tuple[str, ...]
    turns: tuple[Turn, ...]

    @property
    def ends_early(self) -> bool:
        """Never reaches an investigation: refused, praise, consultation, suggestion or withdrawn at once."""
        return any(turn.kind in EARLY_ENDS for turn in self.turns)


TURNS = {
    "refused": "不予受理",
    "withdrawn": "客户撤诉",
    "consultation": "转为咨询",
    "praise": "表扬",
    "suggestion": "建议",
    "returned_once": "退单一次",
    "returned_twice": "退单两次",
    "joint": "会办",
    "extended": "经客户同意延期",
    "override": "紧急越级审批",
    "reassessed": "不满意，重新评估",
    "reopened": "结案后重开",
    "chased": "客户催办",
    "supervised": "督办",
}
EARLY_ENDS = frozenset({"refused", "consultation", "praise", "suggestion"})


@dataclass(frozen=True)
class Common:
    """Pools of sentences any case may borrow. Keys: voices, turn kinds, reaction answers, content | unhappy."""

    voice_channels: dict[str, tuple[str, ...]]
    openers: dict[str, tuple[str, ...]]
    details: dict[str, tuple[str, ...]]
    closers: dict[str, tuple[str, ...]]
    messages: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    turns: dict[str, tuple[str, ...]]
    chances: dict[str, float]
    reactions: dict[str, tuple[str, ...]]
    thanks: tuple[str, ...]
    greeting: tuple[str, ...]
    first_calls: dict[str, tuple[str, ...]]
    second_calls: dict[str, tuple[str, ...]]
    comments: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Corpus:
    company: Company
    products: tuple[Product, ...]
    crowd: dict[str, Any]
    common: Common
    scenarios: tuple[Scenario, ...]

    def scenario(self, id: str) -> Scenario:
        return next(one for one in self.scenarios if one.id == id)

    def product(self, model: str) -> Product:
        return next(one for one in self.products if one.model == model)

    def of_category(self, category: str) -> tuple[Scenario, ...]:
        return tuple(one for one in self.scenarios if one.category == category)


# --- what has been woven ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Survey:
    csat: int
    nps: int
    ces: int
    comment: str


@dataclass(frozen=True)
class Woven:
    """One complaint ready to be acted out. Every text is final; `amount_fen` is what the customer asks for (0: none).

    `planted` names the planted story it belongs to (see `year.planted`), or is None. `happened_on` is the day of the
    event complained of. `solved_on_spot` tells that a frontline agent may finish it alone (全权处理).
    """

    scenario: str
    category: str
    level: int
    channel: str
    voice: str
    received_at: datetime
    happened_on: date
    customer: Customer
    product: Product
    order: Order
    title: str
    text: str
    wish: tuple[str, ...]
    wants: str
    amount_fen: int
    flags: tuple[str, ...]
    messages: tuple[str, ...]
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    statements: tuple[Statement, ...]
    causes: tuple[Cause, ...]
    finding: Finding | None
    options: tuple[Option, ...]
    measures: tuple[Measure, ...]
    reply: Reply
    reaction: Reaction
    first_call: str
    second_call: str
    survey: Survey
    turns: tuple[Turn, ...]
    handler: str
    outlet: str
    planted: str | None = None

    @property
    def solved_on_spot(self) -> bool:
        return self.level == 4 and not self.turns and sum(one.amount_fen for one in self.measures) <= 50_000

    def turn(self, kind: str) -> Turn | None:
        return next((turn for turn in self.turns if turn.kind == kind), None)

    @property
    def ending(self) -> str:
        """How it ends: refused | consultation | praise | suggestion | withdrawn | reassessed | reopened | normal."""
        kinds = {turn.kind for turn in self.turns}
        order = ("refused", "consultation", "praise", "suggestion", "withdrawn", "reopened", "reassessed")
        return next((kind for kind in order if kind in kinds), "normal")
