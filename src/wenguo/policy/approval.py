"""Who must approve a remedy: the stricter of level and amount decides. Source: RS-8, RS-9, RP-4."""

from __future__ import annotations

from .parts import ApprovalRule, ReplyGate, Role
from .schema import Pack


def deciding_rule(pack: Pack, level: int, amount_fen: int, over_table: bool = False) -> ApprovalRule:
    """The step that decides. `amount_fen`: the money value of all measures together, in fen, not negative.

    `over_table`: above the compensation table, which takes one step more (the last stays the last).
    """
    if amount_fen < 0:
        raise ValueError(f"amount_fen {amount_fen}")
    rules = pack.approval.rules
    by_level = next(n for n, r in enumerate(rules) if r.level <= level)
    by_amount = next(n for n, r in enumerate(rules) if r.up_to_fen is None or amount_fen <= r.up_to_fen)
    return rules[min(max(by_level, by_amount) + over_table, len(rules) - 1)]


def ladder_for(pack: Pack, level: int, amount_fen: int, over_table: bool = False) -> list[ApprovalRule]:
    """Every step that must sign, in order; the last one decides."""
    steps: list[ApprovalRule] = []

    def add(rule: ApprovalRule) -> None:
        for id in rule.after:
            add(pack.approval.rule(id))
        if rule not in steps:
            steps.append(rule)

    add(deciding_rule(pack, level, amount_fen, over_table))
    return steps


def may_sign(pack: Pack, rule: ApprovalRule) -> tuple[Role, ...]:
    """The roles that may sign this step: its own, and all that stand above it."""
    ranks = pack.approval.ranks
    return ranks[ranks.index(rule.role) :]


def next_above(pack: Pack, rule: ApprovalRule) -> ApprovalRule | None:
    """The step to escalate to when this one takes too long; None at the top."""
    rules = pack.approval.rules
    at = rules.index(rule) + 1
    return rules[at] if at < len(rules) else None


def most_fen(pack: Pack, role: str, level: int) -> int | None:
    """The most this role may approve alone on a case of this level: fen, 0 for nothing, None for no ceiling."""
    ranks = pack.approval.ranks
    if role not in ranks:
        return 0
    mine = [r for r in pack.approval.rules if ranks.index(r.role) <= ranks.index(role) and r.level <= level]
    if not mine:
        return 0
    return None if any(r.up_to_fen is None for r in mine) else max(r.up_to_fen or 0 for r in mine)


def reply_gates(pack: Pack, level: int, channel: str, admission: bool) -> list[ReplyGate]:
    """Who must release a written reply before it goes out; empty: nobody. A gate applies when any of its tests does."""
    return [
        gate
        for gate in pack.approval.reply_gates
        if (gate.up_to_level is not None and level <= gate.up_to_level)
        or channel in gate.channels
        or (gate.admission and admission)
    ]
