"""What the table gives: exact sums, each step a sentence with its values beside it. Source: RS-2, RS-11.

Facts, all whole numbers: `loss_fen` proven direct loss, `price_fen` price of the product, `order_fen` amount of the
order, `costs_fen` reasonable proven costs (travel, tests), `delay_days`. Sums are exact fractions until the last step,
then rounded half up to one fen (points: to one point).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.errors import Invalid
from wenguo.text.amounts import yuan

from .contents import BaseRule, CompensationKind
from .schema import Pack, covers

LARGEST_FEN = 10**13
FACTS = {
    "loss_fen": _lazy("实际损失"),
    "price_fen": _lazy("产品价款"),
    "order_fen": _lazy("订单金额"),
    "costs_fen": _lazy("合理费用"),
    "delay_days": _lazy("延误天数"),
}


@dataclass(frozen=True)
class Line:
    """One step: the sentence of how it was computed with the `names` in it, and its fen (0 where it is not money)."""

    text: str
    amount_fen: int
    names: Mapping[str, Any] = field(default_factory=dict)

    @property
    def formula(self) -> str:
        return self.text.format(**self.names)


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
        raise Invalid(_("没有会员等级“{tier}”").format(tier=tier), fields={"tier": _("请选择会员等级")})
    if not pack.has_category(category):
        raise Invalid(_("没有分类“{category}”").format(category=category), fields={"category": _("请先选择分类")})
    known = _checked(facts, needed(pack, kind, category))
    tier_title = pack.tier_title(tier)
    if row.how == "percent":
        return _percent(pack, row, tier, tier_title, category, known)
    names: dict[str, Any] = {"tier": tier_title, "unit": row.unit}
    if row.how == "points":
        times, order = row.tier.of(tier), known["order_fen"]
        units = _round(Fraction(order * times, 100))
        value = units * row.unit_value_fen
        text = _noop("{order} 元 × {times} 倍 = {units} {unit}（折合 {value} 元）")
        names = {"order": yuan(order), "times": times, "unit": row.unit}
    elif row.how == "units":
        units = row.tier.of(tier)
        value = units * row.unit_value_fen
        text = _noop("{tier}会员 {units} {unit}（每张折合 {each} 元，共 {value} 元）")
        names["each"] = yuan(row.unit_value_fen)
    else:
        units, value = 1, row.tier.of(tier)
        text = _noop("{tier}会员礼品 {units} {unit}（折合 {value} 元）")
    line = Line(text, value, {**names, "units": units, "value": yuan(value)})
    return Sum(kind, row.title, (line,), value, (row.when,), True, units, row.unit)


def _percent(
    pack: Pack, row: CompensationKind, tier: str, tier_title: str, category: str, facts: Mapping[str, int]
) -> Sum:
    base, lines, because = _base(pack, row, category, facts)
    added = row.tier.of(tier)
    share = Fraction(row.base_percent, 100)
    extra = Fraction(added, 100) * (share if pack.compensation.tier_adds == "percent_of_base" else 1)
    total = _round(base * (share + extra))
    plain = _round(base * share)
    of = yuan(_round(base))
    names = {"of": row.base_words, "base": of, "percent": row.base_percent, "sum": yuan(plain)}
    lines.append(Line(_noop("{of} {base} 元 × {percent}% = {sum} 元"), plain, names))
    if added:
        names = {"tier": tier_title, "base": of, "percent": f"{float(extra * 100):g}", "sum": yuan(total - plain)}
        text = _noop("{tier}会员加 {percent}%：{base} 元 × {percent}% = {sum} 元")
        lines.append(Line(text, total - plain, names))
    because.append(pack.compensation.rounding)
    return Sum(row.code, row.title, tuple(lines), total, tuple(because))


def _base(
    pack: Pack, row: CompensationKind, category: str, facts: Mapping[str, int]
) -> tuple[Fraction, list[Line], list[str]]:
    """The exact base amount in fen, with the lines and reasons that explain it."""
    because = [row.when]
    if row.base == "order":
        return Fraction(facts["order_fen"]), [], because
    rule = base_rule(pack, category)
    because.append(rule.because)
    if rule.measure == "delay":
        order, days = facts["order_fen"], facts["delay_days"]
        daily, cap = Fraction(order * rule.per_day_bp * days, 10_000), Fraction(order * rule.cap_percent, 100)
        base = min(daily, cap)
        names = {"order": yuan(order), "rate": f"{rule.per_day_bp / 100:g}", "days": days, "sum": yuan(_round(daily))}
        lines = [Line(_noop("{order} 元 × 每天 {rate}% × {days} 天 = {sum} 元"), 0, names)]
        if daily > cap:
            most = {"percent": rule.cap_percent, "sum": yuan(_round(cap))}
            lines.append(Line(_noop("以 {percent}% 为限 = {sum} 元"), 0, most))
    elif rule.measure == "product_price":
        base = Fraction(facts["price_fen"])
        lines = [Line(_noop("产品价款 {amount} 元"), 0, {"amount": yuan(facts["price_fen"])})]
    else:
        base = Fraction(facts["loss_fen"])
        lines = [Line(_noop("实际损失 {amount} 元"), 0, {"amount": yuan(facts["loss_fen"])})]
    if costs := facts.get("costs_fen", 0):
        base += costs
        lines.append(Line(_noop("加有凭据的合理费用 {amount} 元"), 0, {"amount": yuan(costs)}))
    return base, lines, because


def _checked(facts: Mapping[str, Any], wanted: tuple[str, ...]) -> dict[str, int]:
    wrong: dict[str, str] = {}
    known: dict[str, int] = {}
    for name, title in FACTS.items():
        value = facts.get(name)
        if value is None:
            if name in wanted:
                wrong[name] = _("请填写{title}").format(title=title)
        elif isinstance(value, bool) or not isinstance(value, int):
            wrong[name] = _("{title}应为整数（金额以分为单位）").format(title=title)
        elif not 0 <= value <= LARGEST_FEN:
            wrong[name] = _("{title}应在 0 与 {most} 之间").format(title=title, most=LARGEST_FEN)
        else:
            known[name] = value
    if wrong:
        raise Invalid(_("无法计算补偿：{why}").format(why=_("；").join(wrong.values())), fields=wrong)
    return known


def _round(amount: Fraction) -> int:
    """Half up; amounts are never negative here."""
    return int(amount + Fraction(1, 2))
