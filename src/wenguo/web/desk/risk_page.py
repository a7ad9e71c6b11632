"""升级风险: who is at risk now, whether the score was right, and whose weights count. Source: PV-2.

What is at risk now is counted among the cases the reader may see and leads to exactly those; whether the score was
right is told of all cases of the company, as sums without any case in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import weights
from wenguo.cases.case import Case
from wenguo.cases.lifecycle import Stage
from wenguo.cases.risk import Risk, read_reasons
from wenguo.cases.weights import RiskCheck, RiskModel
from wenguo.errors import NotFound
from wenguo.insight.escalation import check_job
from wenguo.insight.overview import FEW
from wenguo.later import later
from wenguo.policy.escalation import Escalation
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.spoken import counted
from wenguo.web.desk.common import me
from wenguo.web.desk.insight import in_cases
from wenguo.web.desk.risk import LOOKS
from wenguo.web.doors import desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

SHOWN = 20
STEPS = 10  # bars of the distribution


@desk(permission="insight.see")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    at, person = timezone.now(), me(request)
    rules = in_force(at).pack.escalation
    seen = Case.objects.visible_to(person, at).open()
    found = dict(seen.filter(risk__isnull=False).values_list("risk__level").annotate(n=Count("pk")))
    levels = [
        (x, LOOKS[x.code], found.get(x.code, 0), f"{url('desk:queue')}?view=open&risk={x.code}")
        for x in reversed(rules.levels)
    ]
    checked = RiskCheck.objects.order_by("-pk").first()
    models = list(RiskModel.objects.select_related("decided_by")[:8])
    context = {
        "levels": levels, "spread": spread(seen), "top": top(seen, rules), "signs": frequent(seen, rules),
        "check": checked, "report": judged(checked.report) if checked else None,
        "models": [of(m, rules) for m in models],
        "decides": may(person, "policy.publish"), "checks": may(person, "case.supervise"), "few": FEW,
        "kinds": {
            "higher": _("要求上级过问"), "outside": _("到监管、消协或公开渠道再投诉"),
            "reopened": _("重开或因不满意重新评估"),
        },
        "left_kinds": {
            "outside": _("一开始就来自监管、消协或公开渠道"), "over": _("检验时点前已结束"),
            "before": _("检验时点前已升级"),
        },
    }  # fmt: skip
    return page(request, "desk/insight/risk.html", context, here="risk")


# ── now ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def spread(seen: Any) -> dict[str, Any]:
    """How many open cases have which score. One query."""
    with connection.cursor() as cursor:
        sql, given = Risk.objects.filter(case__in=seen.order_by().values("pk")).values("score").query.sql_with_params()
        cursor.execute(
            f"SELECT least({STEPS - 1}, floor(score * {STEPS}))::int, count(*) FROM ({sql}) s GROUP BY 1", given
        )
        counted = dict(cursor.fetchall())
    return {
        "x": [f"{n / STEPS:.1f}–{(n + 1) / STEPS:.1f}" for n in range(STEPS)], "unit": in_cases(), "x_name": _("分值"),
        "series": [{"name": _("在办"), "values": [counted.get(n, 0) for n in range(STEPS)]}],
    }  # fmt: skip


def top(seen: Any, rules: Escalation) -> list[dict[str, Any]]:
    """The highest scores among the cases at the highest level, with their heaviest reasons. One query."""
    rows = (
        seen.filter(risk__level=rules.levels[-1].code)
        .order_by("-risk__score", "pk")
        .values("number", "subject", "level", "stage", "owner__name", "risk__score", "risk__since", "risk__reasons")
    )
    return [
        {
            **row, "stage_words": Stage(row["stage"]).label,
            "why": [told(r.rule.title) for r in read_reasons(row["risk__reasons"], rules)[:3]],
        }
        for row in rows[:SHOWN]
    ]  # fmt: skip


def frequent(seen: Any, rules: Escalation) -> list[tuple[str, int]]:
    """Which signs show in how many of the open cases at medium or high risk. One query."""
    rows = Risk.objects.filter(case__in=seen.order_by().values("pk")).exclude(level=rules.levels[0].code)
    sql, given = rows.values("reasons").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r->>'code', count(*) FROM ({sql}) s, jsonb_array_elements(s.reasons) r"
            " GROUP BY 1 ORDER BY 2 DESC, 1",
            given,
        )
        found = cursor.fetchall()
    titles = {s.code: told(s.title) for s in rules.signs}
    return [(titles[code], n) for code, n in found if code in titles][:8]


# ── was it right? ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Judged:
    """A comparison in words: `finding` is the title of its chart."""

    finding: str
    ranking: str
    good: Mapping[str, Any]
    chart: dict[str, Any]


def judged(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report of a check, each scorer with its words and chart."""
    return {
        **report,
        "judged": [
            (name, judge(report[key]))
            for key, name in (("of_policy", _("政策权重")), ("of_model", _("使用中的模型")))
            if key in report
        ],
    }


def judge(good: Mapping[str, Any]) -> Judged:
    return Judged(finding(good), ranking(good), good, chart(good))


def finding(good: Mapping[str, Any]) -> str:
    """One sentence: is the mean score what happened?"""
    n, k, mean = good["n"], good["k"], good["mean"]
    if n < FEW or k < 10:
        return counted("结果还少（{n} 件，其中 {k} 件升级），还不能下结论", n, k=k)
    from wenguo.insight.statistics import wilson

    low, high = wilson(k, n) or (0, 1)
    given = {"mean": f"{mean:.0%}", "rate": f"{k / n:.0%}", "low": f"{low:.0%}", "high": f"{high:.0%}"}
    if mean < low:
        return _("分值偏低：平均 {mean}，实际升级 {rate}（95% 区间 {low}–{high}）").format(**given)
    if mean > high:
        return _("分值偏高：平均 {mean}，实际升级 {rate}（95% 区间 {low}–{high}）").format(**given)
    return _("分值与实际相符：平均 {mean}，实际升级 {rate}（95% 区间 {low}–{high}）").format(**given)


def ranking(good: Mapping[str, Any]) -> str:
    """One sentence: does it tell those who escalate from those who do not?"""
    if good["auc"] is None:
        return _("还没有两种结果可比")
    low, high = good["auc_interval"]
    given = {"auc": f"{good['auc']:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}"}
    if low <= 0.5:
        return _("排序能力未见：AUC {auc}（95% 区间 {low}–{high}，0.5 等于碰运气）").format(**given)
    return _("会升级的件分值更高：AUC {auc}（95% 区间 {low}–{high}，0.5 等于碰运气）").format(**given)


def chart(good: Mapping[str, Any]) -> dict[str, Any]:
    bins = good["bins"]
    return {
        "x": [f"{b['low']:.2f}–{b['high']:.2f}" for b in bins], "percent": True, "x_name": _("分值"),
        "series": [
            {"name": _("实际升级"), "values": [round(b["k"] / b["n"], 4) for b in bins]},
            {"name": _("平均分值"), "values": [round(b["predicted"], 4) for b in bins], "dashed": True},
        ],
        "band": {
            "name": _("实际的 95% 区间"), "low": [round(b["interval"][0], 4) for b in bins],
            "high": [round(b["interval"][1], 4) for b in bins],
        },
    }  # fmt: skip


# ── whose weights ─────────────────────────────────────────────────────────────────────────────────────────────────


def of(model: RiskModel, rules: Escalation) -> dict[str, Any]:
    """A model with its figures beside those of the policy, and what it weighs otherwise."""
    rows = [(told(s.title), s.weight, model.weights.get(s.code, 0.0)) for s in rules.signs]
    return {
        "model": model, "own": model.report["model"], "policy": model.report["policy"],
        "rows": sorted(rows, key=lambda r: -abs(r[2] - r[1])), "judged": judge(model.report["model"]),
    }  # fmt: skip


@desk(permission="case.supervise")
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    later(check_job.name, unique="check_risks")
    return go(request, url("desk:risk"), _("正在后台检验，稍后刷新本页"))


@desk(permission="policy.publish")
@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a model in force, or take it back."""
    given = Given(request.POST)
    why = given.text("why", _("理由"), most=2000)
    given.check()
    model = RiskModel.objects.filter(pk=pk).first()
    if model is None:
        raise NotFound(_("没有这个模型"))
    at: datetime = timezone.now()
    if given.raw("do") == "take_back":
        weights.take_back(model, why, by=me(request), at=at)
        return go(request, url("desk:risk"), _("已停用，改按政策权重计算；各件的分值一小时内更新"))
    weights.put_in_force(model, why, by=me(request), at=at)
    return go(request, url("desk:risk"), _("已启用；各件的分值一小时内更新"))
