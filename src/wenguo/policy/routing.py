"""Who is responsible: the matrix category × region × product. Source: TR-5."""

from __future__ import annotations

from dataclasses import dataclass

from .parts import Role, RouteRule
from .schema import Pack, covers


@dataclass(frozen=True)
class Route:
    """lead, collaborate: unit functions. handling: full | transfer | joint. handled_by: role, or None: as the level
    says. because: words; rule: its id."""

    rule: str
    lead: str
    collaborate: tuple[str, ...]
    handling: str
    handled_by: Role | None
    because: str


def route(pack: Pack, category: str, region: str = "", product: str = "") -> Route:
    """The most specific rule that fits: a sub before its class, then product, then region. LookupError: none fits."""
    fitting = [
        r
        for r in pack.responsibility
        if covers(r.category, category) and r.region in ("", region) and r.product in ("", product)
    ]
    if not fitting:
        raise LookupError(f"route: {category}")
    return _route(max(fitting, key=lambda r: (r.category.count("."), bool(r.product), bool(r.region))))


def handled_by(pack: Pack, category: str, level: int, region: str = "", product: str = "") -> Role:
    """The role that handles it: the level's, or the rule's where that stands higher. Source: TR-8."""
    usual, wanted = pack.level(level).handled_by, route(pack, category, region, product).handled_by
    ranks = pack.approval.ranks
    if wanted is None or wanted not in ranks or usual not in ranks:
        return wanted or usual
    return max(usual, wanted, key=ranks.index)


def _route(rule: RouteRule) -> Route:
    return Route(rule.id, rule.lead, rule.collaborate, rule.handling, rule.handled_by, rule.because)
