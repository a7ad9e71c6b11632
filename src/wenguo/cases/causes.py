"""Why it happened: the tree of whys, the fishbone, the usual traps, and the code under which the cause is counted.

A tree, not a chain: a problem may have several reasons at each step. A cause carries what it rests on, and the deepest
that we can change is marked as a root cause. That somebody was careless is never one: why could they be, and why did
nothing stop it? Source: IV-5; FIELD §5 5-why, Fishbone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases import drawing
from wenguo.cases.case import Case, add_words, record, rows
from wenguo.cases.lifecycle import require
from wenguo.errors import Invalid, NotNow
from wenguo.people.staff import Person
from wenguo.policy.schema import Missing
from wenguo.policy.told import told
from wenguo.text.normal import clean, normalise

LIMIT = 1000  # characters of one cause
HEAVIEST = 5  # the weight of a cause: 0 not weighed, 1 slight … 5 decisive
_TECHNICAL = frozenset({"machine", "material"})


class CauseNode(models.Model):
    """One cause. `why`: an answer to "why?" of its parent, at the top of the problem; `bone`: a cause on a branch
    of the fishbone. `evidence` are the words on what it rests, `fact` a fact of the case that carries it."""

    class Kind(models.TextChoices):
        WHY = "why", _lazy("5-why 分析")
        BONE = "bone", _lazy("鱼骨图")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="causes")
    parent = models.ForeignKey("self", null=True, on_delete=models.RESTRICT, related_name="children")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.WHY)
    bone = models.CharField(_lazy("分支"), max_length=40, blank=True, default="")
    text = models.TextField(_lazy("原因"))
    evidence = models.TextField(_lazy("依据"), blank=True, default="")
    fact = models.ForeignKey("cases.Fact", null=True, on_delete=models.PROTECT, related_name="+")
    verified = models.BooleanField(_lazy("已核实"), default=False)
    root = models.BooleanField(_lazy("根本原因"), default=False)
    weight = models.PositiveSmallIntegerField(_lazy("权重"), default=0)
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="bone", bone__gt="") | Q(kind="why", bone=""), name="cases_cause_on_a_bone"
            ),
            models.CheckConstraint(condition=Q(weight__lte=HEAVIEST), name="cases_cause_weight"),
        ]

    @property
    def is_grounded(self) -> bool:
        """Something is named on which it rests."""
        return bool(self.evidence or self.fact_id)


# Sums

_PERSON = (
    r"(?:个人|员工|人员|职员|店员|坐席|客服|技师|师傅|工人|操作工|操作员|经办人?"
    r"|快递员|安装工|当事人|同事|他|她|本人|人为|人)"
)
_FAULT = (
    r"(?:疏忽|粗心|大意|马虎|失误|不小心|没注意|未注意|不认真|不仔细|不细心|不负责|不上心|偷懒|走神|责任心(?:不强|不足|差|缺失)?"
    r"|态度(?:不好|不端正|恶劣|差)|素质(?:低|差|不高)?|个人原因|忘了|忘记|犯错|出错)"
)
_BLAME = re.compile(
    rf"{_PERSON}[^，。；,;]{{0,8}}{_FAULT}|^{_FAULT}|个人(?:原因|问题)|人的(?:原因|问题)|(?:责任心|素质)(?:不|差|低)"
)
_BEYOND_PERSON = re.compile(
    r"流程|制度|规程|规范|培训|考核|系统|复核|设计|排班|人手|指导书|标准|监督|提示|校验|检查表|机制"
)


def blames_a_person(text: str) -> bool:
    """Whether a cause stops at somebody's carelessness and names nothing that would let or stop it."""
    words = re.sub(r"\s+", "", text)
    return bool(_BLAME.search(words)) and not _BEYOND_PERSON.search(words)


def restates(text: str, problem: str) -> bool:
    """Whether a cause only says the problem again: nearly all of its pairs of characters stand in the problem."""
    mine, theirs = _pairs(text), _pairs(problem)
    return bool(mine) and len(mine & theirs) >= 0.7 * len(mine)


def _pairs(text: str) -> set[str]:
    words = "".join(c for c in normalise(text) if c.isalnum())
    return {words[i : i + 2] for i in range(len(words) - 1)} or {words} - {""}


# Acts


@transaction.atomic
def add_cause(
    case: Case,
    text: str,
    *,
    by: Any,
    at: datetime,
    parent: CauseNode | None = None,
    bone: str = "",
    evidence: str = "",
    fact: Any = None,
    verified: bool = False,
    weight: int = 0,
) -> CauseNode:
    """Add a cause: an answer to a "why", or with `bone` (a branch of the pack's causes) one on the fishbone.

    Under a `parent` it is of the parent's kind and branch. Invalid: no words, too deep, unknown branch; verified with
    nothing to rest on. Source: IV-5.
    """
    require(case, "add_cause", by=by, at=at)
    given = _checked(case, {"text": text, "evidence": evidence, "fact": fact, "verified": verified, "weight": weight})
    kind = CauseNode.Kind.BONE if bone else CauseNode.Kind.WHY
    if parent is not None:
        parent = _current(case, parent)
        kind, bone = CauseNode.Kind(parent.kind), parent.bone
        if parent.root:
            raise NotNow(_("上一层已标为根本原因；要继续追问，请先取消标记"))
        _not_too_deep(case, parent)
    elif bone and bone not in {branch.code for branch in case.pack.causes}:
        raise Invalid(_("请选择鱼骨图的分支"), fields={"bone": _("请选择鱼骨图的分支")})
    _grounded(given["verified"], given["evidence"], given["fact"])
    node = CauseNode.objects.create(
        case=case, parent=parent, kind=kind, bone=bone, by=by if isinstance(by, Person) else None, at=at, **given
    )
    record(
        case, "cause.added", by=by, at=at,
        data={"cause": node.pk, "kind": kind, "bone": bone, "parent": parent.pk if parent else None,
              "fact": node.fact_id, "verified": node.verified, "weight": node.weight},
        private={"text": node.text, "evidence": node.evidence},
    )  # fmt: skip
    add_words(case, node.text)
    return node


@transaction.atomic
def change_cause(node: CauseNode, *, by: Any, at: datetime, **changes: Any) -> None:
    """Change `text`, `evidence`, `fact`, `verified`, `weight` or `root`; the event keeps what stood there before.

    A root cause is a last answer (nothing beneath it) and never somebody's carelessness. Invalid, NotNow: says why not.
    """
    case = node.case
    require(case, "add_cause", by=by, at=at)
    if strange := changes.keys() - {"text", "evidence", "fact", "verified", "weight", "root"}:
        raise TypeError(f"a cause has no such details: {strange}")
    node_now = _current(case, node)
    given = _checked(case, changes)
    changed = {name: value for name, value in given.items() if getattr(node_now, name) != value}
    if not changed:
        return
    before = {name: getattr(node_now, name) for name in changed}
    for name, value in changed.items():
        setattr(node_now, name, value)
        setattr(node, name, value)
    _grounded(node_now.verified, node_now.evidence, node_now.fact)
    if node_now.root:
        _may_be_root(node_now)
    node_now.save(update_fields=list(changed))
    words = {name for name in changed if name in {"text", "evidence"}}
    facts = {name: value for name, value in changed.items() if name not in words}
    record(
        case, "cause.changed", by=by, at=at, data={"cause": node.pk, **facts},
        private={"before": {n: before[n] for n in words}, "after": {n: changed[n] for n in words}} if words else None,
    )  # fmt: skip
    add_words(case, *(str(changed[n]) for n in words))


@transaction.atomic
def mark_root(node: CauseNode, root: bool = True, *, by: Any, at: datetime) -> None:
    """标为根本原因, or take the mark away."""
    change_cause(node, by=by, at=at, root=root)


@transaction.atomic
def remove_cause(node: CauseNode, *, by: Any, at: datetime) -> None:
    """Take a cause out of the picture; its words stay in the journal. NotNow: something hangs on it."""
    case = node.case
    require(case, "add_cause", by=by, at=at)
    node = _current(case, node)
    if node.children.exists():
        raise NotNow(_("请先删除它下面的原因"))
    record(
        case, "cause.removed", by=by, at=at, data={"cause": node.pk, "kind": node.kind, "bone": node.bone},
        private={"text": node.text, "evidence": node.evidence},
    )  # fmt: skip
    node.delete()


@transaction.atomic
def code_cause(case: Case, code: str, *, by: Any, at: datetime, words: str = "") -> None:
    """登记原因编码: under which cause of the pack (`man.skill`) the case is counted. Invalid: not in the list."""
    require(case, "code_cause", by=by, at=at)
    check_code(case, code)
    if code == case.cause:
        return
    words = clean(words, LIMIT)
    record(
        case, "case.coded", by=by, at=at, data={"from": case.cause, "to": code},
        private={"words": words} if words else None, set={"cause": code},
    )  # fmt: skip


def check_code(case: Case, code: str) -> None:
    """Invalid unless the case's pack has this cause code."""
    try:
        case.pack.cause(code)
    except Missing:
        raise Invalid(_("请从原因编码表中选择"), fields={"cause": _("请从原因编码表中选择")}) from None


def _checked(case: Case, given: dict[str, Any]) -> dict[str, Any]:
    """The given details, cleaned. Invalid: what cannot be used."""
    given = dict(given)
    if "text" in given:
        given["text"] = clean(given["text"], LIMIT)
        if not given["text"]:
            raise Invalid(_("请写明原因"), fields={"text": _("请写明原因")})
    if "evidence" in given:
        given["evidence"] = clean(given["evidence"], LIMIT)
    if (fact := given.get("fact")) is not None and fact.case_id != case.pk:
        raise Invalid(_("请选择本件的事实"), fields={"fact": _("请选择本件的事实")})
    if not 0 <= given.get("weight", 0) <= HEAVIEST:
        words = _("权重为 0 到 {most}").format(most=HEAVIEST)
        raise Invalid(words, fields={"weight": words})
    return given


def _current(case: Case, node: CauseNode) -> CauseNode:
    """The cause as it stands now, kept from others until we are done."""
    found = CauseNode.objects.select_for_update().filter(pk=node.pk, case=case).first()
    if found is None:
        raise NotNow(_("该原因已被删除，请刷新后再试"))
    return found


def _not_too_deep(case: Case, parent: CauseNode) -> None:
    most = case.pack.thresholds.root_cause_max_depth
    above = {n.pk: n.parent_id for n in case.causes.all()}
    depth, above_it = 1, above.get(parent.pk)
    while above_it is not None:
        depth, above_it = depth + 1, above.get(above_it)
    if depth >= most:
        raise Invalid(_("已追问到第 {most} 层；再深多半不在我们能改变的范围内，请在此收束").format(most=most))


def _grounded(verified: bool, evidence: str, fact: Any) -> None:
    if verified and not evidence and fact is None:
        raise Invalid(_("标为已核实须写明依据"), fields={"evidence": _("请写明依据，或选择一条事实")})


def _may_be_root(node: CauseNode) -> None:
    if blames_a_person(node.text):
        raise Invalid(
            _("不能把个人疏忽作为根本原因。{trap}").format(trap=_trap(node.case, "疏忽")),
            fields={"text": _("请继续追问：为什么会出错，流程为什么没有拦住")},
        )
    if node.children.exists():
        raise NotNow(_("它下面还有更深的原因，根本原因应是最后一层"))


# What a page shows


@dataclass(frozen=True)
class Warn:
    """A usual trap the analysis has stepped into. `node` None: it concerns the whole."""

    words: str
    node: CauseNode | None = None


def _trap(case: Case, word: str, otherwise: str = "") -> str:
    """The pack's words on the trap that speaks of `word`."""
    return next((told(t) for t in case.pack.checklists.traps if word in t), otherwise)


def warnings(case: Case) -> list[Warn]:
    """What the analysis should be looked at again for; nothing here forbids anything. Source: IV-5."""
    nodes = rows(case, "causes")
    parents = {n.parent_id for n in nodes}
    leaves = [n for n in nodes if n.pk not in parents]
    said = _trap(case, "疏忽", _("停在某个人的疏忽；请再问为什么会疏忽、流程为什么没有拦住"))
    found = [Warn(said, n) for n in leaves if blames_a_person(n.text)]
    problem = f"{case.subject}\n{case.record.description}"
    said = _trap(case, "现象", _("只是把现象换了一种说法"))
    found += [Warn(said, n) for n in nodes if restates(n.text, problem)]
    said = _trap(case, "证据", _("没有写明依据"))
    found += [Warn(said, n) for n in leaves if not n.is_grounded]
    bones = {n.bone for n in nodes if n.bone}
    if bones and bones <= _TECHNICAL:
        found.append(Warn(_trap(case, "技术", _("只找了技术原因"))))
    tops = [n for n in nodes if n.kind == CauseNode.Kind.WHY and n.parent_id is None]
    if tops and len(leaves) < 2 and case.level <= case.pack.thresholds.five_why_from_level:
        found.append(Warn(_("重大投诉的原因多半不止一条，请再想想还有没有别的分支")))
    return found


def has_root_cause(case: Case) -> bool:
    """Whether the whys were asked to the end: one of them is marked as a root cause."""
    return any(n.kind == CauseNode.Kind.WHY and n.root for n in rows(case, "causes"))


@dataclass(frozen=True)
class Branch:
    """A cause with its depth (1 at the top) for a list, in the order of the tree."""

    node: CauseNode
    depth: int


def listed(case: Case, kind: str) -> list[Branch]:
    """The causes of one kind in the order of the tree, each before what hangs on it."""
    nodes = [n for n in rows(case, "causes") if n.kind == kind]
    return [Branch(n, depth) for n, depth in _in_order(nodes, None, 1)]


def _in_order(nodes: Sequence[CauseNode], parent: int | None, depth: int) -> Iterator[tuple[CauseNode, int]]:
    for node in nodes:
        if node.parent_id == parent:
            yield node, depth
            yield from _in_order(nodes, node.pk, depth + 1)


def _drawn(nodes: Sequence[CauseNode], parent: int | None, bone: str = "") -> list[drawing.Node]:
    return [
        drawing.Node(n.text, _drawn(nodes, n.pk, bone), _tags(n), n.root)
        for n in nodes
        if n.parent_id == parent and n.bone == bone
    ]


def _tags(node: CauseNode) -> list[str]:
    tags = [_("根本原因")] if node.root else []
    tags += [_("已核实")] if node.verified else []
    return tags + ([_("权重 {n}").format(n=node.weight)] if node.weight else [])


def why_picture(case: Case, wide: int = drawing.WIDE) -> str:
    """The tree of whys of this case as SVG, `wide` px wide; empty when there is none."""
    nodes = [n for n in rows(case, "causes") if n.kind == CauseNode.Kind.WHY]
    if not nodes:
        return ""
    depth = case.pack.thresholds.root_cause_max_depth
    steps = [_("问题"), *(_("第 {n} 个为什么").format(n=n) for n in range(1, depth + 1))]
    title = _("5-why 分析：{subject}").format(subject=case.subject)
    return drawing.why_tree(
        case.subject, _drawn(nodes, None), title=title, steps=steps, id=f"why-{case.pk}-{wide}", wide=wide
    )


def fish_picture(case: Case, wide: int = drawing.WIDE) -> str:
    """The fishbone of this case as SVG, `wide` px wide, with every branch of the pack; empty when nothing is on it."""
    nodes = [n for n in rows(case, "causes") if n.kind == CauseNode.Kind.BONE]
    if not nodes:
        return ""
    bones = [drawing.Bone(told(b.title), _drawn(nodes, None, b.code)) for b in case.pack.causes]
    title = _("鱼骨图：{subject}").format(subject=case.subject)
    return drawing.fishbone(case.subject, bones, title=title, id=f"fish-{case.pk}-{wide}", wide=wide)
