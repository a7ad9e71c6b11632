"""Whose weights the escalation risk is summed with: those of the policy, or of a model that a person put in force.

A model has the same signs and the same sum; only its weights were fitted to what happened to the company's own cases.
It is proposed at night and does nothing until somebody decides. Source: PV-2 "calibrated against what really happened".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo import journal
from wenguo.cases.signs import Weights, weights_of
from wenguo.errors import Invalid, NotNow
from wenguo.people.actor import permit, record
from wenguo.policy.escalation import Escalation
from wenguo.text.normal import clean

PROPOSED = journal.define("risk_model.proposed", _lazy("拟合升级风险模型"))
PUT = journal.define("risk_model.put_in_force", _lazy("启用升级风险模型"))
TAKEN_BACK = journal.define("risk_model.taken_back", _lazy("停用升级风险模型"))


class RiskModel(models.Model):
    """Weights fitted to outcomes. `weights`: {sign: weight of a unit}; `n` cases of which `k` were taken higher;
    `report`: how it did on cases it was not fitted to, beside the weights of the policy on the same cases."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _lazy("待决定")
        IN_FORCE = "in_force", _lazy("使用中")
        RETIRED = "retired", _lazy("已停用")

    start = models.FloatField()
    weights = models.JSONField()
    n = models.PositiveIntegerField()
    k = models.PositiveIntegerField()
    report = models.JSONField()
    fitted_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    decided_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[RiskModel]] = models.Manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="in_force"), name="cases_one_risk_model"),
        ]


class RiskCheck(models.Model):
    """What a night's comparison of scores with outcomes found. `report`: see `insight/escalation.py: Report`."""

    at = models.DateTimeField()
    report = models.JSONField()

    objects: ClassVar[models.Manager[RiskCheck]] = models.Manager()


def weights_in_force(rules: Escalation, policy_id: int) -> Weights:
    """One query."""
    model = RiskModel.objects.filter(state=RiskModel.State.IN_FORCE).first()
    if model is None:
        return weights_of(rules, f"policy:{policy_id}")
    return of_model(model, policy_id)


def of_model(model: RiskModel, policy_id: int) -> Weights:
    return Weights(f"policy:{policy_id} model:{model.pk}", model.start, model.weights)


@transaction.atomic
def propose(
    *, start: float, weights: dict[str, float], n: int, k: int, report: Any, by: Any, at: datetime
) -> RiskModel:
    """Keep what was fitted, for a person to decide. Only the newest proposal waits; those never used make room."""
    RiskModel.objects.filter(state=RiskModel.State.PROPOSED).delete()
    model = RiskModel.objects.create(start=start, weights=weights, n=n, k=k, report=report, fitted_at=at)
    data = {"n": n, "k": k, "milli": {code: round(1000 * w) for code, w in weights.items()}}
    record("risk_model", model.pk, PROPOSED, by=by, at=at, data=data)
    return model


@transaction.atomic
def put_in_force(model: RiskModel, why: str, *, by: Any, at: datetime) -> None:
    """From now on its weights count. NotYours: may not publish policy. Invalid: no reason. NotNow: it does already."""
    permit(by, "policy.publish", at)
    why = _reason(why)
    model = RiskModel.objects.select_for_update().get(pk=model.pk)
    if model.state == RiskModel.State.IN_FORCE:
        raise NotNow(_("该模型已在使用"))
    RiskModel.objects.filter(state=RiskModel.State.IN_FORCE).update(state=RiskModel.State.RETIRED)
    RiskModel.objects.filter(pk=model.pk).update(state=RiskModel.State.IN_FORCE, decided_by=by, decided_at=at)
    record("risk_model", model.pk, PUT, by=by, at=at, private={"why": why})


@transaction.atomic
def take_back(model: RiskModel, why: str, *, by: Any, at: datetime) -> None:
    """Back to the weights of the policy. NotNow: it does not count."""
    permit(by, "policy.publish", at)
    why = _reason(why)
    if not RiskModel.objects.filter(pk=model.pk, state=RiskModel.State.IN_FORCE).update(
        state=RiskModel.State.RETIRED, decided_by=by, decided_at=at
    ):
        raise NotNow(_("该模型没有在使用"))
    record("risk_model", model.pk, TAKEN_BACK, by=by, at=at, private={"why": why})


def _reason(why: str) -> str:
    why = clean(why, 2000)
    if not why:
        raise Invalid(_("请写明理由"), fields={"why": _("请写明理由")})
    return why
