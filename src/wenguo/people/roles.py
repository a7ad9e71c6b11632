"""Roles: named bundles of permissions with a reach. Source: SY-1, FIELD 8.3 (five data scopes)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.Model):
    """What one may do (`permissions`) and about whose work (`scope`), counted from the unit of the post."""

    class Scope(models.TextChoices):
        OWN = "own", _("仅本人")
        UNIT = "unit", _("本部门")
        UNIT_BELOW = "unit_below", _("本部门及以下")
        CUSTOM = "custom", _("自定义")
        ALL = "all", _("全部")

    code = models.CharField(_("代码"), max_length=40, unique=True)
    title = models.CharField(_("名称"), max_length=60)
    permissions = ArrayField(models.CharField(max_length=40), verbose_name=_("权限"), default=list, blank=True)
    scope = models.CharField(_("数据权限"), max_length=12, choices=Scope.choices, default=Scope.OWN)
    custom_units = models.ManyToManyField("people.Unit", verbose_name=_("自定义部门"), blank=True, related_name="+")
    sensitive = models.BooleanField(_("可见完整个人信息"), default=False)  # personal fields unmasked without a reveal
    built_in = models.BooleanField(_("内置"), default=False)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.title
