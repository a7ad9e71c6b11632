"""The investigation of a story: facts with their sources, requests, joint work, causes, the finding, the report."""

from __future__ import annotations

from datetime import datetime

from wenguo.cases import causes, handover, inquiry, investigation, letters, report
from wenguo.demo import words
from wenguo.demo.corpus.shapes import Cause
from wenguo.demo.scene import Scene
from wenguo.people.staff import Person

ASKS_CUSTOMER = 0.16
ASKS_COLLEAGUE = 0.3
SKIPS = 0.75


def investigate(scene: Scene) -> None:
    """From the first fact to the end of the investigation."""
    if scene.case.level == 4 and not scene.woven.turns and scene.chance(SKIPS):
        at = scene.share(0.35)
        investigation.skip(scene.case, "事实清楚、诉求明确，按标准办理，无需另行调查。", by=scene.lead, at=at)
        return
    _joint_work(scene)
    _requests(scene)
    facts = _facts(scene)
    _ask_customer(scene)
    scene.halt("investigation")
    _tick(scene)
    _causes(scene, facts)
    _help_comes(scene)
    _find(scene, facts, scene.woven.reply.found)
    _report(scene)
    investigation.conclude(scene.case, by=scene.lead, at=scene.share(0.57))


def investigate_again(scene: Scene, reason: str) -> None:
    """A second round: what happened since, and the finding of this round."""
    case, by = scene.case, scene.lead
    text = scene.says("reopen_fact")
    said = f"已致电客户致歉：{reason}"
    letters.called(case, "reached", said, by=by, at=scene.after(30, 180), response=True, minutes=5)
    add = investigation.add_fact
    fact = add(case, "what", text, source="site_visit", state="confirmed", key=True, by=by, at=scene.share(0.2))
    _find(scene, [fact], scene.says("reopen_finding"), text=scene.says("reopen_finding"))
    _report(scene)
    investigation.conclude(case, by=by, at=scene.share(0.5))


def _facts(scene: Scene) -> list[investigation.Fact]:
    case, woven = scene.case, scene.woven
    told = [("what", "customer", f"客户称：{woven.wants}；{woven.title}。", "confirmed", False)]
    for place, f in enumerate(woven.facts):
        told.append((f.aspect, words.SOURCES[f.source], f.text, words.STATES[f.state], place < 2))
    told += [("how", "staff", f"{one.speaker}称：{one.text}", "confirmed", False) for one in woven.statements]
    if not woven.statements and case.level <= case.pack.thresholds.both_sides_from_level:
        told.append(("how", "staff", "经办人员说明：情况与记录一致，当时解释不够充分。", "confirmed", False))
    made = []
    picture = case.evidence.order_by("pk").first()
    for place, (aspect, source, text, state, key) in enumerate(told):
        at = scene.share(0.04 + 0.22 * place / len(told))
        shown = picture if place == 1 else None
        fact = investigation.add_fact(
            case, aspect, scene.own(text), source=source, state=state, key=key, evidence=shown, by=scene.lead, at=at
        )
        made.append(fact)
    return made


def _tick(scene: Scene) -> None:
    """Most lines of the checklist are ticked; few cases need all."""
    lines = [(found.category, item.code) for found in investigation.checklists(scene.case) for item in found.items]
    scene.rng.shuffle(lines)
    at = scene.share(0.34)
    for checklist, item in lines[: scene.rng.randint(2, 4)]:
        investigation.tick(scene.case, checklist, item, by=scene.lead, at=at)


def _requests(scene: Scene) -> None:
    """协查: another department is asked and answers, a little late now and then."""
    if not scene.chance(ASKS_COLLEAGUE) or scene.stop:
        return
    functions = dict.fromkeys(m.owner_function for m in scene.woven.measures)
    known = [scene.unit(f) for f in functions if f in words.pools()["requests"]]
    unit = next((u for u in known if u.pk != scene.case.unit_id), None)
    if unit is None or not (people := _helpers(scene, unit)):
        return
    function = unit.function
    request = inquiry.ask(scene.case, scene.says("requests", function), to=unit, by=scene.lead, at=scene.share(0.04))
    answer = scene.says("request_answers", days=str(scene.rng.randint(1, 6)))
    who = scene.a(people)

    def supply(_scene: Scene, at: datetime) -> None:
        inquiry.supply(request, answer, by=who, at=at)

    scene.meanwhile(scene.hours.add(scene.at, scene.rng.randint(60, 420)), supply)


def _helpers(scene: Scene, unit: object) -> list[Person]:
    from wenguo.people.units import Unit

    assert isinstance(unit, Unit)
    people = scene.cast.workers(unit) or scene.cast.holding(unit, "legal", "executive")
    return [p for p in people if p.may("case.assist", scene.at)]


def _joint_work(scene: Scene) -> None:
    """会办, where the story or the matrix wants it."""
    from wenguo.cases import triage

    turn = scene.woven.turn("joint")
    rule, _unit, helpers = triage.proposed_route(scene.case)
    if turn is None and not (rule and rule.handling == "joint" and scene.chance(0.6)):
        return
    own = [scene.cast.units[scene.cast.codes[h.pk]] for h in helpers if h.pk != scene.case.unit_id]
    asked = [unit for unit in own if _helpers(scene, unit)][:2]
    for unit in asked or [scene.unit("quality")]:
        if unit.pk == scene.case.unit_id:
            continue
        text = turn.text if turn else scene.says("joint_asks")
        handover.ask_help(scene.case, unit, text, by=scene.lead, at=scene.share(0.03))


def _help_comes(scene: Scene) -> None:
    for task in scene.case.joint_tasks.filter(state="open"):
        unit = scene.cast.units[scene.cast.codes[task.unit_id]]
        who = scene.a(_helpers(scene, unit))
        handover.help(task, scene.says("joint_answers"), by=who, at=scene.share(0.42))
    waiting = scene.case.info_requests.filter(state="open", to_customer=False).first()
    while waiting is not None and scene.between:
        scene.go(max(scene.between[0][0], scene.at))
        waiting = scene.case.info_requests.filter(state="open", to_customer=False).first()


def _ask_customer(scene: Scene) -> None:
    """请客户补充, all at once; the promise stands still until the answer comes, which moves the end of the work."""
    if not (scene.stop == "waiting" or (not scene.stop and scene.chance(ASKS_CUSTOMER))):
        return
    if scene.case.clocks.live().filter(kind="solve", extended_until__isnull=False).exists():
        return
    area = scene.woven.category.split(".")[0]
    questions = words.pools()["ask_customer"][area]
    at = scene.share(0.3)
    who = scene.lead if scene.lead.may("case.pause", at) else scene.first
    inquiry.ask_customer(scene.case, questions, by=who, at=at)
    scene.halt("waiting", 0.45, within=9)
    before = scene.at
    scene.days(0.15, 2.6)
    if scene.case.info_requests.waiting().filter(to_customer=True).exists():  # also where no promise could stand still
        said, channel = scene.says("customer_answers"), scene.case.channel
        letters.hear(scene.case, said, by=scene.case.customer, at=scene.at, channel=channel)
    assert scene.target is not None
    scene.target = scene.hours.add(scene.target, scene.hours.between(before, scene.at))


def _causes(scene: Scene, facts: list[investigation.Fact]) -> None:
    """The 5-why tree where the level asks for it (and often below), and a fishbone for the gravest."""
    case = scene.case
    needed = case.level <= case.pack.thresholds.five_why_from_level
    if not needed and not scene.chance(0.35):
        return
    carrying = next((f for f in facts if f.state == "confirmed" and f.source != "customer"), None)
    roots: list[causes.CauseNode] = []
    for cause in scene.woven.causes:
        _grow(scene, cause, None, roots, carrying)
    plain = [node for node in roots if not causes.blames_a_person(node.text)]
    if needed and not plain:
        top = roots[-1] if roots else None
        text = "作业流程没有设置复核环节，差错无法被拦住"
        plain = [causes.add_cause(case, text, parent=top, by=scene.lead, at=scene.share(0.4))]
    if plain:
        causes.mark_root(plain[-1], by=scene.lead, at=scene.share(0.41))
    if case.level <= 2:
        for cause in words.roots_of(scene.woven):
            bone, weight = words.bone_of(cause), scene.rng.randint(2, 5)
            causes.add_cause(case, cause.text, bone=bone, weight=weight, by=scene.lead, at=scene.share(0.41))


def _grow(
    scene: Scene, cause: Cause, parent: causes.CauseNode | None, roots: list[causes.CauseNode],
    fact: investigation.Fact | None,
) -> None:  # fmt: skip
    carried = fact if parent is None else None
    node = causes.add_cause(
        scene.case, cause.text, parent=parent, fact=carried, verified=carried is not None, by=scene.lead,
        at=scene.share(0.39),
    )  # fmt: skip
    if not cause.because:
        roots.append(node)
    for below in cause.because:
        _grow(scene, below, node, roots, None)


def _find(scene: Scene, facts: list[investigation.Fact], for_customer: str, text: str = "") -> None:
    finding = scene.woven.finding
    roots = words.roots_of(scene.woven)
    liability = "ours" if text or finding is None else finding.liability
    confirmed = [f for f in facts if f.state == "confirmed"] or facts
    investigation.find(
        scene.case, "full" if text or finding is None else finding.substantiated, liability,
        text or scene.own(finding.text if finding else "情况属实"), basis=confirmed[:4], by=scene.lead,
        at=scene.share(0.46 if not text else 0.3), unit=scene.case.unit if liability != "none" else None,
        cause=words.cause_code(roots[-1]) if roots else "method.process", for_customer=scene.own(for_customer),
    )  # fmt: skip


def _report(scene: Scene) -> None:
    """调查报告 where the level asks for one: drafted from the record, finished, signed by somebody above."""
    case = scene.case
    if case.level > case.pack.thresholds.report_from_level:
        return
    made = report.draft_report(case, by=scene.lead, at=scene.share(0.48))
    what = scene.woven.options[0].text if scene.woven.options else scene.woven.title
    prevention = scene.own(scene.woven.reply.prevention)
    texts = {"opinion": scene.says("opinion", what=what), "prevention": prevention}
    report.edit(made, texts, by=scene.lead, at=scene.share(0.5))
    report.submit(made, by=scene.lead, at=scene.share(0.51))
    scene.halt("report")
    leads = [p for p in scene.cast.leads(scene.place, "supervisor", "manager") if p.pk != scene.lead.pk]
    leads = [p for p in leads if not scene.cast.is_away(p, scene.at)]
    report.review(made, True, scene.says("approve_words"), by=leads[0], at=scene.share(0.55))
