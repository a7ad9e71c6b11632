"""Weave one scenario for one customer at one moment: choose, fill, and leave nothing open."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from wenguo.demo.corpus.crowd import order_for, outlets
from wenguo.demo.corpus.filling import fen, fill, fits, yuan
from wenguo.demo.corpus.reading import load
from wenguo.demo.corpus.shapes import (
    Cause,
    Customer,
    Order,
    Product,
    Reaction,
    Reply,
    Scenario,
    Story,
    Survey,
    Turn,
    Woven,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BRANCHES = {"华东": "华东分公司", "华南": "华南分公司", "西南": "西南分公司"}
TITLED = {"阿姨": "女士", "大爷": "先生"}  # in writing; the others are called the same
ELDER_VOICES = ("elder", "phone_note")
FORMAL = ("formal", "sheet")


def weave(
    scenario: Scenario,
    rng: random.Random,
    customer: Customer,
    when: datetime,
    *,
    order: Order | None = None,
    planted: str | None = None,
    channel: str | None = None,
) -> Woven:
    """The whole complaint, the same for the same rng state. `when` is the aware moment of arrival.

    Without `order` one of the customer's that fits is taken, else a fitting one is invented (so a driver keeps orders
    by number, not by customer alone). `channel` narrows the voices to those heard on it. ValueError: no voice fits.
    """
    corpus = load()
    today = when.astimezone(SHANGHAI).date()
    order = order or _order(scenario, rng, customer, today)
    product = corpus.product(order.model)
    story = _story(scenario, rng, customer, channel)
    channel = channel or _channel(scenario, rng, story)
    wish_fen = fen(scenario.amount, rng, price_fen=order.paid_fen)
    days = min(rng.randint(*scenario.days), max((today - order.bought_on).days, 1))
    slots = _slots(rng, customer, order, product, today, days, wish_fen)
    kinds = {measure.kind for measure in scenario.measures}
    pen = _Pen(rng, slots, partial(fits, category=scenario.category, kinds=kinds, heated=story.voice == "rant"))
    turns = _turns(scenario, pen)
    content = not any(turn.kind in ("reassessed", "reopened") for turn in turns) and scenario.survey.csat[1] > 2
    mood = "content" if content else "unhappy"
    common = corpus.common
    first, second = scenario.calls
    return Woven(
        scenario=scenario.id,
        category=scenario.category,
        level=scenario.level,
        channel=channel,
        voice=story.voice,
        received_at=when.astimezone(UTC),
        happened_on=today - timedelta(days=days),
        customer=customer,
        product=product,
        order=order,
        title=pen.write(scenario.title),
        text=pen.write(story.text) if scenario.bare else _told(story, channel, pen),
        wish=scenario.wish,
        wants=pen.write(scenario.wants),
        amount_fen=wish_fen,
        flags=scenario.flags,
        messages=_messages(scenario, pen, turns, elder=customer.elder),
        notes=tuple(
            pen.write(note)
            for note in [*scenario.notes, *rng.sample(pen.fitting(common.notes), rng.choice((0, 1, 1, 2)))]
        ),
        facts=tuple(replace(fact, text=pen.write(fact.text)) for fact in scenario.facts),
        statements=tuple(
            replace(one, speaker=pen.write(one.speaker), text=pen.write(one.text)) for one in scenario.statements
        ),
        causes=tuple(_cause(cause, pen) for cause in scenario.causes),
        finding=replace(scenario.finding, text=pen.write(scenario.finding.text)) if scenario.finding else None,
        options=tuple(replace(option, text=pen.write(option.text)) for option in scenario.options),
        measures=tuple(
            replace(one, text=pen.write(one.text),
                    amount_fen=fen(one.amount, rng, price_fen=order.paid_fen, wish_fen=wish_fen))
            for one in scenario.measures
        ),
        reply=_reply(scenario.reply, pen),
        reaction=_reaction(scenario, pen, content),
        first_call=pen.own_or(first, common.first_calls[mood]),
        second_call=pen.own_or(second, common.second_calls[mood]),
        survey=_survey(scenario, pen, content),
        turns=turns,
        handler=slots["handler"],
        outlet=slots["_outlet"],
        planted=planted,
    )  # fmt: skip


@dataclass(frozen=True)
class _Pen:
    """Fills templates with one set of slots; of sentences that anybody may borrow it takes those that fit."""

    rng: random.Random
    slots: Mapping[str, str]
    fits: Callable[[str], bool]

    def write(self, text: str) -> str:
        return fill(text, self.slots, self.rng)

    def fitting(self, pool: Sequence[str]) -> Sequence[str]:
        return [text for text in pool if self.fits(text)]

    def pick(self, pool: Sequence[str]) -> str:
        return self.write(self.rng.choice(self.fitting(pool)))

    def own_or(self, own: Sequence[str], pool: Sequence[str]) -> str:
        """The scenario's own sentences mostly, the common ones sometimes, so that neither wears out."""
        return self.write(self.rng.choice(own)) if own and self.rng.random() < 0.6 else self.pick(pool)


def _order(scenario: Scenario, rng: random.Random, customer: Customer, today: date) -> Order:
    oldest, newest = (today - timedelta(days=days) for days in reversed(scenario.age_days))
    corpus = load()
    fitting = [
        one
        for one in customer.orders
        if oldest <= one.bought_on <= newest and corpus.product(one.model).kind in scenario.products
    ]
    if fitting:
        return rng.choice(fitting)
    kind = rng.choice(scenario.products)
    product = rng.choice([one for one in corpus.products if one.kind == kind])
    place = rng.choice(["mall", *outlets(corpus, customer.region)])
    bought_on = today - timedelta(days=rng.randint(*scenario.age_days))
    quantity = rng.randint(2, 8) if customer.kind == "company" else 1
    return order_for(rng, product, bought_on, place=place, quantity=quantity)


def _story(scenario: Scenario, rng: random.Random, customer: Customer, channel: str | None) -> Story:
    """A voice this customer has: companies write formally if they can, elders dictate or write letters."""
    heard = load().common.voice_channels
    stories = [one for one in scenario.stories if channel is None or channel in heard[one.voice]]
    stories = [one for one in stories if _can(customer, one.voice)] or stories
    formal = [one for one in stories if one.voice in FORMAL]
    personal = [one for one in stories if one.voice not in FORMAL]
    if customer.kind == "company":
        neutral = [one for one in personal if one.voice == "phone_note"]
        choice = (formal if formal and (rng.random() < 0.75 or not neutral) else neutral) or personal
    elif customer.elder:
        choice = [one for one in personal if one.voice in ELDER_VOICES] or personal
    else:
        choice = [one for one in personal if one.voice != "elder"] or personal
    choice = choice or [one for one in stories if one.voice == "sheet"]
    if not choice:
        raise ValueError(f"{scenario.id}: no voice for {customer.kind} on {channel}")
    return rng.choice(choice)


def _can(customer: Customer, voice: str) -> bool:
    """Nobody writes a mail without an address or a WeChat message without an account."""
    return bool({"mail": customer.email, "wechat": customer.wechat}.get(voice, "anyway"))


def _slots(
    rng: random.Random, customer: Customer, order: Order, product: Product, today: date, days: int, wish_fen: int
) -> dict[str, str]:
    corpus = load()
    company = corpus.company
    codes = outlets(corpus, customer.region)
    outlet = order.place if order.place in codes else rng.choice(codes)
    near = {unit.code for unit in company.units if unit.region in ("总部", customer.region)}
    handlers = company.holding("agent", "senior_agent", "relationship")
    staff = rng.choice([one for one in handlers if any(post.unit in near for post in one.posts)])
    surname = _surname(customer.contact)
    clerk, fitter, colleague = rng.sample(corpus.crowd["workers"], 3)
    happened = today - timedelta(days=days)
    return {
        "product": product.kind,
        "model": product.model,
        "title": product.title,
        "batch": order.batch,
        "serial": order.serial,
        "order": order.number,
        "city": customer.city,
        "region": customer.region,
        "address": customer.address,
        "store": company.unit(outlet).title,
        "staff": staff.name,
        "handler": staff.name,
        "clerk": f"店员小{clerk}",
        "fitter": f"{fitter}师傅",
        "colleague": f"小{colleague}",
        "days": str(days),
        "times": str(rng.randint(2, 5)),
        "hours": str(rng.randint(2, 9)),
        "amount": yuan(wish_fen),
        "price": yuan(order.paid_fen),
        "date": _day(happened),
        "bought": _day(order.bought_on, today),
        "promised": _day(today - timedelta(days=max(days // 2, 1))),
        "deadline": _day(today + timedelta(days=rng.choice((3, 5, 7)))),
        "name": customer.contact,
        "dear": customer.name if customer.kind == "company" else addressed(customer),
        "surname": surname,
        "honorific": customer.honorific,
        "phone": customer.phone,
        "tail": customer.phone[-4:],
        "mail": customer.email or "无",
        "member": customer.member_no,
        "hotline": company.hotline,
        "company": customer.name if customer.kind == "company" else company.name,
        "branch": BRANCHES[customer.region],
        "age": str(customer.age),
        "refnumber": f"{today:%Y}第{rng.randrange(10**5):05d}号",
        "_outlet": outlet,
    }


def _day(day: date, today: date | None = None) -> str:
    """3月8日; with the year in front when it is not the year of `today`."""
    return f"{day.year}年{day.month}月{day.day}日" if today and day.year != today.year else f"{day.month}月{day.day}日"


def addressed(customer: Customer) -> str:
    """王女士: the person, also of a company."""
    return _surname(customer.contact) + TITLED.get(customer.honorific, customer.honorific)


def _surname(name: str) -> str:
    surnames = sorted(load().crowd["surnames"], key=len, reverse=True)
    return next((one for one in surnames if name.startswith(one)), name[:1])


def _channel(scenario: Scenario, rng: random.Random, story: Story) -> str:
    """One on which this voice is heard; a note that speaks of a call came by phone."""
    heard = [one for one in load().common.voice_channels[story.voice] if one in scenario.channels]
    if story.voice == "phone_note" and ("电" in story.text or "通话" in story.text):
        heard = [one for one in heard if one == "phone"] or heard
    return rng.choice(heard)


def _told(story: Story, channel: str, pen: _Pen) -> str:
    """The story, sometimes told at length, with a way of beginning and of ending that its voice has."""
    common = load().common
    voice = "counter_note" if channel == "counter" else story.voice
    opening = pen.pick(common.openers[voice]) if pen.rng.random() < 0.7 else ""
    closing = pen.pick(common.closers[voice]) if pen.rng.random() < 0.6 else ""
    details = common.details.get(story.voice, ())
    more = pen.rng.sample(details, pen.rng.choice((0, 0, 0, 1, 1, 2))) if len(details) > 1 else []
    parts = [opening, pen.write(story.text), *(pen.write(one) for one in more), closing]
    joint = "\n" if story.voice in ("wechat", "formal", "mail", "elder", "sheet") else ""
    return joint.join(part for part in parts if part)


def _turns(scenario: Scenario, pen: _Pen) -> tuple[Turn, ...]:
    """The scenario's own turns, and now and then one that can happen to any case. Reasons are always given."""
    common = load().common
    turns = [Turn(turn.kind, pen.write(turn.text) if turn.text else pen.pick(common.turns[turn.kind]))
             for turn in scenario.turns]  # fmt: skip
    taken = {turn.kind for turn in turns}
    if scenario.ends_early or "withdrawn" in taken:
        return tuple(turns)
    for kind, chance in common.chances.items():
        clash = {"returned_once": "returned_twice", "reopened": "reassessed", "reassessed": "reopened"}.get(kind)
        if pen.rng.random() < chance and kind not in taken and clash not in taken:
            turns.append(Turn(kind, pen.pick(common.turns[kind])))
            taken.add(kind)
    return tuple(turns)


def _messages(scenario: Scenario, pen: _Pen, turns: tuple[Turn, ...], *, elder: bool) -> tuple[str, ...]:
    """What the customer says while we work: reminders first when the case is chased."""
    common, rng = load().common, pen.rng
    own = rng.sample(scenario.messages, min(len(scenario.messages), rng.choice((0, 1, 1, 2))))
    said = [pen.write(message) for message in own]
    if any(turn.kind == "chased" for turn in turns):
        said.append(pen.pick(common.messages["elder_chasing" if elder else "chasing"]))
    elif not said and rng.random() < 0.25:
        said.append(pen.pick(common.messages["info"]))
    return tuple(said)


def _cause(cause: Cause, pen: _Pen) -> Cause:
    return Cause(cause.bone, pen.write(cause.text), tuple(_cause(one, pen) for one in cause.because))


def _reply(reply: Reply, pen: _Pen) -> Reply:
    common = load().common
    return Reply(
        apology=pen.pick(common.greeting) + pen.write(reply.apology),
        found=pen.write(reply.found),
        actions=pen.write(reply.actions),
        prevention=pen.write(reply.prevention),
        thanks=pen.write(reply.thanks) if reply.thanks else pen.pick(common.thanks),
    )


def _survey(scenario: Scenario, pen: _Pen, content: bool) -> Survey:
    """Scores within the scenario's ranges, leaning to the better end where the case ended well."""
    rng, ranges = pen.rng, scenario.survey

    def score(span: tuple[int, int]) -> int:
        first, second = rng.randint(*span), rng.randint(*span)
        return max(first, second) if content else min(first, second)

    csat, nps, ces = score(ranges.csat), score(ranges.nps), score(ranges.ces)
    pool = load().common.comments["content" if csat > 3 else "unhappy"]
    comment = pen.own_or(scenario.comments, pool) if rng.random() < 0.8 else ""
    return Survey(csat, nps, ces, comment)


def _reaction(scenario: Scenario, pen: _Pen, content: bool) -> Reaction:
    own = scenario.reactions
    if own and pen.rng.random() < 0.75:
        chosen = pen.rng.choice(own)
        return replace(chosen, text=pen.write(chosen.text))
    answer = "accept" if content else pen.rng.choice(("accept", "refuse", "propose"))
    if own and all(one.answer != "accept" for one in own):
        answer = own[0].answer
    return Reaction(answer, pen.pick(load().common.reactions[answer]))
