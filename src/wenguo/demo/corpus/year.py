"""A year of complaints before a moment: seasons, weekdays, and the stories planted for the analyst to find."""

from __future__ import annotations

import random
from collections.abc import Callable
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

    `measure_worked` and `measure_failed` are (category, day from which the improvement measure is in force).
    `migration` is the Saturday of the failed weekend.
    """

    bad_model: str
    bad_batch: str
    bad_from: date
    bad_until: date
    migration: date
    measure_worked: tuple[str, date]
    measure_failed: tuple[str, date]
    claimant_phone: str
    group_estate: str
    group_from: date
    regulator_on: date


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
        migration=saturday,
        measure_worked=("price.hidden_fee", today - timedelta(days=150)),
        measure_failed=("aftersales.repair_time", today - timedelta(days=165)),
        claimant_phone=phone_of(199_990),
        group_estate="栖云里小区",
        group_from=today - timedelta(days=58),
        regulator_on=today - timedelta(days=40),
    )


def year(n: int, now: datetime, *, seed: int = 2026, first: int = 0) -> list[Woven]:
    """n complaints of the 365 days before `now`, oldest first; with n >= 150 all planted stories are in them.

    The same (n, now, seed) gives the same list. n >= 0. `first`: where to begin counting the customers.
    """
    corpus, rng = load(), random.Random(seed)
    now = now.astimezone(UTC)
    crowd = customers(corpus, rng, max(180, int(n * 0.62)), today=now.astimezone(SHANGHAI).date(), first=first)
    stories = _plant(corpus, rng, crowd, now) if n >= ENOUGH else []
    hidden, days = planted(now), _days(now)
    ordinary = [one for one in corpus.scenarios if one.weight > 0]
    while len(stories) < n:
        when = _moment(rng, now, days)
        scenario = rng.choices(ordinary, [_likely(one, when, hidden) for one in ordinary])[0]
        customer = _who(rng, crowd, scenario)
        stories.append(weave(scenario, rng, customer, when))
    return sorted(stories, key=lambda one: one.received_at)[-n:] if n else []


def day_weight(day: date) -> float:
    """How many complaints a day brings compared with an ordinary Thursday."""
    weight = WEEKDAYS[day.weekday()]
    if date(day.year, 6, 5) <= day <= date(day.year, 6, 30):
        weight *= 1.9
    elif date(day.year, 11, 3) <= day <= date(day.year, 11, 30):
        weight *= 2.0
    elif day.month in (7, 8):
        weight *= 1.3
    since = min(((day - new_year).days for new_year in SPRING_FESTIVALS), key=abs)
    if -2 <= since <= 7:
        weight *= 0.25
    elif 8 <= since <= 14:
        weight *= 1.35
    return weight


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


def _likely(scenario: Scenario, when: datetime, story: Planted) -> float:
    day = when.astimezone(SHANGHAI).date()
    month = day.month
    if month not in scenario.months:
        return 0.0
    season = [SEASONS.get(kind, {}).get(month, 1.0) for kind in scenario.products]
    weight = scenario.weight * sum(season) / len(season)
    category, since = story.measure_worked
    if scenario.category == category:
        weight *= 0.35 if day >= since else 1.9
    if scenario.category == story.measure_failed[0]:
        weight *= 1.5
    return weight


def _who(rng: random.Random, crowd: tuple[Customer, ...], scenario: Scenario) -> Customer:
    """Frequent complainers come three times as often; companies come where there is something a company says."""
    formal = 3.0 if any(story.voice == "formal" for story in scenario.stories) else 0.0
    weights = [formal if one.kind == "company" else 3.0 if one.group == "frequent" else 1.0 for one in crowd]
    return rng.choices(crowd, weights)[0]


def _plant(corpus: Corpus, rng: random.Random, crowd: tuple[Customer, ...], now: datetime) -> list[Woven]:
    story = planted(now)
    people = [one for one in crowd if one.kind == "person"]
    rng.shuffle(people)
    take: Callable[[int], list[Customer]] = lambda count: [people.pop() for _ in range(count)]  # noqa: E731
    return [
        *_bad_batch(corpus, rng, take(18), now, story),
        *_migration(corpus, rng, take(12), now, story),
        *_claimant(corpus, rng, people.pop(), now, story),
        *_group(corpus, rng, take(6), now, story),
        *_regulator(corpus, rng, take(2), now, story),
    ]


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
    return made


def _migration(
    corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted
) -> list[Woven]:
    scenarios = [corpus.scenario(id) for id in ("migration-points-lost", "migration-login", "migration-warranty-gone")]
    made = []
    for customer in people:
        day = story.migration + timedelta(days=rng.choice((0, 0, 1, 1, 2, 4)))
        made.append(weave(rng.choice(scenarios), rng, customer, _on(rng, day, now), planted="migration"))
    return made


def _claimant(corpus: Corpus, rng: random.Random, one: Customer, now: datetime, story: Planted) -> list[Woven]:
    """One phone, six similar claims in half a year, over several channels, each time about the wording of a page."""
    today = now.astimezone(SHANGHAI).date()
    person = replace(one, group="professional", elder=False, phone=story.claimant_phone, tier="normal", vip=False)
    scenario, made = corpus.scenario("professional-claim"), []
    for weeks in (24, 19, 15, 10, 6, 2):
        day = today - timedelta(days=weeks * 7 + rng.randint(0, 3))
        made.append(weave(scenario, rng, person, _on(rng, day, now), planted="professional"))
    return made


def _group(corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted) -> list[Woven]:
    """Neighbours who bought together: the same model, the same week, the same leak."""
    made: list[Woven] = []
    bought = story.group_from - timedelta(days=24)
    batch = f"J{bought - timedelta(days=50):%y%m}-A"
    for door, one in enumerate(people):
        city = corpus.crowd["cities"]["西南"][0]
        home = f"{city}星渡路66号{story.group_estate}{door // 2 + 1}栋{rng.randint(2, 17)}0{rng.randint(1, 4)}室"
        neighbour = replace(one, region="西南", city=city, address=home)
        day = story.group_from + timedelta(days=rng.randint(0, 6))
        order = order_for(rng, corpus.product("CJ-600"), bought, place="mall", batch=batch)
        made.append(weave(corpus.scenario("group-purifier-leak"), rng, neighbour,
                          _on(rng, day, now), order=order, planted="group"))  # fmt: skip
    return made


def _regulator(
    corpus: Corpus, rng: random.Random, people: list[Customer], now: datetime, story: Planted
) -> list[Woven]:
    made = []
    for customer, days in zip(people, (0, 120), strict=True):
        when = _on(rng, story.regulator_on - timedelta(days=days), now)
        customer = replace(customer, elder=False)
        made.append(weave(corpus.scenario("regulator-refund"), rng, customer, when, planted="regulator"))
    return made
