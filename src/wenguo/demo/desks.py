"""A few stories of the last days that stand still where a visitor of the demonstration is told to look."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from wenguo.demo.corpus import Woven, customers, load, weave
from wenguo.demo.corpus.crowd import order_for
from wenguo.demo.corpus.year import SHANGHAI, planted
from wenguo.demo.scene import SHIFT
from wenguo.policy.calendar import Calendar

OFFICE = Calendar({day: ((time(9), time(12)), (time(13, 30), time(18))) for day in range(5)}, known_years=None)
# scenario, region, channel, level, where it stands still, how many working hours ago it came in, of which people:
# the hotline works every day, the offices on weekdays. Source: `demo_accounts` of the corpus.
SCENES = (
    ("hotline-queue", "华东", "phone", 4, "triage", 2, SHIFT),  # xiaoman
    ("notice-missing", "华东", "phone", 3, "approval", 30, SHIFT),  # heyun, xuemei
    ("store-promise-discount", "华南", "phone", 2, "approval", 15, SHIFT),  # xuemei as zhouhang's deputy
    ("repaired-again-broken", "华东", "wechat", 2, "approval", 14, OFFICE),  # duheng
    ("override-heatwave", "华东", "phone", 1, "approval", 10, SHIFT),  # gaoyuan
    ("kettle-no-cutoff", "华东", "web", 2, "investigation", 8, OFFICE),  # qinfeng
    ("aircon-not-cold", "华东", "app", 3, "handover", 2, OFFICE),  # yubo signs
    ("refund-slow", "华东", "web", 3, "misrouted", 3, OFFICE),  # yubo sends back
    ("washer-no-drain", "华东", "phone", 3, "waiting", 15, OFFICE),
    ("vacuum-no-start", "华南", "web", 3, "consent", 20, OFFICE),
    ("regulator-refund", "西南", "regulator", 2, "review", 18, OFFICE),  # zhengyan, weilan
    ("toothbrush-kid-cut", "西南", "app", 2, "report", 14, OFFICE),
    ("install-extra-charge", "华东", "mail", 3, "execution", 21, OFFICE),
    ("box-crushed-fridge", "华南", "web", 3, "reply", 24, OFFICE),
    ("lock-paint-off", "华东", "phone", 4, "followup", 80, SHIFT),  # fanwei
    ("chat-wrong-answer", "西南", "wechat", 4, "received", 1, OFFICE),
    ("fridge-dent", "华南", "wechat", 4, "closed", 290, SHIFT),
    ("store-mocked", "华东", "phone", 3, "class", 2, SHIFT),  # xuemei says what it is about
    ("capacity-short", "华东", "phone", 3, "class", 3, SHIFT),
    ("wet-humidifier", "华东", "phone", 4, "class", 4, SHIFT),
    ("repair-new-damage", "华东", "phone", 3, "class", 5, SHIFT),
    *(("chat-wrong-answer", "西南", "wechat", 4, "tray", hours, SHIFT) for hours in (1, 4, 9, 16, 30)),
)


@dataclass(frozen=True)
class Wanted:
    woven: Woven
    stop: str


def wanted(now: datetime, seed: int, *, first: int = 0) -> list[Wanted]:
    """The stories above, told by people of the right region; the first ones matter most."""
    corpus, rng = load(), random.Random(f"desks:{seed}")
    crowd = list(customers(corpus, rng, 140, today=now.astimezone(SHANGHAI).date(), first=first + 100_000))
    made = []
    for id, region, channel, level, stop, hours, people in SCENES:
        one = next(c for c in crowd if c.region == region and c.kind == "person" and not c.elder and c.tier == "normal")
        crowd.remove(one)
        scenario = corpus.scenario(id)
        when = people.subtract(now, hours * 60 + rng.randint(0, 25)) + timedelta(seconds=rng.randint(0, 50))
        order = None
        if id == "kettle-no-cutoff":
            bad = planted(now)
            bought = when.astimezone(SHANGHAI).date() - timedelta(days=30)
            order = order_for(rng, corpus.product(bad.bad_model), bought, place="mall", batch=bad.bad_batch)
        told = channel if any(channel in corpus.common.voice_channels[s.voice] for s in scenario.stories) else None
        woven = weave(scenario, rng, one, when, order=order, channel=told)
        turns = tuple(t for t in woven.turns if t.kind in {"joint", "supervised"})
        made.append(Wanted(replace(woven, level=level, turns=turns), stop))
    return made
