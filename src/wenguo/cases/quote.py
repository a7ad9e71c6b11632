"""What an option is worth and how good it is: the table's sums line by line, and the scores of the matrix.

Nothing here is written down; the page calculates while somebody types. Money is whole fen. Source: RS-1, RS-2, RS-4;
FIELD §7 (法定, 约定, 商誉 are separate amounts; a cap never reduces what the law gives).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases.case import Case
from wenguo.errors import Invalid
from wenguo.policy.compensation import LARGEST_FEN, compute, needed
from wenguo.policy.schema import Pack
from wenguo.policy.told import said, told, unit_told
from wenguo.text.amounts import yuan
from wenguo.text.normal import one_line


class Kind(models.TextChoices):
    """What an option does; usually several at once. Source: RS-1."""

    REFUND = "refund", _lazy("退款")
    EXCHANGE = "exchange", _lazy("换货")
    REPAIR = "repair", _lazy("维修")
    COMPENSATION = "compensation", _lazy("经济补偿")
    POINTS = "points", _lazy("积分")
    VOUCHER = "voucher", _lazy("服务券")
    GIFT = "gift", _lazy("礼品")
    APOLOGY = "apology", _lazy("道歉")
    EXPLANATION = "explanation", _lazy("解释说明")
    SERVICE_RECOVERY = "service_recovery", _lazy("服务补救")
    POLICY_CHANGE = "policy_change", _lazy("制度或流程改进")
    ESCALATED = "escalated", _lazy("升级处理")


class Basis(models.TextChoices):
    STATUTORY = "statutory", _lazy("法定")
    CONTRACT = "contract", _lazy("约定")
    GOODWILL = "goodwill", _lazy("商誉")


# Lines that no table computes: a refund is what was paid; `other` is anything else, and so always above the table.
REFUND, OTHER = "refund", "other"
# Which kind of option a line of this compensation kind makes it; what is not named here is paid in money.
_KIND_OF = {REFUND: Kind.REFUND, "service": Kind.VOUCHER, "gift": Kind.GIFT, "points": Kind.POINTS}
# Refunds and direct losses are owed by law; the rest is given.
_OWED = frozenset({REFUND, "economic"})


@dataclass(frozen=True)
class Item:
    """One amount of an option as it is asked for. `kind`: a row of the compensation table, `refund` or `other`.

    `facts` are those the table needs (`loss_fen`, `price_fen`, `order_fen`, `costs_fen`, `delay_days`); the amount of
    the order is known from the record. `amount_fen` None: what the table gives. `basis` empty: as usual for the kind.
    """

    kind: str
    facts: Mapping[str, int] = field(default_factory=dict)
    amount_fen: int | None = None
    basis: str = ""
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One amount, explained. `table_fen`: what the table gives, None where it is silent. `gives`: the option's kind.

    `formula` is how it came about in the source language; `steps` the same as (sentence, names), which old lines lack.
    """

    kind: str
    title: str
    basis: str
    amount_fen: int
    table_fen: int | None
    formula: str
    because: tuple[str, ...]
    gives: str
    in_kind: bool = False
    units: int = 0
    unit: str = ""
    note: str = ""
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    @property
    def name(self) -> str:
        """The title in the reader's language."""
        return _(self.title) if self.kind in _OWN and self.title else told(self.title)

    @property
    def explained(self) -> str:
        """The formula in the reader's language; an old one as it was written."""
        return _("；").join(said(text, names) for text, names in self.steps) or self.formula

    @property
    def is_over(self) -> bool:
        return self.table_fen is not None and self.amount_fen > self.table_fen

    @property
    def words(self) -> str:
        """「经济补偿 380.00 元」「积分补偿 4 995 积分(折合 49.95 元)」, as the customer may read it."""
        amount = _("{yuan} 元").format(yuan=yuan(self.amount_fen))
        if self.in_kind and self.amount_fen == self.table_fen:
            return _("{title} {units} {unit}（折合 {amount}）").format(
                title=self.name, units=self.units, unit=unit_told(self.unit, self.units), amount=amount
            )
        return f"{self.name} {amount}"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "because": list(self.because), "steps": [list(step) for step in self.steps]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Line:
        steps = tuple((text, names) for text, names in raw.get("steps", ()))
        return cls(**{**raw, "because": tuple(raw["because"]), "steps": steps})


@dataclass(frozen=True)
class Quote:
    """All amounts of an option together."""

    lines: tuple[Line, ...]

    @property
    def amount_fen(self) -> int:
        """The money value of everything: what decides who must approve."""
        return sum(line.amount_fen for line in self.lines)

    @property
    def goodwill_fen(self) -> int:
        """The part that nobody is owed; it is added up per customer."""
        return sum(line.amount_fen for line in self.lines if line.basis == Basis.GOODWILL)

    @property
    def over_table(self) -> bool:
        return any(line.is_over for line in self.lines)


def quote(case: Case, items: Sequence[Item]) -> Quote:
    """Calculate all items by the pack of the case. Invalid: names the item and what is wrong with it."""
    kinds = [item.kind for item in items]
    if twice := next((k for k in kinds if kinds.count(k) > 1), None):
        title = title_of(case.pack, twice)
        raise Invalid(_("「{title}」列了两次，请合并为一项").format(title=title), fields={"items": _("不能重复")})
    return Quote(tuple(_line(case, item) for item in items))


def choices(case: Case) -> list[tuple[str, str, tuple[str, ...]]]:
    """What may be asked for in this case: (kind, title, facts needed), told to the reader; a form is made from it."""
    kinds = case.pack.compensation.kinds if case.category else ()
    table = [(k.code, told(k.title), needed(case.pack, k.code, case.category)) for k in kinds]
    return [(REFUND, title_of(case.pack, REFUND), ()), *table, (OTHER, title_of(case.pack, OTHER), ())]


_OWN = {REFUND: _noop("退款"), OTHER: _noop("其他补偿")}


def title_of(pack: Pack, kind: str) -> str:
    """What a kind is called, in the reader's language."""
    return _(_OWN[kind]) if kind in _OWN else told(_title(pack, kind))


def _title(pack: Pack, kind: str) -> str:
    return _OWN.get(kind) or next((k.title for k in pack.compensation.kinds if k.code == kind), kind)


def _line(case: Case, item: Item) -> Line:
    known = {REFUND, OTHER, *(k.code for k in case.pack.compensation.kinds)}
    if item.kind not in known:
        raise Invalid(_("请从补偿标准中选择"), fields={"items": _("没有「{kind}」这一项").format(kind=item.kind[:40])})
    if item.basis and item.basis not in Basis.values:
        raise Invalid(_("请选择金额的依据"), fields={"basis": _("法定、约定或商誉")})
    _whole(item.amount_fen)
    basis = item.basis or (Basis.STATUTORY if item.kind in _OWED else Basis.GOODWILL).value
    note, title = one_line(item.note, 200), _title(case.pack, item.kind)
    gives = _KIND_OF.get(item.kind, Kind.COMPENSATION).value
    if item.kind in {REFUND, OTHER}:
        if not item.amount_fen:
            raise Invalid(_("请填写「{title}」的金额").format(title=_(title)), fields={"amount_fen": _("请填写金额")})
        # No more is refunded than was paid; what the record does not know is not a limit.
        table = case.record.order_fen if item.kind == REFUND else 0
        text, names = _noop("{title} {amount} 元"), {"title": {"word": title}, "amount": yuan(item.amount_fen)}
        formula = text.format(title=title, amount=names["amount"])
        return Line(
            item.kind, title, basis, item.amount_fen, table, formula, (), gives, note=note, steps=((text, names),)
        )
    facts = {k: v for k, v in {"order_fen": case.record.order_fen, **item.facts}.items() if v is not None}
    result = compute(case.pack, item.kind, case.customer.current.tier, case.category, facts)
    amount = result.total_fen if item.amount_fen is None else item.amount_fen
    return Line(
        item.kind, title, basis, amount, result.total_fen, result.formula, result.because, gives,
        result.in_kind, result.units, result.unit, note, tuple((line.text, line.names) for line in result.lines),
    )  # fmt: skip


def _whole(amount: object) -> None:
    if amount is None:
        return
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 <= amount <= LARGEST_FEN:
        raise Invalid(_("金额须为不小于零的整数（分）"), fields={"amount_fen": _("金额有误")})


# The matrix


@dataclass(frozen=True)
class Criterion:
    code: str
    title: Any
    weight: int  # percent
    low: Any
    high: Any


# Five points are the best everywhere: cost 5 is cheap, risk 5 is safe.
CRITERIA = (
    Criterion("satisfaction", _lazy("客户满意"), 30, _lazy("客户不会接受"), _lazy("客户会满意")),
    Criterion("ease", _lazy("时间与难度"), 15, _lazy("慢、难"), _lazy("快、容易")),
    Criterion("cost", _lazy("成本"), 20, _lazy("很贵"), _lazy("几乎不花钱")),
    Criterion("benefit", _lazy("长期效益"), 20, _lazy("只了此事"), _lazy("根治、留住客户")),
    Criterion("risk", _lazy("风险"), 15, _lazy("风险大"), _lazy("稳妥")),
)


def checked_scores(scores: Mapping[str, Any]) -> dict[str, int]:
    """All five scores, or none at all. Invalid: some are missing, or not 1 to 5."""
    if not any(scores.values()):
        return {}
    wrong = {c.code: _("请打 1 到 5 分") for c in CRITERIA if scores.get(c.code) not in range(1, 6)}
    if wrong:
        raise Invalid(_("方案比较的五项都须打 1 到 5 分"), fields=wrong)
    return {c.code: int(scores[c.code]) for c in CRITERIA}


def weighted(scores: Mapping[str, int], criteria: Sequence[Criterion] = CRITERIA) -> int | None:
    """The weighted score in hundredths, 100 to 500; None where it was not scored. Exact: weights are whole percent."""
    if not scores:
        return None
    total = sum(c.weight for c in criteria)
    return (200 * sum(scores[c.code] * c.weight for c in criteria) + total) // (2 * total)
