"""Units: the tree of head office, branches, outlets and departments. Source: SY-1, FIELD 8.3."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import OpClass
from django.db import models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext_lazy as _


class Units(models.QuerySet["Unit"]):
    def working(self) -> Units:
        return self.filter(active=True)

    def below(self, unit: Unit) -> Units:
        """`unit` itself and everything under it."""
        return self.filter(path__startswith=unit.path)

    def above(self, unit: Unit) -> Units:
        """`unit` itself and everything it belongs to, nearest first."""
        return self.filter(pk__in=unit.ancestry).order_by("-path")


class Unit(models.Model):
    class Kind(models.TextChoices):
        HEAD = "head", _("总部")
        BRANCH = "branch", _("分公司(分行)")
        SUBBRANCH = "subbranch", _("支公司(支行)")
        OUTLET = "outlet", _("网点(门店)")
        DEPARTMENT = "department", _("部门")

    code = models.CharField(_("机构码"), max_length=32, unique=True)
    title = models.CharField(_("名称"), max_length=120)
    kind = models.CharField(_("类型"), max_length=16, choices=Kind.choices)
    function = models.CharField(_("职能"), max_length=32, blank=True, default="")  # as policy names it: quality, …
    parent = models.ForeignKey(
        "self", verbose_name=_("上级"), null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    path = models.TextField(default="", editable=False)  # "/1/4/7/": own id last; kept by save()
    region = models.CharField(_("地区"), max_length=60, blank=True, default="")
    calendar = models.CharField(_("工作日历"), max_length=32, default="standard")
    phone = models.CharField(_("电话"), max_length=40, blank=True, default="")
    active = models.BooleanField(_("启用"), default=True)

    objects = Units.as_manager()

    class Meta:
        ordering = ("path",)
        indexes = (
            models.Index(OpClass("path", name="text_pattern_ops"), name="people_unit_path"),
            models.Index(fields=("function",), name="people_unit_function"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def ancestry(self) -> list[int]:
        """Ids from the root down to this unit."""
        return [int(step) for step in self.path.strip("/").split("/") if step]

    def is_within(self, other: Unit) -> bool:
        """Whether this unit is `other` or lies below it."""
        return self.path.startswith(other.path)

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save and keep the paths of this unit and of all below it."""
        super().save(*args, **kwargs)
        before, self.path = self.path, f"{self.parent.path if self.parent else '/'}{self.pk}/"
        if before == self.path:
            return
        Unit.objects.filter(pk=self.pk).update(path=self.path)
        if before:
            below = Unit.objects.filter(path__startswith=before).exclude(pk=self.pk)
            below.update(path=Concat(Value(self.path), Substr(F("path"), len(before) + 1)))
