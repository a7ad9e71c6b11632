"""What the table gives: exact sums with the formula in words. Source: RS-2, RS-11.

Facts, all whole numbers: `loss_fen` proven direct loss, `price_fen` price of the product, `order_fen` amount of the
order, `costs_fen` reasonable proven costs (travel, tests), `delay_days`. Sums are exact fractions until the last step,
then rounded half up to one fen (points: to one point).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from wenguo.errors import Invalid

from .contents import BaseRule, CompensationKind
from .money import yuan
from .schema import Pack, covers

LARGEST_FEN = 10**13
FACTS = {
    "loss_fen": "实际损失",
    "price_fen": "产品价款",
    "order_fen": "订单金额",
    "costs_fen": "合理费用",
    "delay_days": "延误天数",
}


@dataclass(frozen=True)
class Line:
    """One line of the formula: what it is, how it was computed, and its fen (0 where it is not money)."""

    title: str
    formula: str
    amount_fen: int


@dataclass(frozen=True)
class Sum:
    """`total_fen`: money to pay, or the money value of what is given (`in_kind`); `units` of `unit` when in kind."""

    kind: str
    title: str
    lines: tuple[Line, ...]
    total_fen: int
    because: tuple[str, ...]
    in_kind: bool = False
    units: int = 0
    unit: str = ""

    @property
    def formula(self) -> str:
        return "；".join(line.formula for line in self.lines)


def base_rule(pack: Pack, category: str) -> BaseRule:
    """What the direct loss of this category is measured by; the sub before its class."""
    fitting = [b for b in pack.compensation.bases if covers(b.category, category)]
    return max(fitting, key=lambda b: b.category.count("."))


def needed(pack: Pack, kind: str, category: str) -> tuple[str, ...]:
    """The facts this kind needs, in the order to ask for them."""
    row = pack.compensation_kind(kind)
    if row.base == "order":
        return ("order_fen",)
    if row.base == "none":
        return ()
    measure = base_rule(pack, category).measure
    return {"loss": ("loss_fen",), "product_price": ("price_fen",), "delay": ("order_fen", "delay_days")}[measure]


def compute(pack: Pack, kind: str, tier: str, category: str, facts: Mapping[str, Any]) -> Sum:
    """What the table gives for this kind, customer tier, category and facts.

    Missing: no such kind. Invalid: unknown tier or category, a fact is missing, negative or not a whole number.
    """
    row = pack.compensation_kind(kind)
    if tier not in {t.code for t in pack.tiers}:
        raise Invalid(f"没有会员等级“{tier}”", fields={"tier": "请选择普通、金或钻石"})
    if not pack.has_category(category):
        raise Invalid(f"没有分类“{category}”", fields={"category": "请先选择分类"})
    known = _checked(facts, needed(pack, kind, category))
    tier_title = pack.tier_title(tier)
    if row.how == "percent":
        return _percent(pack, row, tier, tier_title, category, known)
    because = [f"{row.title}：{row.when}"]
    if row.how == "points":
        times, order = row.tier.of(tier), known["order_fen"]
        points = _round(Fraction(order * times, 100))
        value = points * row.unit_value_fen
        words = f"{yuan(order)} × {times} 倍 = {points} {row.unit}（折合 {yuan(value)}）"
        return Sum(kind, row.title, (Line(row.title, words, value),), value, tuple(because), True, points, row.unit)
    if row.how == "units":
        units = row.tier.of(tier)
        value = units * row.unit_value_fen
        words = f"{tier_title}会员 {units} {row.unit}（每张折合 {yuan(row.unit_value_fen)}，共 {yuan(value)}）"
    else:
        units, value = 1, row.tier.of(tier)
        words = f"{tier_title}会员礼品 {units} {row.unit}（折合 {yuan(value)}）"
    return Sum(kind, row.title, (Line(row.title, words, value),), value, tuple(because), True, units, row.unit)


def _percent(
    pack: Pack, row: CompensationKind, tier: str, tier_title: str, category: str, facts: Mapping[str, int]
) -> Sum:
    base, lines, because = _base(pack, row, category, facts)
    added = row.tier.of(tier)
    share = Fraction(row.base_percent, 100)
    extra = Fraction(added, 100) * (share if pack.compensation.tier_adds == "percent_of_base" else 1)
    total = _round(base * (share + extra))
    plain = _round(base * share)
    of = f"{row.base_words} {yuan(_round(base))}"
    lines.append(Line("基本补偿", f"{of} × {row.base_percent}% = {yuan(plain)}", plain))
    if added:
        percent = float(extra * 100)
        words = f"{tier_title}会员加 {percent:g}%：{yuan(_round(base))} × {percent:g}% = {yuan(total - plain)}"
        lines.append(Line("会员加成", words, total - plain))
    because.append(pack.compensation.rounding)
    return Sum(row.code, row.title, tuple(lines), total, tuple(because))


def _base(
    pack: Pack, row: CompensationKind, category: str, facts: Mapping[str, int]
) -> tuple[Fraction, list[Line], list[str]]:
    """The exact base amount in fen, with the lines and reasons that explain it."""
    because = [f"{row.title}：{row.when}"]
    if row.base == "order":
        return Fraction(facts["order_fen"]), [], because
    rule = base_rule(pack, category)
    because.append(rule.because)
    if rule.measure == "delay":
        order, days = facts["order_fen"], facts["delay_days"]
        daily, cap = Fraction(order * rule.per_day_bp * days, 10_000), Fraction(order * rule.cap_percent, 100)
        base = min(daily, cap)
        words = f"{yuan(order)} × 每天 {rule.per_day_bp / 100:g}% × {days} 天 = {yuan(_round(daily))}"
        if daily > cap:
            words += f",以 {rule.cap_percent}% 为限 = {yuan(_round(cap))}"
        lines = [Line("延误损失", words, 0)]
    else:
        name = "price_fen" if rule.measure == "product_price" else "loss_fen"
        base = Fraction(facts[name])
        lines = [Line(FACTS[name], f"{FACTS[name]} {yuan(facts[name])}", 0)]
    if costs := facts.get("costs_fen", 0):
        base += costs
        lines.append(Line("合理费用", f"加有凭据的合理费用 {yuan(costs)}", 0))
    return base, lines, because


def _checked(facts: Mapping[str, Any], wanted: tuple[str, ...]) -> dict[str, int]:
    wrong: dict[str, str] = {}
    known: dict[str, int] = {}
    for name, title in FACTS.items():
        value = facts.get(name)
        if value is None:
            if name in wanted:
                wrong[name] = f"请填写{title}"
        elif isinstance(value, bool) or not isinstance(value, int):
            wrong[name] = f"{title}应为整数（金额以分为单位）"
        elif not 0 <= value <= LARGEST_FEN:
            wrong[name] = f"{title}应在 0 与 {LARGEST_FEN} 之间"
        else:
            known[name] = value
    if wrong:
        raise Invalid("无法计算补偿：" + "；".join(wrong.values()), fields=wrong)
    return known


def _round(amount: Fraction) -> int:
    """Half up; amounts are never negative here."""
    return int(amount + Fraction(1, 2))
