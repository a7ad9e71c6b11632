"""The end of a story: the answer in five parts, call-backs, the survey, closing, the archive; or another round."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from wenguo.cases import followup, reply, unanswered
from wenguo.cases.followup import UNHAPPY, FollowUp
from wenguo.demo.scene import SHIFT, Scene, working_hours
from wenguo.people.staff import Person

PARTS = ("apology", "findings", "actions", "prevention", "thanks")
RATES = 0.58
UNHAPPY_RATES = 0.42
REVIEW_RETURNED = 0.06


# The answer


def answer(scene: Scene) -> None:
    """Draft, let those release it who must, send, and plan the call-backs."""
    case, who = scene.case, _writer(scene)
    parts = dict(zip(PARTS, map(scene.own, scene.woven.reply.parts), strict=True))
    admission = case.level <= 2 and case.liability == "ours" and scene.chance(0.3)
    given: dict[str, Any] = {"channel": _channel(scene), "admission": admission}
    draft = reply.draft_reply(case, parts, by=who, at=scene.after(8, 70), **given)
    reviews = reply.submit_reply(draft, by=who, at=scene.after(2, 12))
    scene.halt("review", 0.2 if reviews else 0.0, within=6)
    if reviews and not scene.stop and scene.chance(REVIEW_RETURNED):
        review = reviews[0]
        why = scene.says("reply_returned")
        reply.review_reply(review, False, why, by=_reviewer(scene, review, draft), at=scene.after(10, 90))
        parts["findings"] += "相关记录与依据已随附，供您核对。"
        draft = reply.draft_reply(case, parts, by=who, at=scene.after(10, 60), **given)
        reviews = reply.submit_reply(draft, by=who, at=scene.after(2, 12))
    for review in {review.role: review for review in reviews}.values():
        reply.review_reply(review, True, by=_reviewer(scene, review, draft), at=scene.after(8, 150))
    scene.halt("reply", 0.2, within=5)
    reply.answer(case, by=who, at=scene.after(4, 40))
    invite(scene)


def settle_at_once(scene: Scene) -> None:
    """即时办结: solved while the customer was still there."""
    text = scene.own("\n\n".join(scene.woven.reply.parts))
    reply.settle_at_once(scene.case, text, by=scene.first, at=scene.after(5, 60))
    scene.lead = scene.first
    invite(scene)


def invite(scene: Scene) -> None:
    """The survey goes out at once, as the job would do it."""
    at = scene.go(scene.at + timedelta(seconds=scene.rng.randint(20, 200)))
    followup.invite_survey(scene.case.pk, scene.case.round, at=at)


def _writer(scene: Scene) -> Person:
    people = [scene.first, scene.lead, *scene.cast.leads(scene.case.intake_unit, "agent", "senior_agent")]
    return next(p for p in people if p.may("case.reply", scene.at))


def _channel(scene: Scene) -> str:
    if scene.woven.channel in {"regulator", "letter"}:
        return "letter"
    if scene.woven.channel == "counter":
        return "face"
    return "mail" if scene.woven.customer.email else "phone"


def _reviewer(scene: Scene, review: reply.ReplyReview, draft: reply.Reply) -> Person:
    if review.role == "legal":
        people = scene.cast.holding(scene.cast.units["hq-law"], "legal")
    else:
        near = scene.cast.leads(scene.place, "supervisor", "manager")
        people = near + scene.cast.leads(scene.case.intake_unit, "supervisor")
    return next(p for p in people if p.pk != draft.author_id and not scene.cast.is_away(p, scene.at))


# Afterwards


def follow_up(scene: Scene) -> None:
    """Rating and two call-backs; who is not content is heard again before anything is closed."""
    scene.hours = working_hours(scene.cast.units["hq-gm"])
    _rate(scene)
    if UNHAPPY in scene.case.flags:
        return
    scene.halt("followup")
    _call(scene, 1, scene.woven.first_call, 0.6, 2.6 if scene.chance(0.93) else 4.5)
    _call(scene, 2, scene.woven.second_call, 11.0, 13.6 if scene.chance(0.94) else 18.0)


def _rate(scene: Scene) -> None:
    survey = scene.case.surveys.filter(round=scene.case.round, answered_at=None).first()
    if survey is None or scene.stop:
        return
    said = scene.woven.survey
    content = said.csat >= scene.case.pack.followup.content_from
    must = scene.woven.turn("reassessed") is not None
    if not (must or scene.chance(RATES if content else UNHAPPY_RATES)) or scene.woven.planted == "professional":
        return
    if scene.case.nature != "complaint" and not content:  # who praised or asked has nothing to be unhappy about
        return
    csat = min(said.csat, 2) if must else said.csat
    scene.hours = SHIFT
    at = scene.days(0.02, 0.8)
    near = {code: max(1, min(5, csat + scene.rng.choice((-1, 0, 0, 1)))) for code in ("solution", "speed", "attitude")}
    marks = {"solved": int(csat >= 3), "csat": csat, "nps": said.nps, "ces": said.ces, **near}
    answers = {**marks, "words": scene.own(said.comment)}
    survey.case = scene.case
    followup.rate(survey, answers, by=scene.case.customer, at=at)
    scene.hours = working_hours(scene.cast.units["hq-gm"])


def _call(scene: Scene, step: int, words: str, low: float, high: float) -> None:
    call = scene.case.followups.filter(step=step, state=FollowUp.State.PLANNED).first()
    if call is None:
        return
    call.case = scene.case
    who = _caller(scene)
    scene.days(low, high)
    missed = "未接" in words or scene.chance(0.1)
    tries = 1
    while missed:
        followup.call_back(call, reached=False, words=scene.says("call_not_reached"), by=who, at=scene.at)
        gave_up = "未接通两次" in words or tries >= followup.step_of(call).attempts
        if tries >= (followup.step_of(call).attempts if gave_up else 1):
            break
        tries += 1
        scene.after(250, 500)
    call.refresh_from_db()
    if call.state != FollowUp.State.PLANNED:
        return
    call.case = scene.case
    if missed:
        scene.after(180, 400)
    followup.call_back(call, reached=True, solved=True, recurred=False, content=True, words=words, by=who, at=scene.at)


def _caller(scene: Scene) -> Person:
    """A relationship officer, never the person in charge."""
    region = scene.case.intake_unit
    people = scene.cast.holding(region, "relationship") + scene.cast.holding(scene.cast.units["hq-cs"], "relationship")
    return next(p for p in people if p.pk != scene.case.owner_id and (p is people[-1] or scene.chance(0.55)))


def reassess(scene: Scene) -> None:
    """A supervisor hears the customer again: back to the solution, with a fresh promise."""
    turn = scene.woven.turn("reassessed")
    reason = turn.text if turn else scene.says("reassess_why")
    leads = scene.cast.leads(scene.case.intake_unit, "supervisor", "manager")
    who = next(p for p in leads if p.pk != scene.case.owner_id and not scene.cast.is_away(p, scene.at))
    scene.hours = working_hours(scene.place)
    followup.reassess(scene.case, reason, by=who, at=scene.after(30, 300))


def close(scene: Scene) -> None:
    scene.hours = working_hours(scene.cast.units["hq-gm"])
    people = [scene.first, *scene.cast.leads(scene.case.intake_unit, "agent", "relationship")]
    who = next(p for p in people if p.may("case.close", scene.at))
    followup.close(scene.case, by=who, at=scene.after(10, 500))


def reopen(scene: Scene) -> str:
    """重开: the matter came back; by the customer's own hand or told to the relationship officer. Returns why."""
    turn = scene.woven.turn("reopened")
    assert turn is not None
    scene.hours = SHIFT
    scene.days(3, 11)
    by = scene.case.customer if scene.writes else scene.cast.holding(scene.cast.units["hq-cs"], "relationship")[0]
    followup.reopen(scene.case, turn.text, by=by, at=scene.at)
    return turn.text


def archive(scene: Scene) -> None:
    """归档, some time after: by the team's lead or the inspector."""
    scene.halt("closed")
    scene.hours = working_hours(scene.cast.units["hq-gm"])
    scene.days(5, 16)
    inspector = scene.cast.people.get("shenyue")
    leads = scene.cast.leads(scene.case.intake_unit or scene.cast.units["hq-cs"], "supervisor")
    who = inspector if inspector and scene.chance(0.3) else leads[0]
    if scene.case.unanswered_since is not None:  # a last word that came after the answer
        unanswered.heed(scene.case, by=leads[0], at=scene.at)
    followup.archive(scene.case, by=who, at=scene.at)
