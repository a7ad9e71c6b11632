"""A story from its first word to the archive, by the real acts of the house."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.db.models import F

from wenguo.cases import acceptance
from wenguo.cases.followup import UNHAPPY
from wenguo.cases.notice import Notice
from wenguo.channels.outbox import Delivery, State
from wenguo.demo import ending, looking, opening, planted, settling
from wenguo.demo.scene import Present, Scene

LATE = 0.05
AT_ONCE = 0.72
OVERDUE = 0.08  # of those that could only be late in the present
STRETCHED = 0.6  # of the newest that would be over already: some take longer, so that every stage has its work
NEWEST_DAYS = 12
PARTS = {  # how far the planned work has come in the present where a scene is to stand still; over 1: all of it is done
    "waiting": 0.32,
    "investigation": 0.3,
    "report": 0.54,
    "approval": 0.8,
    "consent": 0.85,
    "execution": 1.0,
    "review": 1.3,
    "reply": 1.35,
    "followup": 1.4,
    "closed": 12.0,
}


def perform(scene: Scene) -> None:
    """Act the story out until it ends or the present is reached. A refusal of an act rises: the driver is wrong."""
    with suppress(Present):
        _whole(scene)
    scene.finish()
    _settle_down(scene)


def _whole(scene: Scene) -> None:
    if scene.stop == "tray":
        opening.lay_aside(scene)
        return
    if not opening.receive(scene):
        return
    story = scene.woven.ending
    if story == "refused":
        opening.refuse(scene)
        ending.archive(scene)
        return
    opening.accept(scene)
    planted.weave_in(scene)
    opening.classify(scene)
    opening.grade(scene)
    if story in {"consultation", "praise", "suggestion"}:
        opening.convert(scene)
        ending.settle_at_once(scene)
    elif story == "withdrawn" and scene.chance(0.5):
        _withdraw(scene)
        return
    elif scene.woven.solved_on_spot and scene.case.level == 4 and not scene.stop and scene.chance(AT_ONCE):
        ending.settle_at_once(scene)
    else:
        _work(scene)
        if story == "withdrawn":
            looking.investigate(scene)
            _withdraw(scene)
            return
        looking.investigate(scene)
        settling.solve(scene)
        ending.answer(scene)
    _afterwards(scene)
    if story == "reopened":
        _another_round(scene)
    ending.archive(scene)


def _work(scene: Scene) -> None:
    """Into the right hands, and a plan until when it will be done."""
    opening.hand_over(scene)
    _plan(scene, late=scene.woven.planted == "late" or scene.chance(LATE))
    opening.weave_in(scene)


def _plan(scene: Scene, *, late: bool) -> None:
    unit = scene.place
    scene.plan(unit, late)
    if scene.stop:
        scene.stretch(PARTS.get(scene.stop, 0.3) * 0.97)
        return
    assert scene.target is not None
    newest = scene.now - scene.woven.received_at < timedelta(days=NEWEST_DAYS)
    share = STRETCHED if scene.due() > scene.now else OVERDUE
    if newest and scene.target < scene.now and scene.chance(share):
        scene.stretch(scene.rng.uniform(0.12, 1.0))


def _afterwards(scene: Scene) -> None:
    """Follow-up until the customer is content, then 结案."""
    ending.follow_up(scene)
    while UNHAPPY in scene.case.flags:
        ending.reassess(scene)
        _plan(scene, late=scene.chance(LATE))
        scene.lead = _owner(scene)
        settling.solve_again(scene)
        ending.answer(scene)
        ending.follow_up(scene)
    ending.close(scene)


def _another_round(scene: Scene) -> None:
    reason = ending.reopen(scene)
    _plan(scene, late=scene.chance(LATE))
    scene.lead = _owner(scene)
    looking.investigate_again(scene, reason)
    settling.solve_again(scene)
    ending.answer(scene)
    _afterwards(scene)


def _owner(scene: Scene) -> object:
    return scene.cast.people[scene.case.owner.username] if scene.case.owner else scene.first


def _withdraw(scene: Scene) -> None:
    turn = scene.woven.turn("withdrawn")
    by = scene.case.customer if scene.writes else scene.first
    acceptance.withdraw(scene.case, turn.text if turn else scene.woven.title, by=by, at=scene.after(30, 400))
    ending.archive(scene)


def _settle_down(scene: Scene) -> None:
    """What a driver alone has to do: letters of the past are not mailed, and old notices have been read."""
    if scene.case is None:
        return
    past = Delivery.objects.filter(event__stream_id=scene.case.stream_id, state=State.WAITING)
    past.update(state=State.SENT, sent_at=F("created_at"))
    seen = Notice.objects.filter(case=scene.case, read_at=None, at__lt=scene.now - timedelta(hours=20))
    seen.update(read_at=F("at") + timedelta(hours=1))
