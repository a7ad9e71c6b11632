"""The solution of a story: options in a matrix, signatures, the customer's word, measures, money, carried out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from wenguo.cases import approval, authority, clock, evidence, execution, override, payment, resolution
from wenguo.cases.option import Option
from wenguo.cases.quote import Item
from wenguo.cases.resolution import Draft
from wenguo.demo import pictures, words
from wenguo.demo.corpus.shapes import Measure
from wenguo.demo.opening import BY_STAFF
from wenguo.demo.scene import Scene
from wenguo.errors import NotNow
from wenguo.people.staff import Person
from wenguo.policy import compensation
from wenguo.policy.versions import in_force

ITEMS = {"refund": "refund", "compensation": "economic", "points": "points", "voucher": "service", "gift": "gift"}
RETURNED = 0.05
LATE_APPROVAL = 0.06
PAYS = ("hq-fin",)


def solve(scene: Scene) -> None:
    """Compare, choose, sign, offer, agree; then plan, do, pay and finish."""
    option = _propose_all(scene)
    _signed(scene, option, first=True)
    option = _agreed(scene, option)
    _carry_out(scene, option, scene.woven.measures)


def solve_again(scene: Scene) -> None:
    """A second, better solution after the first did not content the customer."""
    kinds = ["apology", "service_recovery"]
    items = [] if scene.chance(0.4) else [Item("service")]
    title, what = "重新协商后的方案", scene.says("better")
    option = resolution.draft_option(
        scene.case, Draft(title, what, kinds, items, _scores(scene), scene.says("success")), by=scene.lead,
        at=scene.share(0.6),
    )  # fmt: skip
    resolution.choose(option, scene.says("choose_why"), by=scene.lead, at=scene.share(0.61))
    _signed(scene, _fresh(scene, option))
    option = _agreed(scene, _fresh(scene, option), content=True)
    unit = scene.place
    done = Measure("apology", unit.function or "customer_service", 1, "0", what)
    more = [Measure("voucher", "customer_service", 2, "0", "赠送服务券一张")] if items else []
    _carry_out(scene, option, (done, *more))


# Options


def _fresh(scene: Scene, option: Option) -> Option:
    option.refresh_from_db()
    option.case = scene.case
    return option


def _propose_all(scene: Scene) -> Option:
    """The chosen one of the story with its amounts, and the alternatives it was compared with."""
    woven, by = scene.woven, scene.lead
    own = woven.options[0] if woven.options else None
    what = [scene.own(m.text) for m in woven.measures]
    title = scene.own(own.text) if own else woven.title
    kinds = list(dict.fromkeys(words.KINDS.get(m.kind, m.kind) for m in woven.measures)) or ["explanation"]
    items, success = _items(scene, woven.measures), scene.says("success")
    draft = Draft(title, "；".join(what) or title, kinds, items, _as_scores(own), success)
    chosen = _drafted(scene, draft, scene.share(0.6))
    for other in woven.options[1:]:
        kind = words.option_kind(other.text)
        items = [Item("refund", amount_fen=woven.order.paid_fen)] if kind == "refund" else []
        text = scene.own(other.text)
        _drafted(scene, Draft(text, text, [kind], items, _as_scores(other)), scene.share(0.61))
    resolution.choose(chosen, scene.says("choose_why"), by=by, at=scene.share(0.63))
    return _fresh(scene, chosen)


def _drafted(scene: Scene, draft: Draft, at: datetime) -> Option:
    """With a reason, which is kept where the amounts are above the table."""
    draft = replace(draft, over_reason=scene.says("over_reason"))
    return resolution.draft_option(scene.case, draft, by=scene.lead, at=at)


def _as_scores(option: Any) -> dict[str, int]:
    names = ("satisfaction", "ease", "cost", "benefit", "risk")
    return {name: getattr(option, name) for name in names} if option else {}


def _scores(scene: Scene) -> dict[str, int]:
    return {name: scene.rng.randint(3, 5) for name in ("satisfaction", "ease", "cost", "benefit", "risk")}


def _items(scene: Scene, measures: tuple[Measure, ...]) -> list[Item]:
    """The measures that cost something, as rows of the compensation table; one row a kind."""
    sums: dict[str, int] = {}
    for one in measures:
        if one.kind in ITEMS and (one.amount_fen or one.kind == "points"):
            sums[ITEMS[one.kind]] = sums.get(ITEMS[one.kind], 0) + one.amount_fen
    return [_item(scene, kind, fen) for kind, fen in sums.items()]


def _item(scene: Scene, kind: str, fen: int) -> Item:
    if kind == "points":
        return Item(kind)
    if kind != "economic":
        return Item(kind, amount_fen=fen)
    facts = _loss(scene, fen)
    given = compensation.compute(scene.case.pack, kind, scene.case.customer.tier, scene.case.category, facts).total_fen
    if given < fen:  # proven costs besides: travel, tests, repairs elsewhere
        facts["costs_fen"] = fen - given
    return Item(kind, facts, amount_fen=fen)


def _loss(scene: Scene, fen: int) -> dict[str, int]:
    order = scene.woven.order.paid_fen
    days = max(1, (scene.woven.received_at.date() - scene.woven.happened_on).days)
    measure = compensation.base_rule(scene.case.pack, scene.case.category).measure
    return {
        "product_price": {"price_fen": min(order, fen)}, "loss": {"loss_fen": fen},
        "delay": {"order_fen": order, "delay_days": days},
    }[measure]  # fmt: skip


# Signatures


def _signed(scene: Scene, option: Option, *, first: bool = False) -> None:
    """Every step of the ladder, by whoever may and is there; in an emergency over their heads."""
    steps = approval.propose(option, by=scene.lead, at=scene.share(0.66))
    if first and (turn := scene.woven.turn("override")):
        _overridden(scene, option, turn.text)
        return
    if first and scene.chance(RETURNED) and not scene.stop:
        steps = _returned(scene, option, steps[0])
    for place, step in enumerate(steps):
        if place == len(steps) - 1:
            scene.halt("approval", 0.3, within=6)
        late = scene.chance(LATE_APPROVAL) and not scene.stop
        scene.after(*((500, 900) if late else (2, 12) if scene.stop else (6, 110)))
        approval.approve(step, scene.says("approve_words"), by=_signer(scene, step), at=scene.at)


def _signer(scene: Scene, step: approval.Approval) -> Person:
    """One of those it waits for: not away, the deputy of who is first; else of a higher rank."""
    cast, at = scene.cast, scene.at
    asked = [cast.people[p.username] for p in approval.signers(step, at=at) if p.username in cast.people]
    there = [p for p in asked if not cast.is_away(p, at)]
    lent = [p for p in there if cast.stands_in(p, at)]
    if there:
        return scene.a(lent or there)
    others = [p for p in cast.people.values() if p.may("case.approve", at) and not cast.is_away(p, at)]
    able = [p for p in others if approval.in_whose_name(step, p, at=at) is not None]
    if able:
        return scene.a(able)
    raise NotNow(f"nobody may sign {step.rule}")


def _returned(scene: Scene, option: Option, step: approval.Approval) -> list[approval.Approval]:
    """退回 once: the option is written better and proposed again."""
    scene.after(10, 90)
    approval.return_(step, scene.says("approve_return"), by=_signer(scene, step), at=scene.at)
    option = _fresh(scene, option)
    what = f"{option.what}\n{scene.says('option_again')}"
    items = _items(scene, scene.woven.measures)
    draft = Draft(option.title, what, option.kinds, items, option.scores, option.success, option.over_reason)
    changed = resolution.change_option(option, draft, by=scene.lead, at=scene.after(15, 100))
    return approval.propose(_fresh(scene, changed), by=scene.lead, at=scene.after(2, 10))


def _overridden(scene: Scene, option: Option, reason: str) -> None:
    """越级审批, and the justification owed for it the next day; the newest still owe theirs."""
    case, at = scene.case, scene.after(8, 40)
    who = _overrider(scene, option, at)
    made = override.override(_fresh(scene, option), reason, by=who, at=at)
    recent = scene.now - scene.woven.received_at < timedelta(days=8)
    if recent and scene.chance(0.5):
        return
    due = scene.hours.add(at, scene.rng.randint(90, 420))

    def justify(scene: Scene, then: datetime) -> None:
        name, data = pictures.of(scene.woven, scene.rng, then.date())[0]
        stored = evidence.store(name, iter([data]))
        proof = evidence.attach(case, stored, by=who, at=then, note=words.pools()["justify_evidence"])
        override.justify(made, words.pools()["justify"], [proof], by=who, at=then)

    scene.meanwhile(due, justify)


def _overrider(scene: Scene, option: Option, at: datetime) -> Person:
    case = scene.case
    roles, units = in_force(at).pack.approval.override.roles, authority.units_above([case.unit, case.intake_unit])
    authors = {option.drafted_by_id, option.submitted_by_id or 0}
    people = scene.cast.leads(case.intake_unit, *roles) + scene.cast.leads(scene.place, *roles)
    there = [p for p in people if p.may("case.override", at) and not scene.cast.is_away(p, at)]
    return next(p for p in there if authority.name_for(roles, units, authors, p, at))


# With the customer


def _agreed(scene: Scene, option: Option, content: bool = False) -> Option:
    """Offer it and hear the answer; a refusal or another wish leads to a second offer."""
    option = _fresh(scene, option)
    if resolution.consent_waived(option):
        return option
    resolution.offer(option, by=scene.lead, at=scene.share(0.79))
    if not scene.stop and scene.chance(0.2):
        _wait_for_choice(scene)
    scene.halt("consent", 0.25, within=7)
    reaction = scene.woven.reaction
    verdict = "accept" if content else {"propose": "counter"}.get(reaction.answer, reaction.answer)
    said = "" if content else scene.own(reaction.text)
    if verdict == "accept" and content:
        said = scene.says("accepted", "noted" if scene.woven.channel in BY_STAFF else "customer")
    _answer(scene, option, verdict, said)
    if verdict == "accept":
        return _fresh(scene, option)
    return _second_offer(scene, option, said, angry=verdict == "refuse")


def _wait_for_choice(scene: Scene) -> None:
    """While the customer chooses, the promise stands still."""
    running = scene.case.clocks.running().filter(kind="solve", pausable=True, extended_until=None).exists()
    who = scene.lead if scene.lead.may("case.pause", scene.at) else scene.first
    if running:
        clock.pause(scene.case, "customer_choosing", scene.says("choosing"), by=who, at=scene.after(2, 12))
        assert scene.target is not None
        before = scene.at
        scene.days(0.1, 1.4)
        scene.target = scene.hours.add(scene.target, scene.hours.between(before, scene.at))


def _answer(scene: Scene, option: Option, verdict: str, said: str) -> None:
    own_hand = scene.woven.channel not in BY_STAFF
    by = scene.case.customer if own_hand else scene.lead
    channel = scene.case.channel if own_hand else "phone"
    resolution.answer(_fresh(scene, option), verdict, said, by=by, at=scene.share(0.83), channel=channel)


def _second_offer(scene: Scene, first: Option, said: str, *, angry: bool) -> Option:
    """What the customer asked for where we can; where nothing more is due, a full explanation that needs no consent."""
    if scene.woven.planted == "professional" or scene.case.liability == "none":
        draft = Draft("书面说明并告知途径", scene.says("explain_only"), ["explanation", "policy_change"])
    else:
        items = _items(scene, scene.woven.measures)
        if angry and "service" not in {i.kind for i in items}:
            items.append(Item("service"))
        what = scene.says("second_option", "refuse" if angry else "counter", what=said)
        draft = Draft("调整后的方案", f"{first.what}\n{what}", [*first.kinds, "service_recovery"], items)
    option = _drafted(scene, draft, scene.after(15, 70))
    resolution.choose(option, "按客户意见调整", by=scene.lead, at=scene.after(2, 8))
    for step in approval.propose(_fresh(scene, option), by=scene.lead, at=scene.after(2, 10)):
        approval.approve(step, scene.says("approve_words"), by=_signer(scene, step), at=scene.after(6, 80))
    option = _fresh(scene, option)
    if not resolution.consent_waived(option):
        resolution.offer(option, by=scene.lead, at=scene.after(5, 30))
        scene.after(20, 200)
        _answer(scene, option, "accept", "这样可以。")
    return _fresh(scene, option)


# Done and paid


def _carry_out(scene: Scene, option: Option, measures: tuple[Measure, ...]) -> None:
    case = scene.case
    if set(option.kinds) <= {"explanation", "policy_change"} and not option.amount_fen:
        explained = Measure("explanation", "customer_service", 1, "0", "书面说明事实、依据与救济途径")
        measures = (*(m for m in measures if m.kind == "process_change"), explained)
    at = scene.share(0.85)
    planned = [_plan(scene, option, one, fen, at) for one, fen in _amounts(option, measures)]
    resolution.settle(case, by=scene.lead, at=scene.share(0.87))
    scene.halt("execution", 0.2, within=6)
    for place, measure in enumerate(planned):
        part = 0.89 + 0.1 * (place + 1) / len(planned)
        if measure.needs_payment:
            _pay(scene, option, measure, scene.share(part - 0.01))
        kind = measure.kind if measure.kind in words.pools()["proof"] else "service_recovery"
        execution.complete(measure, scene.says("proof", kind), by=_doer(scene, measure), at=scene.share(part))
    execution.carry_out(case, by=_able(scene, "case.execute"), at=scene.share(1.0))


def _amounts(option: Option, measures: tuple[Measure, ...]) -> list[tuple[Measure, int]]:
    """Each measure with its part of the amounts that were signed."""
    left = {line.kind: line.amount_fen for line in option.quote.lines}
    parts: list[tuple[Measure, int]] = []
    for place, one in enumerate(measures):
        kind = ITEMS.get(one.kind, "")
        last = not any(ITEMS.get(m.kind, "") == kind for m in measures[place + 1 :])
        fen = left.get(kind, 0) if last else min(one.amount_fen, left.get(kind, 0))
        if kind in left:
            left[kind] -= fen
        parts.append((one, fen if kind else 0))
    if fen := left.get("service", 0):
        parts.append((Measure("voucher", "customer_service", 2, "0", "赠送服务券"), fen))
    return parts


def _plan(scene: Scene, option: Option, one: Measure, fen: int, at: datetime) -> execution.Measure:
    unit = scene.unit(one.owner_function)
    kind = words.KINDS.get(one.kind, one.kind)
    owner = None
    if unit.pk == scene.case.unit_id:
        owner = scene.lead
    elif people := [p for p in scene.cast.workers(unit) if p.may("case.execute", at)]:
        owner = scene.a(people)
    text = scene.own(one.text)
    if kind == "policy_change":
        text = f"提出改进：{text}（{one.days} 日内落实，由改进负责人跟踪）"
    due = scene.hours.end_of_day(scene.hours.local_date(scene.hours.add_days(at, max(1, min(one.days, 10)))))
    planned = execution.Plan(kind, text, due, owner=owner, unit=unit, amount_fen=fen)
    return execution.plan(option, planned, by=scene.lead, at=at)


def _able(scene: Scene, permission: str) -> Person:
    """The one in charge if they may, else who answers for the customer, else who leads the unit."""
    people = [scene.lead, scene.first, *scene.cast.leads(scene.place, "manager", "supervisor")]
    return next(p for p in people if p.may(permission, scene.at))


def _doer(scene: Scene, measure: execution.Measure) -> Person:
    owner = scene.cast.people.get(measure.owner.username) if measure.owner else None
    return owner if owner and owner.may("case.execute", scene.at) else _able(scene, "case.execute")


def _pay(scene: Scene, option: Option, measure: execution.Measure, at: datetime) -> None:
    """Finance pays: neither who proposed nor who signed last."""
    option = _fresh(scene, option)
    barred = {option.drafted_by_id, option.submitted_by_id, payment.last_signer(option)}
    cashiers = [p for code in PAYS for p in scene.cast.holding(scene.cast.units[code], "handler", "manager")]
    cashiers += scene.cast.leads(scene.case.intake_unit, "senior_agent", "supervisor")
    who = next(p for p in cashiers if p.pk not in barred and p.may("case.pay", at))
    back = measure.kind == "refund" and scene.chance(0.8)
    method = "original" if back else scene.rng.choice(("bank", "wechat", "alipay"))
    payee = scene.case.customer.name or scene.case.record.contact_name
    payment.pay(
        measure, payee=payee, amount_fen=measure.amount_fen, method=method, by=who, at=at,
        reference=f"{at:%Y%m%d}{scene.rng.randrange(10**9):09d}", key=f"{scene.external_id}-{measure.pk}",
    )  # fmt: skip
