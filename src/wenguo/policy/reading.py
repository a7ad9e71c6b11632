"""A pack for people: `readable` as sections of tables, `difference` as the list of what one version changes.

Both give finished words, so that a page only loops and escapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext

from wenguo.text import amounts

from . import promise
from .labels import FIELDS, LISTS, SECTIONS, THRESHOLDS, VALUES
from .parts import Allowance, ClockRule, Condition
from .schema import Pack
from .told import told, unit_told


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """`code`: for an anchor. `words`: paragraphs before the tables."""

    code: str
    title: str
    words: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Change:
    """`path`: where, in words, outermost first. `before` or `after` is empty where something was added or dropped."""

    path: tuple[str, ...]
    before: str
    after: str

    @property
    def place(self) -> str:
        return " › ".join(self.path)

    @property
    def words(self) -> tuple[list[str], list[str], int] | None:
        """Of a long list of words those that went, those that came, and how many stay. None: it is no such list."""
        old, new = self.before.split(_("、")), self.after.split(_("、"))
        went, came = [w for w in old if w not in new], [w for w in new if w not in old]
        stay = len(new) - len(came)
        return (went, came, stay) if stay >= FEW_WORDS and (went or came) else None


# ── what one version changes ──────────────────────────────────────────────────────────────────────────────

FEW_WORDS = 8  # fewer are read at a glance
_KEYS = ("id", "code", "number", "name", "fact")
_TITLES = ("title", "name", "text", "question", "because")


def difference(a: Pack, b: Pack) -> list[Change]:
    """What `b` changes of `a`, in the order of the sections. Items are matched by their code, not by their place."""
    changes: list[Change] = []
    _compare((), "", a.model_dump(mode="json"), b.model_dump(mode="json"), b, changes)
    return changes


def _compare(path: tuple[str, ...], key: str, a: Any, b: Any, pack: Pack, changes: list[Change]) -> None:
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict) and not _is_allowance(a):
        for name in {**a, **b}:
            _compare((*path, _label(name, path)), name, a.get(name), b.get(name), pack, changes)
    elif isinstance(a, list) and isinstance(b, list) and _keyed(a) and _keyed(b) and (a or b):
        old, new = _by_key(a), _by_key(b)
        for at in {**old, **new}:
            item = new.get(at) or old[at]
            _compare((*path, _title_of(item)), key, old.get(at), new.get(at), pack, changes)
        if old.keys() == new.keys() and list(old) != list(new):
            changes.append(Change((*path, _("顺序")), _("、").join(map(str, old)), _("、").join(map(str, new))))
    else:
        changes.append(Change(path, _said(key, a, pack), _said(key, b, pack)))


def _label(name: str, path: Sequence[str]) -> str:
    known = SECTIONS if not path else {**FIELDS, **THRESHOLDS}
    return str(known.get(name, name))


def _keyed(items: Sequence[Any]) -> bool:
    return all(isinstance(x, dict) and _key(x) is not None for x in items) and len(_by_key(items)) == len(items)


def _key(item: Mapping[str, Any]) -> Any:
    return next((item[k] for k in _KEYS if item.get(k) is not None), item.get("title"))


def _by_key(items: Iterable[Mapping[str, Any]]) -> dict[Any, Any]:
    return {_key(x): x for x in items}


def _title_of(item: Mapping[str, Any]) -> str:
    title = next((str(item[k]) for k in _TITLES if item.get(k)), "")
    code = item.get("id") or item.get("code") or item.get("number") or ""
    return _aside(title, code) if title and code and str(code) != title else told(title) or str(code)


def _aside(title: str, aside: Any) -> str:
    return _("{title}（{name}）").format(title=told(title), name=told(str(aside)))


def _is_allowance(value: Mapping[str, Any]) -> bool:
    return {"hours", "working_days", "natural_days", "minutes_24x7"} <= value.keys()


def _said(key: str, value: Any, pack: Pack) -> str:
    """A value of the plain pack in words; "" for nothing."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if key.endswith("_fen"):
        return yuan(value)
    if isinstance(value, dict):
        if _is_allowance(value):
            return promise.Allowance.from_spec(Allowance.model_validate(value).spec).words()
        inner = ((_label(k, ("",)), _said(k, v, pack)) for k, v in value.items())
        return _("；").join(_("{name}：{said}").format(name=name, said=said) for name, said in inner if said)
    if isinstance(value, list):
        plain = all(not isinstance(x, dict) for x in value)
        return (_("、") if plain else " / ").join(said for x in value if (said := _said(key, x, pack)))
    return _value(key, value, pack)


def _value(key: str, value: Any, pack: Pack) -> str:
    if not isinstance(value, str):
        return str(value)
    named: dict[str, Any] = {}
    if key == "tells":
        named = {"owner": VALUES["owner"], **{r.code: r.title for r in pack.roles}}
    elif key in {"role", "roles", "escalate", "approver", "approved_by", "handled_by", "by_role", "ranks"}:
        named = {r.code: r.title for r in pack.roles}
    elif key == "channels":
        named = {c.code: c.title for c in pack.channels}
    elif key in {"lead", "collaborate"}:
        named = {f.code: f.title for f in pack.functions}
    elif key in {"category", "categories", "sub"}:
        return _category(pack, value)
    elif key in _CODED:
        named = VALUES
    return str(named.get(value, value))


_CODED = {
    "kind", "handling", "starts", "from_kind", "to_kind", "counts_as", "when", "hours_mean", "tier_adds", "measure",
    "base", "fact", "any_of", "use", "pauses",
}  # fmt: skip


def rules_told(pack: Pack) -> dict[str, str]:
    """What the journal names by its code: clocks, rules, reasons and templates, {code: its title or its words}."""
    approval = pack.approval
    rules: Iterable[Any] = (*approval.rules, approval.override, *approval.reply_gates, *pack.responsibility)
    reasons: Iterable[Any] = (*pack.pause_reasons, *pack.refusal_reasons, *pack.return_reasons)
    found = {r.code: r.title for r in reasons}
    found |= {t.id: t.title for t in pack.templates} | {r.id: r.title for r in pack.major.rules}
    found |= {r.id: r.when for r in pack.conversion.rules} | {r.id: r.because for r in rules}
    found |= {r.id: r.title for r in pack.clocks.rules}
    return {code: told(words) for code, words in found.items()}


def _category(pack: Pack, code: str) -> str:
    return pack.category_title(code) if pack.has_category(code) else code


# ── the whole pack ────────────────────────────────────────────────────────────────────────────────────────


def readable(pack: Pack) -> list[Section]:
    """The pack in force as sections with tables, in the order of a handbook."""
    beyond = _("超出预算：{what}").format(what=VALUES[pack.approval.over_budget])
    return [
        _section("taxonomy", (), *_taxonomy(pack)),
        _section("decision_tree", (), _tree(pack)),
        _section("levels", (), _levels(pack)),
        _section("severity", (_max_words(pack), *pack.severity.regrading), *_severity(pack)),
        _section("escalation", (_escalation_words(),), *_escalation(pack)),
        _section("attention", pack.attention.fair, *_attention(pack)),
        _section("major", pack.major.procedure, _major(pack)),
        *([_section("words", (), _words(pack))] if pack.words else []),
        _section("clocks", (pack.clocks.hours_words,), *_clocks(pack)),
        _section("calendars", (), _calendars(pack)),
        _section("responsibility", (), _routes(pack)),
        _section("compensation", pack.compensation.principles, *_compensation(pack)),
        _section(
            "approval",
            (pack.approval.over_table, beyond, pack.approval.override.because),
            *_approval(pack),
        ),
        _section("followup", (pack.followup.duly_attempted, *pack.followup.unhappy), *_followup(pack)),
        _section("checklists", (), *_checklists(pack)),
        _section("templates", (), *_templates(pack)),
        _section("wording", (), *_wording(pack)),
        _section("causes", (), *_reasons(pack)),
        _section("conversion", (), *_conversion(pack)),
        _section("thresholds", (), _thresholds(pack)),
        _section("roles", (), *_lists(pack)),
    ]


def _section(code: str, words: Iterable[str], *tables: Table) -> Section:
    return Section(code, str(SECTIONS[code]), tuple(words), tables)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    return Table(str(title), tuple(columns), tuple(tuple(map(_cell, row)) for row in rows))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if value is None:
        return ""
    return _("、").join(told(str(v)) for v in value) if isinstance(value, tuple | list) else str(value)


def yuan(fen: int) -> str:
    """Money in the reader's language."""
    return _("{yuan} 元").format(yuan=amounts.yuan(fen))


def allowance_words(allowance: Allowance) -> str:
    """An allowance as the promise says it."""
    return promise.Allowance.from_spec(allowance.spec).words()


def _max_words(pack: Pack) -> str:
    return _("总分 = 各维度分值（0–3）× 权重之和，最高 {max} 分；底线规则优先于总分").format(
        max=pack.severity.max_total
    )


def _taxonomy(pack: Pack) -> Iterable[Table]:
    columns = (_("小类"), _("含义"), _("标准问题"), _("线索词"), _("询问要点"))
    for c in pack.taxonomy:
        yield _table(
            c.title,
            columns,
            [
                (s.title, s.meaning, "；".join(x.text for x in s.statements), s.hints, "".join(s.questions))
                for s in c.subs
            ],
        )


def _tree(pack: Pack) -> Table:
    asked = {q.code: q.question for q in pack.decision_tree}
    rows = [
        (q.question, a.text, f"→ {asked.get(a.to, a.to)}" if a.to else _category(pack, a.sub or ""))
        for q in pack.decision_tree
        for a in q.answers
    ]
    return _table(_("分类引导"), (_("问题"), _("回答"), _("结果")), rows)


def _levels(pack: Pack) -> Table:
    rows = [
        (x.title, x.name, x.meaning, x.for_customers or x.meaning, x.examples, pack.role_title(x.handled_by))
        for x in pack.levels
    ]
    return _table(_("四个等级"), (_("等级"), _("名称"), _("含义"), _("对客户的说法"), _("举例"), _("办理层级")), rows)


def _severity(pack: Pack) -> Iterable[Table]:
    severity = pack.severity
    names = {d.code: d.title for d in severity.dimensions}
    levels = {x.number: _aside(x.title, x.name) for x in pack.levels}
    signals = {s.code: s.title for s in severity.signals}
    yield _table(
        _("六个维度"), (_("维度"), _("权重"), "0", "1", "2", "3"),
        [(d.title, d.weight, *d.bands) for d in severity.dimensions],
    )  # fmt: skip
    yield _table(_("分数线"), (_("等级"), _("总分不低于")), [(levels[b.level], b.from_total) for b in severity.bands])
    yield _table(
        _("信号词"), (_("信号"), _("维度"), _("分值"), _("词语")),
        [(s.title, names[s.dimension], s.points, s.terms) for s in severity.signals],
    )  # fmt: skip
    yield _table(
        _("事实规则"), (_("编号"), _("条件"), _("维度"), _("分值"), _("依据")),
        [(f.id, condition_words(pack, f.when), names[f.dimension], f.points, f.because) for f in severity.facts],
    )  # fmt: skip
    yield _table(
        _("底线规则"), (_("编号"), _("不低于"), _("听到"), _("或者"), _("依据")),
        [
            (f.id, levels[f.level], [signals[s] for s in f.signals], [condition_words(pack, w) for w in f.when],
             f.because)
            for f in severity.floors
        ],
    )  # fmt: skip


def _escalation_words() -> str:
    return _("分值 = 1 /（1 + e 的 -（起点 + Σ 权重 × 量）次方）；权重是判断，可在「升级风险」页用本单位的结果检验")


def _escalation(pack: Pack) -> Iterable[Table]:
    risk = pack.escalation
    named: dict[str, Any] = {"owner": VALUES["owner"], **{r.code: r.title for r in pack.roles}}
    yield _table(
        _("迹象"), (_("迹象"), _("权重"), _("最多计"), _("单位"), _("依据")),
        [(s.title, s.weight, s.most, s.unit, s.because) for s in risk.signs],
    )  # fmt: skip
    yield _table(
        _("预警等级"), (_("等级"), _("分值不低于"), _("低于才解除"), _("通知"), _("该做什么")),
        [(x.title, x.from_score, x.leave_below, [named[t] for t in x.tells], x.measures) for x in risk.levels],
    )  # fmt: skip
    own = {name: getattr(risk, name) for name in ("start", "unowned_hours", "nearly_due_percent")}
    rest = {**own, **risk.calibration.model_dump()}
    yield _table(_("其他"), (_("项目"), _("取值")), [(FIELDS[k], v) for k, v in rest.items()])


def _attention(pack: Pack) -> Iterable[Table]:
    part = pack.attention
    yield _table(
        _("客户分组"), (_("分组"), _("含义"), _("怎样处理")), [(g.title, g.meaning, g.because) for g in part.groups]
    )  # fmt: skip
    yield _table(_("留意的迹象"), (_("迹象"), _("怎样处理")), [(s.title, s.because) for s in part.signs])
    names = (
        "window_days", "frequent_from", "high_claims_from", "claim_over_order", "claim_raised_from", "similar_from",
    )  # fmt: skip
    yield _table(_("其他"), (_("项目"), _("取值")), [(FIELDS[n], getattr(part, n)) for n in names])


def _words(pack: Pack) -> Table:
    rows = [(list_title(pack, part.list), part.add, part.withdraw) for part in pack.words]
    return _table(_("本单位新增和停用的词"), (_("词表"), _("新增"), pgettext("state", "停用")), rows)


def list_title(pack: Pack, name: str) -> str:
    """What a list of words is called: 「威胁 · 找媒体」, or of cue words the sub-class they speak for."""
    if name.startswith("cue."):
        code = name.removeprefix("cue.")
        return _category(pack, code) if pack.has_category(code) else code
    return str(LISTS.get(name, name))


def _major(pack: Pack) -> Table:
    columns = (_("编号"), _("情形"), _("条件"), _("说到的词"), _("依据"))
    rows = [
        (r.id, r.title, tuple(condition_words(pack, c) for c in r.when), r.terms, r.because) for r in pack.major.rules
    ]
    return _table(_("怎样标记为重大"), columns, rows)


def condition_words(pack: Pack, condition: Condition) -> str:
    """「受影响人数 ≥ 5」「会员等级 为 金」"""
    name = VALUES.get(condition.fact, condition.fact)
    if condition.at_least is not None:
        most = yuan(condition.at_least) if condition.fact.endswith("_fen") else condition.at_least
        return f"{name} ≥ {most}"
    if condition.is_true is not None:
        return str(name) if condition.is_true else _("不是{name}").format(name=name)
    return _("{name}为{values}").format(
        name=name, values=_("、").join(_titled(pack, condition.fact, v) for v in condition.any_of)
    )


def fact_words(pack: Pack, fact: str, value: Any) -> str:
    """「受影响人数 6」「情绪强度 2/3」「会员等级：金」"""
    name = str(VALUES.get(fact, fact))
    if isinstance(value, bool):
        return name if value else _("不是{name}").format(name=name)
    if isinstance(value, int):
        return f"{name} {yuan(value) if fact.endswith('_fen') else f'{value}/3' if fact == 'emotion' else value}"
    return _("{name}：{said}").format(name=name, said=_titled(pack, fact, value))


def _titled(pack: Pack, fact: str, value: str) -> str:
    titles: dict[str, Any] = {
        "tier": {t.code: t.title for t in pack.tiers},
        "channel": {c.code: c.title for c in pack.channels},
        "category": {value: _category(pack, value)},
    }
    known = titles.get(fact, VALUES)
    return told(str(known.get(value, value)))


def _scope(pack: Pack, rule: ClockRule) -> str:
    words = [told(pack.level(rule.level).title)] if rule.level else []
    words += [_("、").join(told(pack.channel_title(c)) for c in rule.channels)] if rule.channels else []
    words += [told(pack.regime(rule.regime).sector)] if rule.regime else []
    words += [] if rule.on else [_("（未启用）")]
    return " ".join(words) or _("全部")


def _clocks(pack: Pack) -> Iterable[Table]:
    columns = (
        _("编号"), _("名称"), _("适用"), _("时限"), _("原文"), _("起算"), _("预警"), _("升级至"), _("可暂停"),
        _("依据"),
    )  # fmt: skip

    def row(r: ClockRule) -> tuple[Any, ...]:
        warned = "/".join(f"{w}%" for w in r.warnings)
        roles = " → ".join(told(pack.role_title(role)) for role in r.escalate)
        started = VALUES[r.starts]
        return (
            r.id, r.title, _scope(pack, r), allowance_words(r.allowance), r.stated, started, warned, roles,
            r.pausable, r.because,
        )  # fmt: skip

    rules = pack.clocks.rules
    yield _table(_("服务时限"), columns, [row(r) for r in rules if r.regime is None])
    yield _table(_("法定时限"), columns, [row(r) for r in rules if r.regime is not None])
    yield _table(
        _("法定时限配置"),
        (_("名称"), _("适用"), _("文号"), _("施行"), _("核对"), _("延长"), _("告知"), _("核对说明")),
        [
            (
                f"{g.source}", g.sector, g.version,
                f"{g.effective_from} – {g.effective_to or ''}".strip(" –"),
                _("已核对") if g.verified else _("未核对"),
                [_aside(f"+{allowance_words(e.adds)}", pack.role_title(e.approver)) for e in g.extensions],
                g.notice, g.verify_note,
            )
            for g in pack.clocks.regimes
        ],
    )  # fmt: skip


_WEEK = (_lazy("一"), _lazy("二"), _lazy("三"), _lazy("四"), _lazy("五"), _lazy("六"), _lazy("日"))


def _calendars(pack: Pack) -> Table:
    rows = []
    for c in pack.calendars:
        weekly = [
            _("周{days} {hours}").format(days=_("、").join(str(_WEEK[d - 1]) for d in w.days), hours=" ".join(w.hours))
            for w in c.weekly
        ]
        rows.append((c.title, _("全天候") if c.always else _("；").join(weekly), c.holidays and not c.always))
    return _table(_("工作日历"), (_("名称"), _("营业时间"), _("随法定节假日与调休")), rows)


def _routes(pack: Pack) -> Table:
    rows = [
        (
            r.id, _category(pack, r.category), r.region, r.product, pack.function_title(r.lead),
            [pack.function_title(f) for f in r.collaborate], VALUES[r.handling],
            pack.role_title(r.handled_by) if r.handled_by else _("按等级"), r.because,
        )
        for r in pack.responsibility
    ]  # fmt: skip
    columns = (_("编号"), _("分类"), _("地区"), _("产品"), _("主办"), _("协办"), _("办理方式"), _("层级"), _("依据"))
    return _table(_("责任矩阵"), columns, rows)


def _compensation(pack: Pack) -> Iterable[Table]:
    compensation = pack.compensation
    rows = []
    for k in compensation.kinds:
        shown = {
            "percent": lambda v: f"+{v}%",
            "gift": yuan,
            "points": lambda v: _("{n} 倍").format(n=v),
        }.get(k.how, lambda v, unit=k.unit: f"{v} {unit_told(unit, v)}")
        base = f"{told(k.base_words)} {k.base_percent}%" if k.how == "percent" else k.base_words
        rows.append((k.title, k.when, base, *(shown(k.tier.of(t.code)) for t in pack.tiers), k.items))
    tiers = tuple(t.title for t in pack.tiers)
    yield _table(_("补偿标准"), (_("种类"), _("适用"), _("基数"), *tiers, _("可选")), rows)
    yield _table(
        _("基数"), (_("编号"), _("分类"), _("计量"), _("依据")),
        [(b.id, _category(pack, b.category), VALUES[b.measure], b.because) for b in compensation.bases],
    )  # fmt: skip
    yield _table(_("损失范围"), (_("计入"), _("不计入")), [(compensation.counts, compensation.excludes)])


def _approval(pack: Pack) -> Iterable[Table]:
    levels = {x.number: _aside(x.title, x.name) for x in pack.levels}
    yield _table(
        _("审批级次"), (_("编号"), _("审批人"), _("最高等级"), _("金额上限"), _("须先签"), _("最长时间"), _("依据")),
        [
            (r.id, pack.role_title(r.role), levels[r.level], _("不限") if r.up_to_fen is None else yuan(r.up_to_fen),
             r.after, allowance_words(r.max_time), r.because)
            for r in pack.approval.rules
        ],
    )  # fmt: skip
    override = pack.approval.override
    yield _table(
        _("越级处置"), (_("可以越级的角色"), _("事后补交"), _("期限")),
        [([pack.role_title(r) for r in override.roles], override.needs,
          allowance_words(pack.clock_rule(override.clock).allowance))],
    )  # fmt: skip
    yield _table(
        _("答复审核"), (_("编号"), _("审核人"), _("依据")),
        [(g.id, pack.role_title(g.role), g.because) for g in pack.approval.reply_gates],
    )  # fmt: skip


def _followup(pack: Pack) -> Iterable[Table]:
    yield _table(
        _("回访计划"), (_("次序"), _("时间"), _("联系次数"), _("由谁"), _("询问")),
        [
            (s.title, allowance_words(pack.clock_rule(s.clock).allowance), s.attempts, pack.role_title(s.by_role),
             " ".join(s.questions))
            for s in pack.followup.steps
        ],
    )  # fmt: skip
    yield _table(
        _("满意度问卷"), (_("题目"), pgettext("answers", "范围"), _("含义"), _("必答")),
        [
            (q.text, f"{q.low}–{q.high}" if q.high else _("文字"),
             " … ".join(told(w) for w in (q.low_words, q.high_words) if w), q.required)
            for q in pack.followup.survey
        ],
    )  # fmt: skip


def _checklists(pack: Pack) -> Iterable[Table]:
    lists = pack.checklists
    yield _table(
        _("登记要素"), (_("要素"), _("必填"), _("询问用语")), [(i.title, i.required, i.ask) for i in lists.intake]
    )
    for title, checks in ((_("6W2H"), lists.frame), (_("责任认定"), lists.liabilities), (_("结案条件"), lists.closing)):
        yield _table(title, (_("内容"), _("说明")), [(c.text, c.why) for c in checks])
    for listed in lists.investigation:
        yield _table(listed.title, (_("内容"), _("说明")), [(c.text, c.why) for c in listed.items])
    yield _table(_("原因分析的常见误区"), (_("内容"),), [(t,) for t in lists.traps])


def _templates(pack: Pack) -> Iterable[Table]:
    yield _table(
        _("模板"), (_("名称"), _("用途"), _("适用"), _("主题"), _("正文")),
        [
            (t.title, VALUES.get(t.use, t.use), [_category(pack, c) for c in t.categories] or _("全部"), t.subject,
             t.text)
            for t in pack.templates
        ],
    )  # fmt: skip
    yield _table(
        _("占位符"), (_("名称"), _("含义"), _("示例")),
        [(f"{{{p.name}}}", p.meaning, p.example) for p in pack.placeholders],
    )  # fmt: skip


def _wording(pack: Pack) -> Iterable[Table]:
    wording = pack.wording
    for title, lines in ((_("开场"), wording.openings), (_("共情用语"), wording.empathy)):
        yield _table(title, (_("说法"),), [(x,) for x in lines])
    yield _table(
        _("避免的说法"), (_("说法"), _("类型"), _("原因"), _("改说")),
        [(a.phrases, VALUES[a.kind], a.why, a.instead) for a in wording.avoid],
    )  # fmt: skip
    yield _table(
        _("六种心态"), (_("心态"), _("想要"), _("表现"), _("有帮助的做法"), _("避免")),
        [(m.title, m.wants, m.signs, m.helps, m.avoid) for m in wording.moods],
    )  # fmt: skip
    for name in ("calming", "change", "phone", "objections", "channel_advice"):
        yield _table(str(FIELDS[name]), (_("步骤"), _("做法")), [(s.title, s.say) for s in getattr(wording, name)])


def _reasons(pack: Pack) -> Iterable[Table]:
    yield _table(
        _("原因编码"), (_("方面"), _("提问"), _("原因")),
        [(b.title, b.question, [c.title for c in b.causes]) for b in pack.causes],
    )  # fmt: skip
    for name in ("sources", "return_reasons"):
        yield _table(str(SECTIONS[name]), (_("名称"), _("含义")), [(r.title, r.meaning) for r in getattr(pack, name)])
    yield _table(
        str(SECTIONS["pause_reasons"]),
        (_("名称"), _("含义"), _("暂停的时限"), _("最长"), _("须附证明"), _("告知客户")),
        [
            (r.title, r.meaning, [VALUES[k] for k in r.pauses], allowance_words(r.max_time), r.needs_proof,
             r.tell_customer)
            for r in pack.pause_reasons
        ],
    )  # fmt: skip
    yield _table(
        str(SECTIONS["refusal_reasons"]),
        (_("名称"), _("含义"), _("须附证明"), _("可申请复核（工作日）"), _("告知客户")),
        [(r.title, r.meaning, r.needs_proof, r.review_days, r.tell_customer) for r in pack.refusal_reasons],
    )  # fmt: skip


def _conversion(pack: Pack) -> Iterable[Table]:
    kinds = {k.code: k.title for k in pack.conversion.kinds}
    yield _table(
        _("登记类型"), (_("类型"), _("含义"), _("常见说法")),
        [(k.title, k.meaning, k.signs) for k in pack.conversion.kinds],
    )  # fmt: skip
    yield _table(
        _("转换"), (_("由"), _("改为"), _("条件"), _("批准人")),
        [
            (kinds[r.from_kind], kinds[r.to_kind], r.when, pack.role_title(r.approved_by) if r.approved_by else "")
            for r in pack.conversion.rules
        ],
    )  # fmt: skip
    yield _table(
        _("统计口径"), (_("情形"), _("计为"), _("说明")),
        [(VALUES[c.when], VALUES[c.counts_as], c.because) for c in pack.conversion.counting],
    )  # fmt: skip


def _thresholds(pack: Pack) -> Table:
    values = pack.thresholds.model_dump()
    rows = [(THRESHOLDS[k], yuan(v) if k.endswith("_fen") else v) for k, v in values.items()]
    return _table(_("阈值"), (_("名称"), _("数值")), rows)


def _lists(pack: Pack) -> Iterable[Table]:
    for name in ("roles", "tiers", "functions"):
        yield _table(str(SECTIONS[name]), (_("名称"), _("含义")), [(x.title, x.meaning) for x in getattr(pack, name)])
    yield _table(
        str(SECTIONS["channels"]), (_("名称"), _("答复方式"), _("公开"), _("第三方")),
        [(c.title, c.answer_by, c.public, c.third_party) for c in pack.channels],
    )  # fmt: skip
