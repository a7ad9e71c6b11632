"""The models that classify, for the administrator: how good each is, what it mixes up, how far it may be trusted, and
which one is in force. Source: TR-2."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import learning, model
from wenguo.cases.model import ModelVersion, name_of
from wenguo.errors import NotFound, Refusal
from wenguo.insight.statistics import wilson
from wenguo.insight.suggestions import WEEKS, Week, corrections, weeks
from wenguo.later import later
from wenguo.policy.told import told
from wenguo.policy.versions import in_force as policy_in_force
from wenguo.text import network
from wenguo.text.category import OTHER
from wenguo.text.evaluation import Evaluation
from wenguo.web.desk.admin import admin_again, admin_page
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.desk.insight import in_cases
from wenguo.web.doors import desk, go
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import capped_count

MOST_CLASSES = 12  # drawn in the heat map; the table has all that were mixed up
MOST_VERSIONS = 40
FEW = 30
ENOUGH = 1000  # cases to learn from are counted no further


@dataclass(frozen=True)
class Shown:
    """A version with its figures on held-out cases, and those of the model that was in force then."""

    row: ModelVersion
    own: Evaluation
    before: Evaluation

    @property
    def by_words(self) -> Evaluation | None:
        """What it is without the network it listens to; None: it goes by the words alone."""
        found = self.row.evaluation.get("words")
        return None if found is None else Evaluation.of(found)

    @property
    def gained(self) -> int:
        return int(self.row.evaluation["only_own"])

    @property
    def lost(self) -> int:
        return int(self.row.evaluation["only_before"])

    @property
    def before_name(self) -> str:
        return name_of(self.row.evaluation["before_number"])

    @property
    def verdict(self) -> str:
        """In words, with the doubt that is left: a difference within two standard errors is none."""
        gain, turned = self.gained - self.lost, self.gained + self.lost
        if gain * gain > 4 * turned:
            return _("比{before}好") if gain > 0 else _("比{before}差")
        return _("与{before}分不出高下")


@desk(permission="model.manage")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    return admin_page(request, "desk/admin/models.html", "models", context(request))


def context(request: StaffRequest) -> dict[str, Any]:
    """The version asked for, else the candidate, else the one in force."""
    at = timezone.now()
    rows = list(ModelVersion.objects.defer("content").select_related("promoted_by")[:MOST_VERSIONS])
    used = next((row for row in rows if row.state == ModelVersion.State.IN_FORCE), None)
    wanted = request.GET.get("v", "")
    chosen = next((row for row in rows if str(row.number) == wanted), None)
    chosen = chosen or next((row for row in rows if row.state == ModelVersion.State.CANDIDATE), used)
    shown = None
    if chosen is not None:
        shown = Shown(chosen, *(Evaluation.of(chosen.evaluation[key]) for key in ("own", "before")))
    pack = policy_in_force(at).pack
    by, drift = model.in_force(), weeks(at)
    least = pack.thresholds.classify_least_examples
    return {
        "rows": rows, "used": used, "shown": shown, "at": at, "weeks": drift, "few": FEW,
        "budget": pack.thresholds.classify_error_budget, "bar": by.applies_from(pack),
        "sense": _sense(by),
        "least": least, "enough": max(least, ENOUGH), "decided": capped_count(learning.decided(), max(least, ENOUGH)),
        "covered": _covered(by.figures, by.applies_from(pack)),
        "taught_most": [
            (class_title(pack, c.suggested), class_title(pack, c.decided), c.n)
            for c in corrections(at - timedelta(weeks=WEEKS))
        ],
        "classes": _classes(pack, shown.own) if shown else [],
        "mixed": [(class_title(pack, a), class_title(pack, b), n) for a, b, n in shown.own.confusion[:12]]
        if shown
        else [],
        "charts": {**(_charts(pack, shown) if shown else {}), "drift": _drift(drift)},
        "drifted": _drifted(drift),
    }  # fmt: skip


def _sense(by: model.InForce) -> tuple[str, str]:
    """Whether the model in force listens to the network that reads whole sentences: (words, tone)."""
    listens = model.listens(by.model)
    if listens:
        return _("看：受理以后由后台读整句，和字词一起定"), ""
    if listens is False:
        return _("这一版训练时还看整句的意思；本机没有装同一版语义模型，现在只看字词，数字也是只看字词的"), "warn"
    if network.installed():
        return _("不看：装了语义模型，但在留出件上没有让这一版更准"), ""
    return _("不看：没有装语义模型（可选，件数少的时候最有帮助，见运维手册）"), ""


def class_title(pack: Any, code: str) -> str:
    """A class of any pack in today's words; one it no longer has by its code."""
    if code == OTHER:
        return _("其他")
    return str(told(pack.sub(code).title)) if any(sub.code == code for sub in pack.subs) else code


def _covered(figures: Evaluation | None, bar: float | None) -> float | None:
    if figures is None or bar is None:
        return None
    return min((c.covered for c in figures.coverage if c.bar >= bar - 1e-9), key=lambda covered: -covered, default=None)


def _classes(pack: Any, own: Evaluation) -> list[dict[str, Any]]:
    """Each class with texts: recall with its interval, precision; the largest first."""
    rows = [c for c in own.by_class if c.texts]
    return [
        {
            "title": class_title(pack, c.code), "texts": c.texts, "right": c.right, "recall": c.recall,
            "interval": wilson(c.right, c.texts), "precision": c.precision, "named": c.named,
        }
        for c in sorted(rows, key=lambda c: (-c.texts, c.code))
    ]  # fmt: skip


# ── what the charts draw ──────────────────────────────────────────────────────────────────────────────────────────


def _charts(pack: Any, shown: Shown) -> dict[str, Any]:
    return {
        "calibration": _calibration(shown.own), "coverage": _coverage(shown), "confusion": _confusion(pack, shown.own)
    }  # fmt: skip


def _calibration(own: Evaluation) -> dict[str, Any]:
    return {
        "x": [f"{b.probability:.0%}" for b in own.bins], "percent": True, "x_name": _("程序说的把握"),
        "y": _("实际正确"),
        "series": [
            {"name": _("实际正确"), "values": [round(b.right, 4) for b in own.bins]},
            {
                "name": _("说多少对多少"), "values": [round(b.probability, 4) for b in own.bins],
                "dashed": True, "quiet": True, "color": 8,
            },
        ],
    }  # fmt: skip


def _coverage(shown: Shown) -> dict[str, Any]:
    """The share of cases above each threshold, and the share of wrong ones among them."""
    points = shown.own.coverage
    return {
        "x": [f"{c.bar:.0%}" for c in points], "percent": True, "x_name": _("阈值"), "y": _("占留出件"),
        "series": [
            {"name": _("达到阈值的"), "values": [round(c.covered, 4) for c in points]},
            {
                "name": _("其中错的"), "values": [round(c.wrong, 4) if c.covered else None for c in points],
                "color": "l1",
            },
        ],
    }  # fmt: skip


def _confusion(pack: Any, own: Evaluation) -> dict[str, Any]:
    """The classes most often mixed up; rows: what people decided, columns: what the model said."""
    often: Counter[str] = Counter()
    for a, b, n in own.confusion:
        often[a] += n
        often[b] += n
    codes = [code for code, _n in often.most_common(MOST_CLASSES)]
    pairs = {(a, b): n for a, b, n in own.confusion} | {(c.code, c.code): c.right for c in own.by_class}
    titles = [class_title(pack, code) for code in codes]
    return {
        "x": titles, "ys": titles, "unit": in_cases(), "x_name": _("模型说"),
        "cells": [[x, y, pairs.get((b, a), 0)] for x, a in enumerate(codes) for y, b in enumerate(codes)],
        "series": [
            {"name": _("人定「{title}」").format(title=titles[y]), "values": [pairs.get((b, a), 0) for a in codes]}
            for y, b in enumerate(codes)
        ],
    }  # fmt: skip


def _drift(drift: list[Week]) -> dict[str, Any]:
    return {
        "x": [f"{w.monday:%m-%d}" for w in drift], "percent": True, "x_name": _("周（起始日）"),
        "series": [
            {
                "name": _("建议被采纳"),
                "values": [round(w.accepted.value, 4) if w.accepted.value is not None else None for w in drift],
            },
            {
                "name": _("文字认得的比例"),
                "values": [round(w.known, 4) if w.known is not None else None for w in drift], "color": 3,
            },
        ],
    }  # fmt: skip


def _drifted(drift: list[Week]) -> str:
    """The last four weeks against the eight before, in a sentence."""
    late, early = drift[-4:], drift[:-4]
    k, n = sum(w.accepted.k for w in late), sum(w.accepted.n for w in late)
    before_k, before_n = sum(w.accepted.k for w in early), sum(w.accepted.n for w in early)
    if not n:
        return _("近四周还没有可比的建议")
    words = _("近四周采纳 {share:.0%}").format(share=k / n)
    if not before_n:
        return words
    low, high = wilson(before_k, before_n) or (0.0, 1.0)
    if low <= k / n <= high or n < FEW:
        return _("{now}，与此前（{before:.0%}）没有明显差别").format(now=words, before=before_k / before_n)
    turned = _("高于") if k / n > high else _("低于")
    return _("{now}，{turned}此前的 {before:.0%}").format(now=words, turned=turned, before=before_k / before_n)


# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _find(number: int) -> ModelVersion:
    found = ModelVersion.objects.defer("content").filter(number=number).first()
    if found is None:
        raise NotFound(_("没有第 {n} 版模型").format(n=number))
    return found


@desk(permission="model.manage")
@require_POST
def promote(request: StaffRequest, number: int) -> HttpResponse:
    given = Given(request.POST)
    try:
        note = given.text("note", _("说明"), most=2000, optional=True)
        given.check()
        model.promote(_find(number), by=request.user, at=timezone.now(), note=note)
    except NotFound:
        raise
    except Refusal as refusal:
        return admin_again(request, refusal, "desk/admin/models.html", "models", context(request))
    return go(request, url("desk:models"), _("第 {n} 版已启用，新来的投诉由它读").format(n=number))


@desk(permission="model.manage")
@require_POST
def back(request: StaffRequest, number: int) -> HttpResponse:
    """Back to a former version; 0 is the shipped one."""
    given = Given(request.POST)
    try:
        reason = given.text("reason", _("退回的原因"), most=2000)
        given.check()
        model.roll_back(_find(number) if number else None, reason, by=request.user, at=timezone.now())
    except NotFound:
        raise
    except Refusal as refusal:
        return admin_again(request, refusal, "desk/admin/models.html", "models", context(request))
    return go(request, url("desk:models"), _("已退回到{name}").format(name=name_of(number)))


@desk(permission="model.manage")
@require_POST
def train(request: StaffRequest) -> HttpResponse:
    """Do now what the night does."""
    later("worker.train", unique="train", timestamp=0)
    return go(request, url("desk:models"), _("已排队训练，几分钟后刷新本页"))
