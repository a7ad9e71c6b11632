"""The models that say what a complaint is about: versions, which one is in force, and who put it there. Source: TR-2.

The shipped model is version 0 and needs no row. A model taught with the enterprise's own cases is a row: it never
leaves the database. A night makes at most one candidate; only a person puts it in force, and any version that was in
force once may be put in force again. Every process sees the change within `FRESH_SECONDS`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext_lazy

from wenguo import journal
from wenguo.errors import Invalid, NotNow
from wenguo.people.actor import Actor, permit, record
from wenguo.policy.schema import Pack
from wenguo.text import category, linear, network
from wenguo.text.evaluation import Evaluation
from wenguo.text.linear import Linear

TAUGHT = journal.define("model.taught", _lazy("训练分类模型"))
PROMOTED = journal.define("model.promoted", _lazy("启用分类模型"))
ROLLED_BACK = journal.define("model.rolled_back", _lazy("退回分类模型"))

FRESH_SECONDS = 2.0
SHIPPED = 0
SHIPPED_BUDGET = 0.1
"""The shipped model's threshold (`category.APPLY`) was chosen for one wrong in ten; no stricter budget can be kept."""


class ModelVersion(models.Model):
    """`content`: the .npz, emptied when a candidate is superseded; its figures stay. `until`: the last decision it
    could know of. `evaluation`: see `learning.evaluated`."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", _lazy("候选")
        IN_FORCE = "in_force", _lazy("在用")
        RETIRED = "retired", pgettext_lazy("state", "停用")
        SUPERSEDED = "superseded", _lazy("未启用")

    number = models.PositiveIntegerField(_lazy("版本"), unique=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.CANDIDATE)
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    examples = models.PositiveIntegerField(_lazy("训练用件数"))
    corrections = models.PositiveIntegerField(_lazy("其中更正"))
    held_out = models.PositiveIntegerField(_lazy("留出件数"))
    recipe = models.JSONField(default=dict)
    evaluation = models.JSONField(default=dict)
    made_at = models.DateTimeField(_lazy("训练时间"))
    made_by = models.CharField(max_length=40)
    until = models.DateTimeField()
    promoted_at = models.DateTimeField(_lazy("启用时间"), null=True)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[models.Manager[ModelVersion]] = models.Manager()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("state",), condition=Q(state="in_force"), name="cases_model_in_force_once"),
            models.UniqueConstraint(
                fields=("state",), condition=Q(state="candidate"), name="cases_model_candidate_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["candidate", "superseded"])
                | Q(promoted_by__isnull=False, promoted_at__isnull=False),
                name="cases_model_promoted_by_a_person",
            ),
        )

    def __str__(self) -> str:
        return name_of(self.number)


def name_of(number: int) -> str:
    """As people say it."""
    return _("自训第 {n} 版").format(n=number) if number else _("随附模型")


@dataclass(frozen=True, eq=False)
class InForce:
    """One object a version, so that what is kept per text can be kept per model. `number` 0: the shipped one, whose
    figures nobody here measured."""

    number: int
    model: Linear
    figures: Evaluation | None = None

    @property
    def name(self) -> str:
        """What a reading remembers as `by_model`."""
        return f"own-{self.number}" if self.number else str(self.model.note.get("version", ""))[:40]

    def applies_from(self, pack: Pack) -> float | None:
        """The probability from which on a category is applied within the error budget of the pack; None: never."""
        budget, least = pack.thresholds.classify_error_budget, pack.thresholds.classify_apply_from
        if least >= 1:
            return None
        if self.figures is not None:
            found = self.figures.cautious_bar(budget)
        else:
            found = category.APPLY if budget >= SHIPPED_BUDGET else None
        return None if found is None else max(found, least)


_seen: list[tuple[float, int | None]] = []


def forget() -> None:
    """Look again, at the next use, which version is in force."""
    _seen.clear()


def in_force() -> InForce:
    """The model that reads complaints now. Costs a query every `FRESH_SECONDS`."""
    now = time.monotonic()
    if not _seen or now - _seen[0][0] >= FRESH_SECONDS:
        rows = ModelVersion.objects.filter(state=ModelVersion.State.IN_FORCE)
        _seen[:] = [(now, rows.values_list("pk", flat=True).first())]
    pk = _seen[0][1]
    return _shipped() if pk is None else _loaded(pk)


@cache
def _shipped() -> InForce:
    return InForce(SHIPPED, category.built())


@lru_cache(maxsize=2)
def _loaded(pk: int) -> InForce:
    row = ModelVersion.objects.values("number", "content", "evaluation").get(pk=pk)
    made = linear.parse(bytes(row["content"]))
    figures = row["evaluation"]["own" if listens(made) in {None, True} else "words"]
    return InForce(row["number"], made, Evaluation.of(figures))


def listens(model: Linear) -> bool | None:
    """Does it hear here what the network says that it was measured with? None: it goes by the words alone."""
    beside = model.beside.get("category")
    return None if beside is None else network.reads_as(beside.by)


# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def keep(content: bytes, *, by: Actor, at: datetime, **figures: Any) -> ModelVersion:
    """A new candidate; one that nobody put in force makes room for it."""
    superseded = ModelVersion.objects.filter(state=ModelVersion.State.CANDIDATE)
    superseded.update(state=ModelVersion.State.SUPERSEDED, content=b"")
    number = (ModelVersion.objects.aggregate(top=models.Max("number"))["top"] or 0) + 1
    made = ModelVersion.objects.create(
        number=number, content=content, digest=sha256(content).hexdigest(), made_at=at, made_by=by.journal_ref,
        **figures,
    )  # fmt: skip
    data = {
        "version": number, "digest": made.digest, "examples": made.examples, "corrections": made.corrections,
        "held_out": made.held_out, "only_own": made.evaluation["only_own"],
        "only_before": made.evaluation["only_before"], "before": made.evaluation["before_number"],
    }  # fmt: skip
    record("model", "category", TAUGHT, by=by, at=at, data=data)
    return made


@transaction.atomic
def promote(version: ModelVersion, *, by: Actor, at: datetime, note: str = "") -> None:
    """Put a candidate in force: the program proposed it, a person decides. NotNow: it is no candidate any more."""
    permit(by, "model.manage", at)
    if version.state != ModelVersion.State.CANDIDATE:
        raise NotNow(_("第 {n} 版不是候选模型").format(n=version.number))
    _put_in_force(version, PROMOTED, by=by, at=at, note=note)


@transaction.atomic
def roll_back(version: ModelVersion | None, reason: str, *, by: Actor, at: datetime) -> None:
    """Put a former version in force again; None: the shipped model. Invalid: no reason. NotNow: it never was in force,
    or is."""
    permit(by, "model.manage", at)
    reason = reason.strip()[:2000]
    if not reason:
        raise Invalid(_("请写明退回的原因"), fields={"reason": _("请写明退回的原因")})
    if version is not None and version.state != ModelVersion.State.RETIRED:
        raise NotNow(_("第 {n} 版没有停用过，不能退回到它").format(n=version.number))
    if version is None and in_force_row() is None:
        raise NotNow(_("随附模型本来就在用"))
    _put_in_force(version, ROLLED_BACK, by=by, at=at, note=reason)


def in_force_row() -> ModelVersion | None:
    return ModelVersion.objects.defer("content").filter(state=ModelVersion.State.IN_FORCE).first()


def _put_in_force(version: ModelVersion | None, event: str, *, by: Actor, at: datetime, note: str) -> None:
    before = ModelVersion.objects.select_for_update().filter(state=ModelVersion.State.IN_FORCE).first()
    if before is not None:
        ModelVersion.objects.filter(pk=before.pk).update(state=ModelVersion.State.RETIRED)
    if version is not None:
        rows = ModelVersion.objects.filter(pk=version.pk, state=version.state)
        if not rows.update(state=ModelVersion.State.IN_FORCE, promoted_at=at, promoted_by_id=by.pk):
            raise NotNow(_("刚被他人更改，请刷新后再试"))
        version.refresh_from_db()
    data = {
        "version": version.number if version else SHIPPED, "digest": version.digest if version else "",
        "before": before.number if before else SHIPPED,
    }  # fmt: skip
    record("model", "category", event, by=by, at=at, data=data, private={"note": note} if note else None)
    transaction.on_commit(forget)
    forget()
