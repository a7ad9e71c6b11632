"""A year of complaints before a moment: seasons, weekdays, and the stories planted for the analyst to find."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate

from wenguo.demo.corpus.crowd import customers, order_for, phone_of
from wenguo.demo.corpus.reading import load
from wenguo.demo.corpus.shapes import Corpus, Customer, Scenario, Woven
from wenguo.demo.corpus.weaving import SHANGHAI, weave

WEEKDAYS = (1.28, 1.12, 1.04, 1.0, 1.02, 0.84, 0.74)
SPRING_FESTIVALS = tuple(
    date.fromisoformat(day)
    for day in ("2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03",
                "2031-01-23", "2032-02-11", "2033-01-31")
)  # fmt: skip
SUMMER = {5: 1.5, 6: 2.6, 7: 3.4, 8: 3.0, 9: 1.4, 12: 0.7, 1: 0.8, 2: 0.6}
WINTER = {11: 1.8, 12: 2.6, 1: 2.8, 2: 2.0, 6: 0.4, 7: 0.3, 8: 0.3}
SEASONS = {"空调": SUMMER, "热水器": WINTER, "加湿器": WINTER, "空气净化器": WINTER, "冰箱": SUMMER}
HOURS = {8: 3, 9: 8, 10: 10, 11: 8, 12: 5, 13: 5, 14: 8, 15: 8, 16: 7, 17: 6, 18: 5, 19: 6, 20: 7, 21: 5, 22: 3}
ENOUGH = 150


@dataclass(frozen=True)
class Planted:
    """What is hidden in the year, so that a driver can act it out and a test can look for it. All relative to `now`.

    `measure_worked` and `measure_failed` are (category, day from which the improvement measure is in force); the one
    that worked ends one matter of its category, `ended`. `batch_stopped` is the day the bad batch was called back.
    `migration` is the Saturday of the failed weekend.
    """

    bad_model: str
    bad_batch: str
    bad_from: date
    bad_until: date
    batch_stopped: date
    migration: date
    measure_worked: tuple[str, date]
    ended: str
    measure_failed: tuple[str, date]
    claimant_phone: str
    group_estate: str
    group_from: date
    regulator_on: date
    vip_on: date
    outlet: str


def planted(now: datetime) -> Planted:
    today = now.astimezone(SHANGHAI).date()
    bad_from = today - timedelta(days=86)
    made = bad_from - timedelta(days=70)
    saturday = today - timedelta(days=(today.weekday() + 2) % 7 + 7 * 23)
    return Planted(
        bad_model="CH-17",
        bad_batch=f"B{made:%y%m}",
        bad_from=bad_from,
        bad_until=bad_from + timedelta(days=35),
        batch_stopped=bad_from + timedelta(days=27),
        migration=saturday,
        measure_worked=("service.slow", today - timedelta(days=130)),
        ended="courier-late",
        measure_failed=("price.hidden_fee", today - timedelta(days=165)),
        claimant_phone=phone_of(199_990),
        group_estate="栖云里小区",
        group_from=today - timedelta(days=58),
        regulator_on=today - timedelta(days=40),
        vip_on=today - timedelta(days=33),
        outlet="xn-s1",
    )


def year(n: int, now: datetime, *, seed: int = 2026, first: int = 0) -> list[Woven]:
    """n complaints of the 365 days before `now`, oldest first; with n >= 150 all planted stories are in them.

    The same (n, now, seed) gives the same list. n >= 0. `first`: where to begin counting the customers.
    """
    corpus, rng = load(), random.Random(seed)
    now = now.astimezone(UTC)
    crowd = customers(corpus, rng, max(180, int(n * 0.62)), today=now.astimezone(SHANGHAI).date(), first=first)
    stories = _plant(corpus, rng, crowd, now, n) if n >= ENOUGH else []
    hidden, days = planted(now), _days(now)
    ordinary = [one for one in corpus.scenarios if one.weight > 0 or one.id == hidden.ended]
    likely: dict[date, list[float]] = {}  # the weights of a day, added up
    said, by_kind = {one.text for one in stories}, _by_kind(crowd)
    while len(stories) < n:
        when = _moment(rng, now, days)
        day = when.astimezone(SHANGHAI).date()
        if day not in likely:
            likely[day] = list(accumulate(_likely(one, day, hidden) for one in ordinary))
        scenario = rng.choices(ordinary, cum_weights=likely[day])[0]
        one = weave(scenario, rng, _who(rng, crowd, by_kind, scenario), when)
        if one.text not in said and one.order.batch != hidden.bad_batch:  # nobody says quite what another said
            said.add(one.text)
            stories.append(one)
    return sorted(stories, key=lambda one: one.received_at)[-n:] if n else []


def day_weight(day: date) -> float:
    """How many complaints a day brings compared with an ordinary Thursday."""
    weight = WEEKDAYS[day.weekday()]
    if promotion := _promotion(day):
        weight *= promotion
    elif day.month in (7, 8):
        weight *= 1.3
    since = min(((day - new_year).days for new_year in SPRING_FESTIVALS), key=abs)
    if -2 <= since <= 7:
        weight *= 0.25
    elif 8 <= since <= 14:
        weight *= 1.35
    return weight


def _promotion(day: date) -> float:
    """How much 618 and 11.11 add: the goods arrive, then the complaints."""
    for month, peak in ((6, 18), (11, 11)):
        since = (day - date(day.year, month, peak)).days
        if 0 <= since <= 9:
            return 2.7
        if -7 <= since <= 18:
            return 1.6
    return 0.0


def _days(now: datetime) -> tuple[list[date], list[float]]:
    """The 365 days up to today and their weights, added up for drawing."""
    today = now.astimezone(SHANGHAI).date()
    days = [today - timedelta(days=back) for back in range(364, -1, -1)]
    return days, list(accumulate(day_weight(day) for day in days))


def _moment(rng: random.Random, now: datetime, days: tuple[list[date], list[float]]) -> datetime:
    while (when := _hour(rng, rng.choices(days[0], cum_weights=days[1])[0])) > now:
        pass
    return when


def _on(rng: random.Random, day: date, now: datetime) -> datetime:
    """A moment of that day, or shortly before `now` if the day is not so far on."""
    when = _hour(rng, day)
    return when if when <= now else now - timedelta(minutes=rng.randint(1, 30))


def _hour(rng: random.Random, day: date) -> datetime:
    hour = rng.choices(list(HOURS), list(HOURS.values()))[0]
    clock = time(hour, rng.randrange(60), rng.randrange(60), tzinfo=SHANGHAI)
    return datetime.combine(day, clock).astimezone(UTC)


BOUGHT_IN_A_SALE = ("price.promotion", "price.discrimination", "product.packaging", "service.slow", "service.promise")
ENDED_BEFORE, ENDED_AFTER = 7.5, 0.35  # weight of the matter that a measure ended
FAILED = 1.7  # and of those that another did not


def _likely(scenario: Scenario, day: date, story: Planted) -> float:
    if day.month not in scenario.months:
        return 0.0
    season = [SEASONS.get(kind, {}).get(day.month, 1.0) for kind in scenario.products]
    weight = scenario.weight * sum(season) / len(season)
    if scenario.id == story.ended:
        weight = ENDED_AFTER if day >= story.measure_worked[1] else ENDED_BEFORE
    elif scenario.category == story.measure_failed[0]:
        weight *= FAILED
    if scenario.category in BOUGHT_IN_A_SALE and _promotion(day):
        weight *= 1.6
    return weight


def _who(
    rng: random.Random, crowd: tuple[Customer, ...], by_kind: Sequence[list[float]], scenario: Scenario
) -> Customer:
    formal = any(story.voice == "formal" for story in scenario.stories)
    return rng.choices(crowd, cum_weights=by_kind[formal])[0]


def _by_kind(crowd: tuple[Customer, ...]) -> tuple[list[float], list[float]]:
    """Frequent complainers come three times as often; companies come where there is something a company says.

    Added up: where companies say nothing, where they do."""
    people = [0.0 if one.kind == "company" else 3.0 if one.group == "frequent" else 1.0 for one in crowd]
    everybody = [weight or 3.0 for weight in people]
    return list(accumulate(people)), list(accumulate(everybody))


def _plant(corpus: Corpus, rng: random.Random, crowd: tuple[Customer, ...], now: datetime, n: int) -> list[Woven]:
    """The hidden stories; the larger the year, the more people they happen to."""
    story = planted(now)
    people = [one for one in crowd if one.kind == "person"]
    rng.shuffle(people)
    take: Callable[[int], list[Customer]] = lambda count: [people.pop() for _ in range(count)]  # noqa: E731
    return [
        *_bad_batch(corpus, rng, take(_between(14, n // 42, 46)), now, story),
        *_migration(corpus, rng, take(_between(10, n // 55, 36)), now, story),
        *_claimant(corpus, rng, people.pop(), now, story),
        *_group(corpus, rng, take(6), now, story),
        *_regulator(corpus, rng, take(2), now, story),
        *_vip(corpus, rng, people.pop(), now, story),
    ]


def _between(least: int, number: int, most: int) -> int:
    return max(least, min(number, most))


def _bad_batch(
    corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted
) -> list[Woven]:
    """Kettles of one batch that do not switch off: few at first, most in the third and fourth week."""
    made: list[Woven] = []
    for customer in people:
        day = story.bad_from + timedelta(days=min(round(abs(rng.gauss(19, 8))), 35))
        when = _on(rng, day, now)
        bought = day - timedelta(days=rng.randint(6, 40))
        order = order_for(rng, corpus.product(story.bad_model), bought, place="mall", batch=story.bad_batch)
        scenario = corpus.scenario(rng.choice(("kettle-no-cutoff", "kettle-no-cutoff", "kettle-base-melted")))
        made.append(weave(scenario, rng, customer, when, order=order, planted="bad_batch"))
    made.sort(key=lambda one: one.received_at)
    for place in range(2, len(made), 3):  # now and then somebody counts
        if made[place].received_at.astimezone(SHANGHAI).date() < story.batch_stopped:
            counted = f"同型号同批次已是第 {place + 1} 起，请质量部并案分析。"
            made[place] = replace(made[place], notes=(*made[place].notes, counted))
    return made


def _migration(
    corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted
) -> list[Woven]:
    """Three days of it: Saturday, Sunday, and those who see it on Monday."""
    scenarios = [corpus.scenario(id) for id in ("migration-points-lost", "migration-login", "migration-warranty-gone")]
    made = []
    for customer in people:
        day = story.migration + timedelta(days=rng.choice((0, 0, 0, 1, 1, 2)))
        made.append(weave(rng.choice(scenarios), rng, customer, _on(rng, day, now), planted="migration"))
    return made


def _claimant(corpus: Corpus, rng: random.Random, one: Customer, now: datetime, story: Planted) -> list[Woven]:
    """One phone, seven similar claims in half a year, over several channels, each time about the wording of a page."""
    today = now.astimezone(SHANGHAI).date()
    person = replace(one, group="professional", elder=False, phone=story.claimant_phone, tier="normal", vip=False)
    scenario, made = corpus.scenario("professional-claim"), []
    for weeks in (24, 19, 15, 10, 6, 4, 2):
        day = today - timedelta(days=weeks * 7 + rng.randint(0, 3))
        made.append(weave(scenario, rng, person, _on(rng, day, now), planted="professional"))
    return made


def _group(corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted) -> list[Woven]:
    """Neighbours who bought together at one outlet: the same model, the same leak, within 72 hours, four of them in
    the same words."""
    made: list[Woven] = []
    bought = story.group_from - timedelta(days=24)
    batch = f"J{bought - timedelta(days=50):%y%m}-A"
    city = corpus.crowd["cities"]["西南"][0]
    first = datetime.combine(story.group_from, time(9, 20), SHANGHAI).astimezone(UTC)
    for door, one in enumerate(people):
        home = f"{city}星渡路66号{story.group_estate}{door // 2 + 1}栋{rng.randint(2, 17)}0{rng.randint(1, 4)}室"
        neighbour = replace(one, region="西南", city=city, address=home, elder=False)
        when = first + timedelta(hours=(0, 4, 9, 25, 34, 52)[door % 6], minutes=rng.randint(0, 170))
        order = order_for(rng, corpus.product("CJ-600"), bought, place=story.outlet, batch=batch)
        scenario = corpus.scenario("group-purifier-leak" if door in (0, 3) else "group-purifier-alike")
        made.append(weave(scenario, rng, neighbour, when, order=order, planted="group"))
    return made


def _regulator(
    corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted
) -> list[Woven]:
    """Two letters of the authority. Before the later one the same customer complained to us, and we were late."""
    made = []
    for customer, days in zip(people, (0, 120), strict=True):
        when = _on(rng, story.regulator_on - timedelta(days=days), now)
        customer = replace(customer, elder=False)
        order = None
        if days == 0:
            earlier = when - timedelta(days=21, hours=rng.randint(1, 5))
            first = weave(corpus.scenario("refund-slow"), rng, customer, earlier, channel="web")
            order = first.order
            survey = replace(
                first.survey, csat=1, nps=0, ces=2, comment="答应的日子过了一个星期才来电话，我已经找12315了。"
            )
            made.append(replace(first, planted="late", turns=(), survey=survey))
        letter = weave(corpus.scenario("regulator-refund"), rng, customer, when, order=order, planted="regulator")
        made.append(letter)
    return made


def _vip(corpus: Corpus, rng: random.Random, one: Customer, now: datetime, story: Planted) -> list[Woven]:
    """A customer of many years whom two departments sent to and fro, until a supervisor took it upon herself."""
    customer = replace(
        one, vip=True, tier="diamond", elder=False, region="华东", city=corpus.crowd["cities"]["华东"][0]
    )
    when = _on(rng, story.vip_on, now)
    return [weave(corpus.scenario("bounced-online-install"), rng, customer, when, channel="phone", planted="vip")]
