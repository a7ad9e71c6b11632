"""Roles: named bundles of permissions with a reach. Source: SY-1, FIELD 8.3 (five data scopes)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.errors import Invalid, NotYours
from wenguo.people.actor import SYSTEM, Actor, permit, record
from wenguo.people.permissions import CASE_WORK, unknown

if TYPE_CHECKING:
    from wenguo.people.units import Unit

SET = journal.define("role.set", gettext_lazy("设定角色"))


class Role(models.Model):
    """What one may do (`permissions`) and about whose work (`scope`), counted from the unit of the post."""

    class Scope(models.TextChoices):
        OWN = "own", gettext_lazy("仅本人")
        UNIT = "unit", gettext_lazy("本部门")
        UNIT_BELOW = "unit_below", gettext_lazy("本部门及以下")
        CUSTOM = "custom", gettext_lazy("自定义")
        ALL = "all", gettext_lazy("全部")

    code = models.CharField(gettext_lazy("代码"), max_length=40, unique=True)
    title = models.CharField(gettext_lazy("名称"), max_length=60)
    permissions = ArrayField(
        models.CharField(max_length=40), verbose_name=gettext_lazy("权限"), default=list, blank=True
    )
    scope = models.CharField(gettext_lazy("数据权限"), max_length=12, choices=Scope.choices, default=Scope.OWN)
    custom_units = models.ManyToManyField(
        "people.Unit", verbose_name=gettext_lazy("自定义部门"), blank=True, related_name="+"
    )
    sensitive = models.BooleanField(gettext_lazy("可见完整个人信息"), default=False)  # shown in full without a reveal
    built_in = models.BooleanField(gettext_lazy("内置"), default=False)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.title


@transaction.atomic
def set_role(
    code: str,
    *,
    title: str,
    permissions: Iterable[str],
    scope: str,
    by: Actor,
    at: datetime,
    custom_units: Iterable[Unit] = (),
    sensitive: bool = False,
) -> Role:
    """Make a role, or change it as a whole. NotYours: one's own role. Invalid: unknown permission or scope, no units
    for a custom scope, or managing people together with handling complaints (separation of duties).
    """
    permit(by, "people.manage", at)
    code, title, chosen, units = code.strip(), title.strip(), sorted(set(permissions)), list(custom_units)
    if wrong := _wrong(code, title, chosen, scope, units):
        raise Invalid(_("角色设置有误"), fields=wrong)
    role = Role.objects.select_for_update().filter(code=code).first() or Role(code=code)
    if role.pk and by is not SYSTEM and any(post.role_id == role.pk for post in by.posts_at(at)):  # type: ignore[attr-defined]
        raise NotYours(_("不能修改自己担任的角色，请由另一位管理员办理"))
    role.title, role.permissions, role.scope, role.sensitive = title, chosen, scope, sensitive
    role.save()
    role.custom_units.set(units if scope == Role.Scope.CUSTOM else [])
    data = {
        "code": code,
        "permissions": chosen,
        "scope": scope,
        "units": [unit.pk for unit in units],
        "sensitive": sensitive,
    }
    record("role", role.pk, SET, by=by, at=at, data=data, private={"title": title})
    return role


def _wrong(code: str, title: str, permissions: list[str], scope: str, units: list[Any]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not code.isidentifier() or not code.isascii() or len(code) > 40:
        wrong["code"] = _("代码为小写字母、数字和下划线，最多 40 个")
    if not title or len(title) > 60:
        wrong["title"] = _("请填写名称，最多 60 个字")
    if strange := unknown(permissions):
        wrong["permissions"] = _("没有这些权限：{codes}").format(codes="、".join(strange))
    elif "people.manage" in permissions and CASE_WORK.intersection(permissions):
        wrong["permissions"] = _("管理人员的角色不能同时办理投诉（职责分离）")
    if scope not in Role.Scope.values:
        wrong["scope"] = _("没有「{scope}」这种数据权限").format(scope=scope)
    elif scope == Role.Scope.CUSTOM and not units:
        wrong["custom_units"] = _("自定义数据权限须选择至少一个部门")
    return wrong


@dataclass(frozen=True)
class Standard:
    code: str
    title: str
    scope: str
    permissions: tuple[str, ...]


def _case(*acts: str) -> tuple[str, ...]:
    return tuple(f"case.{act}" for act in acts)


_EVERYBODY = (*_case("see", "note", "print"), "customer.see", "policy.see", "knowledge.see")
_DESK = (
    *_EVERYBODY,
    *_case("register", "accept", "refuse", "triage", "regrade", "assign", "take", "dispatch", "message", "remind"),
    *_case("withdraw", "pause", "extend", "investigate", "find", "propose", "execute", "reply", "followup", "close"),
    *_case("approve", "assist"),  # up to the ceiling the approval ladder of the policy gives the role
    "customer.edit",
    "customer.reveal",
    "people.see",
)
_SENIOR = (
    *_DESK,
    *_case("merge", "reopen", "reply_review", "sign", "return", "pay"),
    "customer.merge",
    "knowledge.edit",
)
_LEAD = (
    *_SENIOR,
    *_case("arbitrate", "supervise", "report_review", "see_sensitive", "archive", "override"),
    *("insight.see", "export.cases", "improvement.see", "knowledge.publish", "quality.inspect", "customer.import"),
)
STANDARD: tuple[Standard, ...] = (
    Standard("agent", "一线客服", Role.Scope.UNIT, _DESK),
    Standard("senior_agent", "资深客服专员", Role.Scope.UNIT, _SENIOR),
    Standard("supervisor", "客服主管", Role.Scope.UNIT_BELOW, _LEAD),
    Standard(
        "manager",
        "部门经理",
        Role.Scope.UNIT_BELOW,
        (*_LEAD, "policy.draft", "export.approve", "improvement.manage", "journal.see"),
    ),
    Standard(
        "executive",
        "高级管理层",
        Role.Scope.ALL,
        (
            *_EVERYBODY,
            *_case("see_sensitive", "message", "remind", "supervise", "approve", "override", "arbitrate"),
            *_case("report_review", "reply_review", "reopen", "assign", "regrade"),
            *("policy.publish", "insight.see", "export.cases", "export.approve", "improvement.see", "people.see"),
            *("customer.reveal", "journal.see"),
        ),
    ),
    Standard(
        "investigator",
        "调查专员",
        Role.Scope.OWN,
        (
            *_EVERYBODY,
            *_case("message", "dispatch", "sign", "return", "investigate", "find", "propose", "assist", "pause"),
            *_case("extend", "remind", "reply"),
            *("customer.reveal", "improvement.see", "people.see"),
        ),
    ),
    Standard(
        "handler",
        "责任部门经办",
        Role.Scope.UNIT,
        (
            *_EVERYBODY,
            *_case("message", "sign", "return", "dispatch", "investigate", "find", "propose", "execute", "pay"),
            *_case("reply", "assist", "pause", "extend"),
            *("customer.reveal", "improvement.see", "people.see"),
        ),
    ),
    Standard(
        "relationship",
        "客户关系专员",
        Role.Scope.UNIT_BELOW,
        (
            *_EVERYBODY,
            *_case("register", "message", "followup", "reopen", "remind", "close"),
            *("customer.edit", "customer.reveal", "customer.merge", "insight.see"),
        ),
    ),
    Standard(
        "legal",
        "法务",
        Role.Scope.ALL,
        (*_EVERYBODY, *_case("see_sensitive", "legal_review", "reply_review", "assist"), "customer.reveal"),
    ),
    Standard(
        "inspector",
        "质检员",
        Role.Scope.ALL,
        (
            *_EVERYBODY,
            *_case("see_sensitive", "followup", "reopen", "archive"),
            *("quality.inspect", "insight.see", "improvement.see", "journal.see"),
        ),
    ),
    Standard(
        "liaison",
        "监管对接人",
        Role.Scope.ALL,
        (
            *_EVERYBODY,
            *_case("see_sensitive", "register", "message", "remind", "supervise", "assist", "extend"),
            *("customer.reveal", "customer.export", "customer.erase", "insight.see", "export.cases"),
        ),
    ),
    Standard(
        "improver",
        "改进负责人",
        Role.Scope.ALL,
        (
            *_EVERYBODY,
            *("insight.see", "improvement.see", "improvement.manage", "knowledge.edit", "policy.draft"),
        ),
    ),
    Standard(
        "admin",
        "系统管理员",
        Role.Scope.ALL,
        (
            *("people.see", "people.manage", "token.manage", "jobs.repair", "journal.see", "system.health"),
            "model.manage",
            *("policy.see", "policy.draft", "calendar.import"),
        ),
    ),
)


@transaction.atomic
def install_standard_roles(*, at: datetime) -> list[Role]:
    """Create those standard roles that are missing; what an enterprise has changed stays. May run twice."""
    made = []
    for standard in STANDARD:
        role, new = Role.objects.get_or_create(
            code=standard.code,
            defaults={
                "title": standard.title,
                "permissions": sorted(standard.permissions),
                "scope": standard.scope,
                "built_in": True,
            },
        )
        if new:
            data = {"code": role.code, "permissions": role.permissions, "scope": role.scope, "standard": True}
            record("role", role.pk, SET, by=SYSTEM, at=at, data=data, private={"title": role.title})
        made.append(role)
    return made
