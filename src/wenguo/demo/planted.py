"""What people do and say in the stories hidden in the year, beyond what everybody does in theirs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from wenguo.cases import letters
from wenguo.cases.case import Case
from wenguo.demo import words
from wenguo.demo.corpus import planted
from wenguo.demo.corpus.year import SHANGHAI
from wenguo.demo.scene import Meanwhile, Scene

NOTICED = 0.45  # of the cases of a trend somebody writes down that it is one
JUST_CHANGED = timedelta(days=16)


def weave_in(scene: Scene) -> None:
    """Plan what this story needs: notes on its trend, the one letter to all, the link to an older case."""
    for moment, act in (_trend(scene), _letter_to_all(scene), _older_case(scene)):
        if act is not None:
            scene.meanwhile(max(moment, scene.at + timedelta(minutes=1)), act)


Planned = tuple[datetime, Meanwhile | None]


def _trend(scene: Scene) -> Planned:
    """What the desk has noticed of the courier, of the fees, of the batch: before and after something was done."""
    story, day = planted(scene.now), scene.woven.received_at.astimezone(SHANGHAI).date()
    pool, since = "", day
    if scene.woven.scenario == story.ended:
        since = story.measure_worked[1]
        if day >= since - timedelta(days=60):
            pool = "courier_before" if day < since else "courier_after" if day - since < JUST_CHANGED else ""
    elif scene.woven.category == story.measure_failed[0] and day >= (since := story.measure_failed[1]):
        pool = "fee_after"
    elif scene.woven.planted == "bad_batch":
        since = story.batch_stopped
        pool = "batch_after" if day >= since else ""
    when = scene.hours.add(scene.at, scene.rng.randint(20, 150))
    if not pool or not scene.chance(NOTICED):
        return when, None
    return when, _note(pool, since)


def _note(pool: str, since: date) -> Meanwhile:
    def act(scene: Scene, at: datetime) -> None:
        if not scene.case.is_open:
            return
        said = scene.says("era", pool, day=f"{since.month}月{since.day}日")
        letters.note(scene.case, said, by=scene.lead, at=at)

    return act


def _letter_to_all(scene: Scene) -> Planned:
    """Monday after the failed weekend: the same explanation to everybody who complained of it, in one go."""
    monday = datetime.combine(planted(scene.now).migration + timedelta(days=2), time(10, 30), SHANGHAI)
    if scene.woven.planted != "migration" or monday <= scene.at:
        return monday, None

    def act(scene: Scene, at: datetime) -> None:
        if not scene.case.is_open:
            return
        text = words.pools()["bulk_migration"].format(dear=scene.dear, number=scene.case.number)
        letters.say(scene.case, "关于系统升级的统一说明", text, by=scene.first, at=at)

    return monday, act


def _older_case(scene: Scene) -> Planned:
    """The authority asks how the complaint was handled before: the liaison writes down which one that was."""
    if scene.woven.planted != "regulator":
        return scene.at, None

    def act(scene: Scene, at: datetime) -> None:
        if not scene.case.is_open:
            return
        others = Case.objects.filter(customer=scene.case.customer, received_at__lt=scene.case.received_at)
        older = others.order_by("-received_at").first()
        if older is None:
            return
        promise = older.clocks.filter(kind="solve").order_by("pk").first()
        due = letters.local(promise.due_at) if promise else "—"
        done = letters.local(promise.ended_at) if promise and promise.ended_at else "尚未办结"
        said = words.pools()["regulator_link"].format(
            number=older.number, received=letters.local(older.received_at), due=due, solved=done
        )
        letters.note(scene.case, said, by=scene.first, at=at)

    return scene.hours.add(scene.at, scene.rng.randint(15, 60)), act
