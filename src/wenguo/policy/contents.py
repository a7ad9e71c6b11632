"""The parts of the pack that say *what*: the taxonomy, what we give, what comes after, what we check, what we say.

All parts are frozen; money is whole fen; a percentage is a whole number. The pack itself stands in `schema.py`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .parts import Allowance, CategoryCode, Channel, Code, Fen, LevelNumber, Part, Percent, Role, RuleId, Words

# ── what it is about ──────────────────────────────────────────────────────────────────────────────────────


class Statement(Part):
    """A standard problem statement; its full code is `product.function.no_start`."""

    code: Code
    text: Words


class Sub(Part):
    """A sub-class of the taxonomy, `product.function`."""

    code: CategoryCode
    title: Words
    meaning: Words
    statements: tuple[Statement, ...] = Field(min_length=3, max_length=6)
    hints: tuple[Words, ...] = Field(min_length=3)  # words that point here, for search and suggestion
    questions: tuple[Words, ...] = Field(min_length=1)  # what to ask the customer


class Class(Part):
    code: Code
    title: Words
    subs: tuple[Sub, ...] = Field(min_length=1)


class Answer(Part):
    """An answer leads to another question (`to`) or to a sub-class (`sub`)."""

    text: Words
    to: Code | None = None
    sub: CategoryCode | None = None


class Question(Part):
    """A node of the decision tree; the first of the list is where one starts."""

    code: Code
    question: Words
    help: str = ""
    answers: tuple[Answer, ...] = Field(min_length=2)


class Level(Part):
    number: LevelNumber
    title: Words  # 一级
    name: Words  # 危机
    meaning: Words
    for_customers: Words | None = None  # the meaning in a complainant's words; without it, `meaning`
    examples: tuple[Words, ...]
    handled_by: Role
    look: Literal["filled-red", "filled-orange", "outline-blue", "outline-grey"]


# ── what we give ──────────────────────────────────────────────────────────────────────────────────────────


class ByTier(Part):
    regular: int = Field(ge=0)
    gold: int = Field(ge=0)
    diamond: int = Field(ge=0)

    def of(self, tier: str) -> int:
        """The figure of this tier; KeyError when there is no such tier."""
        if tier not in {"regular", "gold", "diamond"}:
            raise KeyError(tier)
        return int(getattr(self, tier))


class CompensationKind(Part):
    """A row of the compensation table (RS-2).

    percent: (base_percent + tier) % of the base amount, in fen.  units: `tier` pieces worth `unit_value_fen` each.
    gift: a gift worth `tier` fen.  points: `tier` points for each yuan of the order, worth `unit_value_fen` each.
    """

    code: Code
    title: Words
    when: Words
    how: Literal["percent", "units", "gift", "points"]
    base: Literal["loss", "order", "none"]
    base_words: Words
    base_percent: Percent = 0
    tier: ByTier
    unit: str = ""  # 张服务券, 积分
    unit_value_fen: Fen = 0
    items: tuple[Words, ...] = ()


class BaseRule(Part):
    """What the direct loss of a category is measured by.

    loss: the proven loss; product_price: the price of the product; delay: per day late, a percentage of the order
    (in hundredths of a percent), up to a cap.
    """

    id: RuleId
    category: CategoryCode
    measure: Literal["loss", "product_price", "delay"]
    per_day_bp: int = Field(default=0, ge=0, le=10_000)  # basis points of the order amount per day
    cap_percent: Percent = 100
    because: Words


class Compensation(Part):
    kinds: tuple[CompensationKind, ...]
    bases: tuple[BaseRule, ...]
    tier_adds: Literal["percentage_points", "percent_of_base"]
    rounding: Words
    counts: tuple[Words, ...]
    excludes: tuple[Words, ...]
    principles: tuple[Words, ...]
    pyramid: tuple[Words, ...]  # RS-14, the steps of recovery


# ── what comes after ──────────────────────────────────────────────────────────────────────────────────────


class FollowUpStep(Part):
    step: int = Field(ge=1, le=9)
    title: Words
    clock: RuleId
    after: Literal["executed", "followed_up"]
    attempts: int = Field(ge=1, le=10)  # so many before it counts as duly attempted
    attempts_apart: Allowance
    by_role: Role
    questions: tuple[Words, ...]


class SurveyQuestion(Part):
    code: Code
    measure: Literal["csat", "nps", "ces", "solved", "score", "text"]
    text: Words
    low: int = 0
    high: int = 0
    low_words: str = ""
    high_words: str = ""
    required: bool = False


class FollowUp(Part):
    steps: tuple[FollowUpStep, ...]
    channels: tuple[Channel, ...]
    survey: tuple[SurveyQuestion, ...]
    survey_days: int = Field(ge=1, le=365)
    content_from: int = Field(ge=1, le=5)  # CSAT from here on is content
    unhappy: tuple[Words, ...]  # FU-3, what happens when the customer is not content
    duly_attempted: Words


# ── what we check ─────────────────────────────────────────────────────────────────────────────────────────


class IntakeItem(Part):
    """One line of the record's completeness check, with the words to ask for it."""

    code: Code
    title: Words
    required: bool = True
    only: Literal["all", "enterprise", "product", "money"] = "all"
    ask: Words


class Check(Part):
    code: Code
    text: Words
    why: str = ""


class InvestigationList(Part):
    category: CategoryCode
    title: Words
    items: tuple[Check, ...]


class Checklists(Part):
    intake: tuple[IntakeItem, ...]
    frame: tuple[Check, ...]  # 6W2H
    investigation: tuple[InvestigationList, ...]
    liabilities: tuple[Check, ...]  # 有责、无责、双方责任 …
    traps: tuple[Words, ...]  # of root-cause analysis
    closing: tuple[Check, ...]


# ── what we say ───────────────────────────────────────────────────────────────────────────────────────────


class Placeholder(Part):
    name: Code
    meaning: Words
    example: Words


class ReplyParts(Part):
    """The five parts of a good reply (RP-2)."""

    apology: Words
    findings: Words
    actions: Words
    prevention: Words
    thanks: Words


TemplateUse = Literal[
    "acknowledgement", "progress", "extension", "reply", "refusal", "closing", "survey", "notice", "late", "request",
    "converted", "reopened", "withdrawn",
]  # fmt: skip


class Template(Part):
    """A text with placeholders; a reply has `parts`, everything else a `body`."""

    id: Code
    title: Words
    use: TemplateUse
    categories: tuple[CategoryCode, ...] = ()  # best for these; empty: for all
    subject: Words
    body: str = ""
    parts: ReplyParts | None = None

    @property
    def text(self) -> str:
        return self.body or "\n\n".join(self.parts.model_dump().values() if self.parts else ())


class Avoid(Part):
    """A phrase that makes it worse, why, and what to say instead."""

    phrases: tuple[Words, ...] = Field(min_length=1)
    kind: Literal["evasive", "policy", "blame", "jargon", "promise", "admission", "cold"]
    why: Words
    instead: Words


class Mood(Part):
    code: Code
    title: Words
    wants: Words
    signs: tuple[Words, ...]
    helps: tuple[Words, ...]
    avoid: tuple[Words, ...]


class Step(Part):
    title: Words
    say: tuple[Words, ...]


class Wording(Part):
    openings: tuple[Words, ...]
    empathy: tuple[Words, ...]
    avoid: tuple[Avoid, ...]
    calming: tuple[Step, ...]
    moods: tuple[Mood, ...]
    change: tuple[Step, ...]  # when to change the person, the place, the rank
    phone: tuple[Step, ...]
    objections: tuple[Step, ...]
    channel_advice: tuple[Step, ...]  # RP-1
