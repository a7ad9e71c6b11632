"""What must hold between the parts of a pack, so that looking something up in a published pack cannot fail.

`check` returns [(place, what is wrong)]; an empty list means the pack may be published.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, get_args

from django.utils.translation import gettext as _

from wenguo.text.own import CUE, shipped

from .attention import CautionCode, GroupCode
from .contents import TemplateUse
from .escalation import ADDED, RiskLevel, SignCode
from .parts import Channel, ClockKind, Role, Tier
from .schema import Pack, covers
from .told import told

Loc = tuple[str | int, ...]
Found = tuple[Loc, str]

REQUIRED_USES: tuple[TemplateUse, ...] = (
    "acknowledgement", "progress", "extension", "reply", "refusal", "closing", "survey", "notice", "late", "request",
)  # fmt: skip
EACH_LEVEL: tuple[ClockKind, ...] = ("acknowledge", "respond", "solve", "progress", "handover", "request", "approve")
ONCE: tuple[ClockKind, ...] = ("arbitrate", "joint", "override", "supervise", "followup")
_BOOLEANS = {"vip", "enterprise", "vulnerable", "escalated_before", "danger_confirmed"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "tier": get_args(Tier),
    "channel": get_args(Channel),
    "injury": ("none", "slight", "serious", "death"),
}
_CODED = (
    "taxonomy", "decision_tree", "calendars", "causes", "sources", "return_reasons", "pause_reasons",
    "refusal_reasons", "functions", "roles", "tiers", "channels",
)  # fmt: skip


def check(pack: Pack) -> list[Found]:
    """Every contradiction between the parts of the pack."""
    each: list[Callable[[Pack], Iterator[Found]]] = [
        _codes, _taxonomy, _tree, _levels, _severity, _escalation, _attention, _major, _words, _clocks, _calendars,
        _routes, _compensation, _approval, _followup, _templates, _lists,
    ]  # fmt: skip
    return [found for rule in each for found in rule(pack)]


def _listed(words: Iterable[str]) -> str:
    return _("、").join(words)


def _twice(values: Iterable[Any], loc: Loc, name: str = "code") -> Iterator[Found]:
    seen: dict[Any, int] = {}
    for n, value in enumerate(values):
        if value in seen:
            yield (*loc, n, name), _("“{value}”重复，第 {n} 项已经用过").format(value=value, n=seen[value] + 1)
        seen.setdefault(value, n)


def _codes(pack: Pack) -> Iterator[Found]:
    for section in _CODED:
        yield from _twice((p.code for p in getattr(pack, section)), (section,))
    for n, branch in enumerate(pack.causes):
        yield from _twice((c.code for c in branch.causes), ("causes", n, "causes"))
    yield from _twice((t.id for t in pack.templates), ("templates",), "id")
    yield from _twice((p.name for p in pack.placeholders), ("placeholders",), "name")
    yield from _twice((r.id for r in pack.clocks.rules), ("clocks", "rules"), "id")
    yield from _twice((r.code for r in pack.clocks.regimes), ("clocks", "regimes"))
    yield from _twice((r.id for r in pack.responsibility), ("responsibility",), "id")
    yield from _twice((r.id for r in pack.approval.rules), ("approval", "rules"), "id")
    yield from _twice((r.id for r in pack.severity.facts), ("severity", "facts"), "id")
    yield from _twice((r.id for r in pack.severity.floors), ("severity", "floors"), "id")
    yield from _twice((s.code for s in pack.severity.signals), ("severity", "signals"))
    yield from _twice((k.code for k in pack.compensation.kinds), ("compensation", "kinds"))
    yield from _twice((b.id for b in pack.compensation.bases), ("compensation", "bases"), "id")
    for name in ("intake", "frame", "liabilities", "closing"):
        yield from _twice((c.code for c in getattr(pack.checklists, name)), ("checklists", name))
    yield from _twice((q.code for q in pack.followup.survey), ("followup", "survey"))


def _taxonomy(pack: Pack) -> Iterator[Found]:
    for c, klass in enumerate(pack.taxonomy):
        yield from _twice((s.code for s in klass.subs), ("taxonomy", c, "subs"))
        for s, sub in enumerate(klass.subs):
            here: Loc = ("taxonomy", c, "subs", s)
            if not sub.code.startswith(klass.code + "."):
                yield (*here, "code"), _("“{code}”应以“{start}.”开头").format(code=sub.code, start=klass.code)
            yield from _twice((t.code for t in sub.statements), (*here, "statements"))


def _category(pack: Pack, code: str, loc: Loc) -> Iterator[Found]:
    if not pack.has_category(code):
        message = _("分类“{code}”不存在；可写大类（{allowed}）或其小类")
        yield loc, message.format(code=code, allowed=_listed(c.code for c in pack.taxonomy))


def _tree(pack: Pack) -> Iterator[Found]:
    questions = {q.code: q for q in pack.decision_tree}
    if not questions:
        yield ("decision_tree",), _("至少要有一个问题")
        return
    known = {s.code for s in pack.subs}
    for n, question in enumerate(pack.decision_tree):
        for a, answer in enumerate(question.answers):
            here: Loc = ("decision_tree", n, "answers", a)
            if (answer.to is None) == (answer.sub is None):
                yield here, _("每个回答须且只能写 to（下一问）或 sub（小类）之一")
            elif answer.to is not None and answer.to not in questions:
                yield (*here, "to"), _("没有名为“{name}”的问题").format(name=answer.to)
            elif answer.sub is not None and answer.sub not in known:
                yield (*here, "sub"), _("小类“{code}”不存在").format(code=answer.sub)
    reached: set[str] = set()
    subs: set[str] = set()
    looped: set[str] = set()

    def walk(code: str, above: frozenset[str]) -> None:
        if code in above:
            looped.add(code)
        if code in reached or code not in questions:
            return
        reached.add(code)
        for answer in questions[code].answers:
            if answer.sub:
                subs.add(answer.sub)
            if answer.to:
                walk(answer.to, above | {code})

    walk(pack.decision_tree[0].code, frozenset())
    for code in sorted(looped):
        yield ("decision_tree", list(questions).index(code)), _("问题“{code}”绕回了自己").format(code=code)
    for n, question in enumerate(pack.decision_tree):
        if question.code not in reached:
            yield ("decision_tree", n), _("从第一问走不到问题“{code}”").format(code=question.code)
    for sub in pack.subs:
        if sub.code not in subs:
            yield (
                ("decision_tree",),
                _("分类引导走不到小类“{code}”（{title}）").format(code=sub.code, title=told(sub.title)),
            )


def _levels(pack: Pack) -> Iterator[Found]:
    if sorted(x.number for x in pack.levels) != [1, 2, 3, 4]:
        yield ("levels",), _("须恰好有 1、2、3、4 四个等级")


def _severity(pack: Pack) -> Iterator[Found]:
    severity = pack.severity
    if len({d.code for d in severity.dimensions}) != 6 or len(severity.dimensions) != 6:
        yield ("severity", "dimensions"), _("六个维度须各写一次：safety、legal、reach、customer、spread、recurrence")
    signals = {s.code for s in severity.signals}
    bands = sorted(severity.bands, key=lambda b: b.level)
    totals = [b.from_total for b in bands]
    if [b.level for b in bands] != [1, 2, 3, 4] or totals != sorted(set(totals), reverse=True) or totals[-1] != 0:
        yield ("severity", "bands"), _("四个等级各一行，分数线随等级升高而升高，四级从 0 分起")
    elif totals[0] > severity.max_total:
        message = _("一级分数线 {line} 高于满分 {most}，永远达不到")
        yield ("severity", "bands"), message.format(line=totals[0], most=severity.max_total)
    for n, rule in enumerate(severity.facts):
        yield from _condition(pack, rule.when, ("severity", "facts", n, "when"))
    for n, floor in enumerate(severity.floors):
        if not floor.signals and not floor.when:
            yield ("severity", "floors", n), _("底线规则须写 signals 或 when")
        for s, code in enumerate(floor.signals):
            if code not in signals:
                yield ("severity", "floors", n, "signals", s), _("没有名为“{name}”的信号").format(name=code)
        for w, condition in enumerate(floor.when):
            yield from _condition(pack, condition, ("severity", "floors", n, "when", w))


def _escalation(pack: Pack) -> Iterator[Found]:
    risk = pack.escalation
    yield from _twice((s.code for s in risk.signs), ("escalation", "signs"))
    if missing := set(get_args(SignCode)) - ADDED - {s.code for s in risk.signs}:
        yield (
            ("escalation", "signs"),
            _("缺少：{missing}；不用的请把权重写为 0").format(missing=_listed(sorted(missing))),
        )
    levels = risk.levels
    if tuple(x.code for x in levels) != get_args(RiskLevel):
        yield ("escalation", "levels"), _("预警等级须依次写：{levels}").format(levels=_listed(get_args(RiskLevel)))
        return
    if levels[0].from_score or levels[0].leave_below:
        yield ("escalation", "levels", 0, "from_score"), _("最低一级从 0 起")
    for n, (below, level) in enumerate(pairwise(levels), 1):
        here: Loc = ("escalation", "levels", n)
        if level.from_score <= below.from_score:
            yield (*here, "from_score"), _("分数线须逐级升高，上一级为 {below}").format(below=below.from_score)
        if not below.from_score <= level.leave_below <= level.from_score:
            yield (*here, "leave_below"), _("解除线须不低于下一级的分数线、不高于本级的分数线")


def _attention(pack: Pack) -> Iterator[Found]:
    for name, codes in (("groups", GroupCode), ("signs", CautionCode)):
        here: Loc = ("attention", name)
        items = getattr(pack.attention, name)
        yield from _twice((x.code for x in items), here)
        if missing := set(get_args(codes)) - {x.code for x in items}:
            yield here, _("缺少：{missing}").format(missing=_listed(sorted(missing)))


def _major(pack: Pack) -> Iterator[Found]:
    yield from _twice((r.id for r in pack.major.rules), ("major", "rules"), "id")
    for n, rule in enumerate(pack.major.rules):
        for c, condition in enumerate(rule.when):
            yield from _condition(pack, condition, ("major", "rules", n, "when", c))


def _words(pack: Pack) -> Iterator[Found]:
    yield from _twice((part.list for part in pack.words), ("words",), "list")
    for n, part in enumerate(pack.words):
        code = part.list.removeprefix(CUE)
        if part.list.startswith(CUE) and all(sub.code != code for sub in pack.subs):
            yield ("words", n, "list"), _("小类“{code}”不存在").format(code=code)
        elif not part.list.startswith(CUE) and part.list not in shipped():
            yield ("words", n, "list"), _("没有名为“{name}”的词表").format(name=part.list)
        for w, word in enumerate(part.withdraw):
            if word not in shipped().get(part.list, ()):
                yield ("words", n, "withdraw", w), _("“{word}”不在随产品的词表里，无须停用").format(word=word)
        for w, word in enumerate(part.add):
            if word in shipped().get(part.list, ()):
                yield ("words", n, "add", w), _("“{word}”已在随产品的词表里").format(word=word)


def _condition(pack: Pack, condition: Any, loc: Loc) -> Iterator[Found]:
    fact = condition.fact
    if (fact in _BOOLEANS) != (condition.is_true is not None):
        wanted = "is_true" if fact in _BOOLEANS else "any_of" if fact in {*_CHOICES, "category"} else "at_least"
        yield loc, _("“{fact}”的条件应写 {wanted}").format(fact=fact, wanted=wanted)
    elif (fact in _CHOICES or fact == "category") != bool(condition.any_of):
        wanted = "at_least" if condition.any_of else "any_of"
        yield loc, _("“{fact}”的条件应写 {wanted}").format(fact=fact, wanted=wanted)
    for n, value in enumerate(condition.any_of):
        if fact == "category":
            yield from _category(pack, value, (*loc, "any_of", n))
        elif value not in _CHOICES.get(fact, (value,)):
            message = _("“{value}”不在可选范围内，可写：{allowed}")
            yield (*loc, "any_of", n), message.format(value=value, allowed=_listed(_CHOICES[fact]))


def _clocks(pack: Pack) -> Iterator[Found]:
    clocks = pack.clocks
    calendars = {c.code for c in pack.calendars}
    regimes = {r.code for r in clocks.regimes}
    seen: dict[Any, str] = {}
    for n, rule in enumerate(clocks.rules):
        here: Loc = ("clocks", "rules", n)
        if rule.calendar is not None and rule.calendar not in calendars:
            message = _("工作日历“{code}”不存在，可写：{allowed}")
            yield (*here, "calendar"), message.format(code=rule.calendar, allowed=_listed(sorted(calendars)))
        if rule.regime is not None and rule.regime not in regimes:
            message = _("法定时限配置“{code}”不存在，可写：{allowed}")
            yield (*here, "regime"), message.format(code=rule.regime, allowed=_listed(sorted(regimes)))
        if (rule.kind == "statutory") != (rule.regime is not None):
            yield here, _("法定时限（statutory）须写 regime，其他时限不写")
        if not rule.on:
            continue
        for channel in rule.channels or (None,):
            key = (rule.kind, rule.level, channel, rule.regime, rule.step)
            if key in seen:
                yield here, _("与“{other}”的适用范围相同，不知该用哪一条").format(other=seen[key])
            seen.setdefault(key, rule.id)
    for kind in EACH_LEVEL:
        for level in (1, 2, 3, 4):
            if pack.clock(kind, level=level) is None:
                yield ("clocks", "rules"), _("{level} 级没有 {kind} 时限").format(level=level, kind=kind)
    for kind in ONCE:
        if pack.clock(kind) is None:
            yield ("clocks", "rules"), _("没有 {kind} 时限").format(kind=kind)


def _calendars(pack: Pack) -> Iterator[Found]:
    if "standard" not in {c.code for c in pack.calendars}:
        yield ("calendars",), _("须有一个 code 为 standard 的日历")


def _routes(pack: Pack) -> Iterator[Found]:
    functions = {f.code for f in pack.functions}
    seen: dict[Any, str] = {}
    for n, rule in enumerate(pack.responsibility):
        here: Loc = ("responsibility", n)
        yield from _category(pack, rule.category, (*here, "category"))
        for name in (rule.lead, *rule.collaborate):
            if name not in functions:
                message = _("职能“{code}”不存在，可写：{allowed}")
                yield here, message.format(code=name, allowed=_listed(sorted(functions)))
        if rule.lead in rule.collaborate:
            yield (*here, "collaborate"), _("主办单位不必再写入协办")
        key = (rule.category, rule.region, rule.product)
        if key in seen:
            yield here, _("与“{other}”的适用范围相同").format(other=seen[key])
        seen.setdefault(key, rule.id)
    for sub in pack.subs:
        if not any(covers(r.category, sub.code) and not r.region and not r.product for r in pack.responsibility):
            yield ("responsibility",), _("“{code}”（{title}）没有责任单位").format(code=sub.code, title=told(sub.title))


def _compensation(pack: Pack) -> Iterator[Found]:
    for n, kind in enumerate(pack.compensation.kinds):
        here: Loc = ("compensation", "kinds", n)
        wanted = {"percent": ("loss", "order"), "points": ("order",)}.get(kind.how, ("none",))
        if kind.base not in wanted:
            yield (*here, "base"), _("{how} 的基数应为 {wanted}").format(how=kind.how, wanted=_listed(wanted))
        if kind.how in {"units", "points"} and (not kind.unit or not kind.unit_value_fen):
            yield here, _("须写 unit（单位）与 unit_value_fen（每单位折合的分）")
    for n, base in enumerate(pack.compensation.bases):
        yield from _category(pack, base.category, ("compensation", "bases", n, "category"))
        if (base.measure == "delay") != (base.per_day_bp > 0):
            yield ("compensation", "bases", n), _("按天计算（delay）的须写 per_day_bp，其他的不写")
    yield from _twice((b.category for b in pack.compensation.bases), ("compensation", "bases"), "category")
    for sub in pack.subs:
        if not any(covers(b.category, sub.code) for b in pack.compensation.bases):
            yield (
                ("compensation", "bases"),
                _("“{code}”（{title}）没有补偿基数").format(code=sub.code, title=told(sub.title)),
            )


def _approval(pack: Pack) -> Iterator[Found]:
    rules, ranks = pack.approval.rules, pack.approval.ranks
    if not rules or rules[-1].up_to_fen is not None:
        yield ("approval", "rules"), _("最后一级审批不得有金额上限，以便承接其余")
    earlier: set[str] = set()
    for n, rule in enumerate(rules):
        here: Loc = ("approval", "rules", n)
        if rule.role not in ranks:
            yield (*here, "role"), _("“{role}”不在 ranks（职级顺序）中").format(role=rule.role)
        if n and rule.up_to_fen is not None and rule.up_to_fen <= (rules[n - 1].up_to_fen or 0):
            yield (*here, "up_to_fen"), _("金额上限须逐级升高，上一级为 {below}").format(below=rules[n - 1].up_to_fen)
        if n < len(rules) - 1 and rule.up_to_fen is None:
            yield (*here, "up_to_fen"), _("只有最后一级可以不设金额上限")
        if n and rule.level >= rules[n - 1].level:
            yield (*here, "level"), _("审批等级须逐级升高（数字变小）")
        both_ranked = n > 0 and {rule.role, rules[n - 1].role} <= set(ranks)
        if both_ranked and ranks.index(rule.role) <= ranks.index(rules[n - 1].role):
            yield (*here, "role"), _("审批角色须逐级升高")
        for id in rule.after:
            if id not in earlier:
                yield (*here, "after"), _("“{id}”不是前面的审批级次").format(id=id)
        earlier.add(rule.id)
    if rules and rules[-1].level != 1:
        yield ("approval", "rules", len(rules) - 1, "level"), _("最后一级须能审批 1 级投诉")
    override = pack.approval.override
    if not any(r.id == override.clock and r.kind == "override" for r in pack.clocks.rules):
        yield (
            ("approval", "override", "clock"),
            _("“{clock}”不是 {kind} 类的时限").format(clock=override.clock, kind="override"),
        )


def _followup(pack: Pack) -> Iterator[Found]:
    kinds = {r.id: r.kind for r in pack.clocks.rules}
    for n, step in enumerate(pack.followup.steps):
        if kinds.get(step.clock) != "followup":
            yield (
                ("followup", "steps", n, "clock"),
                _("“{clock}”不是 {kind} 类的时限").format(clock=step.clock, kind="followup"),
            )
        if step.step != n + 1 or (n == 0) != (step.after == "executed"):
            yield ("followup", "steps", n), _("回访须从 1 起依次编号，第一次自执行完成起算，其后自上次回访起算")
    measures = [q.measure for q in pack.followup.survey]
    for wanted in ("csat", "nps", "ces", "solved"):
        if measures.count(wanted) != 1:
            yield ("followup", "survey"), _("问卷须恰好有一道 {wanted} 题").format(wanted=wanted)
    for n, question in enumerate(pack.followup.survey):
        if question.measure != "text" and question.low >= question.high:
            yield ("followup", "survey", n), _("评分范围须由低到高")


_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")


def _templates(pack: Pack) -> Iterator[Found]:
    allowed = {p.name for p in pack.placeholders}
    for n, template in enumerate(pack.templates):
        here: Loc = ("templates", n)
        if bool(template.body) == (template.parts is not None):
            yield here, _("须且只能写 body（正文）或 parts（五部分）之一")
        if template.use == "reply" and template.parts is None:
            yield here, _("答复模板须写 parts（五部分）")
        texts: list[tuple[str, str]] = [("subject", template.subject), ("body", template.body)]
        texts += [("parts", text) for text in (template.parts.model_dump().values() if template.parts else ())]
        for name, text in texts:
            for match in _BRACES.finditer(text):
                if match[1] is None:
                    yield (*here, name), _("大括号没有成对")
                elif match[1] not in allowed:
                    message = _("占位符“{name}”不存在，可写：{allowed}")
                    yield (*here, name), message.format(name=match[0], allowed=_listed(sorted(allowed)))
        for c, code in enumerate(template.categories):
            yield from _category(pack, code, (*here, "categories", c))
    for use in REQUIRED_USES:
        if not any(t.use == use and not t.categories for t in pack.templates):
            yield ("templates",), _("没有通用的 {use} 模板").format(use=use)
    for n, listed in enumerate(pack.checklists.investigation):
        yield from _category(pack, listed.category, ("checklists", "investigation", n, "category"))


def _lists(pack: Pack) -> Iterator[Found]:
    for section, kind in (("roles", Role), ("tiers", Tier), ("channels", Channel)):
        missing = set(get_args(kind)) - {p.code for p in getattr(pack, section)}
        if missing:
            yield (section,), _("缺少：{missing}").format(missing=_listed(sorted(missing)))
    for n, reason in enumerate(pack.pause_reasons):
        if reason.waits_for_customer and "statutory" in reason.pauses:
            yield ("pause_reasons", n, "pauses"), _("法定时限（statutory）不得因等待客户而暂停")
    counting = [r.when for r in pack.conversion.counting]
    if not counting or counting[-1] != "otherwise" or len(set(counting)) != len(counting):
        yield ("conversion", "counting"), _("统计口径各写一次，最后一条须为 otherwise（其他）")
    if {k.code for k in pack.conversion.kinds} != {"complaint", "consultation", "suggestion", "praise"}:
        yield ("conversion", "kinds"), _("须写 complaint、consultation、suggestion、praise 四种")
