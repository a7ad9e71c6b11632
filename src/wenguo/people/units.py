"""Units: the tree of head office, branches, outlets and departments. Source: SY-1, FIELD 8.3."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.indexes import OpClass
from django.db import models, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.breath import once
from wenguo.compiled import ask
from wenguo.errors import Invalid, NotNow
from wenguo.people.actor import Actor, permit, record

if TYPE_CHECKING:
    from wenguo.people.staff import Person, Post

FOUNDED = journal.define("unit.founded", gettext_lazy("设立机构"))
CHANGED = journal.define("unit.changed", gettext_lazy("变更机构"))

# Who answers for a unit, from the nearest rung up. Source: RS-8, DOMAIN "the people".
LADDER = ("supervisor", "manager", "executive")


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
        HEAD = "head", gettext_lazy("总部")
        BRANCH = "branch", gettext_lazy("分公司（分行）")
        SUBBRANCH = "subbranch", gettext_lazy("支公司（支行）")
        OUTLET = "outlet", gettext_lazy("网点（门店）")
        DEPARTMENT = "department", gettext_lazy("部门")

    class Every(models.TextChoices):
        MONTH = "month", gettext_lazy("每月")
        YEAR = "year", gettext_lazy("每年")

    code = models.CharField(gettext_lazy("机构码"), max_length=32, unique=True)
    title = models.CharField(gettext_lazy("名称"), max_length=120)
    kind = models.CharField(gettext_lazy("类型"), max_length=16, choices=Kind.choices)
    function = models.CharField(
        gettext_lazy("职能"), max_length=32, blank=True, default=""
    )  # as policy names it: quality, …
    parent = models.ForeignKey(
        "self",
        verbose_name=gettext_lazy("上级"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    path = models.TextField(default="", editable=False)  # "/1/4/7/": own id last; kept by save()
    region = models.CharField(gettext_lazy("地区"), max_length=60, blank=True, default="")
    calendar = models.CharField(gettext_lazy("工作日历"), max_length=32, default="standard")
    phone = models.CharField(gettext_lazy("电话"), max_length=40, blank=True, default="")
    active = models.BooleanField(gettext_lazy("启用"), default=True)
    budget_fen = models.BigIntegerField(gettext_lazy("补偿预算"), null=True, blank=True)  # None: that of the unit above
    budget_every = models.CharField(gettext_lazy("预算周期"), max_length=5, choices=Every.choices, default=Every.MONTH)

    objects = Units.as_manager()

    class Meta:
        ordering = ("path",)
        indexes = (
            models.Index(OpClass("path", name="text_pattern_ops"), name="people_unit_path"),
            models.Index(fields=("function",), name="people_unit_function"),
        )
        constraints = (
            models.CheckConstraint(
                name="people_unit_budget", condition=models.Q(budget_fen=None) | models.Q(budget_fen__gte=0)
            ),
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


@transaction.atomic
def found(
    code: str, title: str, kind: str, *, by: Actor, at: datetime, parent: Unit | None = None, **details: Any
) -> Unit:
    """A new unit. `details`: function, region, calendar, phone, budget. Invalid: code taken, bad words."""
    permit(by, "people.manage", at)
    unit = Unit(code=code.strip(), title=title.strip(), kind=kind, parent=parent, **details)
    _check(unit)
    unit.save(force_insert=True)
    data = {"code": unit.code, "kind": kind, "parent": parent.pk if parent else None}
    record("unit", unit.pk, FOUNDED, by=by, at=at, data=data, private={"title": unit.title})
    return unit


@transaction.atomic
def change(unit: Unit, *, by: Actor, at: datetime, **details: Any) -> None:
    """Change code, title, kind, function, region, calendar, phone, parent, active or the budget.

    Invalid: a unit cannot come under itself. NotNow: one with people at work or working units below cannot be closed.
    """
    permit(by, "people.manage", at)
    if unknown := details.keys() - _CHANGEABLE:
        raise TypeError(f"a unit has no such details: {unknown}")
    changed = {field: value for field, value in details.items() if getattr(unit, field) != value}
    if not changed:
        return
    list(Unit.objects.select_for_update().order_by("pk"))  # moves are rare; two at once must not tie a knot
    unit.path = Unit.objects.values_list("path", flat=True).get(pk=unit.pk)
    if (parent := changed.get("parent")) is not None:
        parent.refresh_from_db(fields=["path"])
        if parent.is_within(unit):
            raise Invalid(_("机构不能隶属于自己或自己的下级"), fields={"parent": _("请选择其他上级")})
    if changed.get("active") is False:
        _check_idle(unit, at)
    before = {field: getattr(unit, field) for field in changed}
    for field, value in changed.items():
        setattr(unit, field, value)
    try:
        _check(unit)
    except Invalid:
        for field, value in before.items():
            setattr(unit, field, value)
        raise
    unit.save()
    facts = {field: value.pk if isinstance(value, Unit) else value for field, value in changed.items()}
    words: dict[str, Any] = {field: facts.pop(field) for field in ("title", "phone") if field in facts}
    record("unit", unit.pk, CHANGED, by=by, at=at, data=facts, private=words or None)


_CHANGEABLE = {
    "code",
    "title",
    "kind",
    "function",
    "region",
    "calendar",
    "phone",
    "parent",
    "active",
    "budget_fen",
    "budget_every",
}


def _check(unit: Unit) -> None:
    """Invalid with `fields` if the row could not be kept."""
    from django.core.exceptions import ValidationError

    try:
        unit.full_clean(exclude=["path"])
    except ValidationError as error:
        fields = {field: " ".join(messages) for field, messages in error.message_dict.items()}
        raise Invalid(_("机构资料有误"), fields=fields) from None


def _check_idle(unit: Unit, at: datetime) -> None:
    from wenguo.people.staff import Post

    if Unit.objects.below(unit).working().exclude(pk=unit.pk).exists():
        raise NotNow(_("「{unit}」下还有启用的机构，不能停用").format(unit=unit.title))
    if Post.objects.active(at).filter(unit=unit).exists():
        raise NotNow(_("「{unit}」还有在岗人员，不能停用").format(unit=unit.title))


def nearest(function: str, start: Unit) -> Unit | None:
    """The working unit with that function closest to `start`: first itself and below, then below its superior, and so
    on upward; of several, the one with the shortest way down, then the oldest. One query.
    """
    here = start.ancestry

    def distance(unit: Unit) -> tuple[int, int, int]:
        there = unit.ancestry
        shared = sum(1 for a, b in zip(here, there, strict=False) if a == b)
        return len(here) - shared, len(there) - shared, unit.pk

    working = once(("working", function), lambda: list(Unit.objects.working().filter(function=function)))
    alike = [u for u in working if u.ancestry[:1] == here[:1]]
    return min(alike, key=distance, default=None)


def _answering(units: list[int], roles: list[str], at: datetime) -> QuerySet[Post]:
    from wenguo.people.staff import Post

    posts = Post.objects.active(at).filter(unit__in=units, role__code__in=roles, person__is_active=True)
    return posts.select_related("person", "role", "unit")


def superiors(unit: Unit, role: str | None = None, *, at: datetime) -> list[Person]:
    """Who answers for `unit`, nearest first: holders of `role` (default: any rung of LADDER) there or above. One query.

    At the same unit a lower rung comes before a higher one. This is the chain along which a matter is escalated.
    """
    roles = [role] if role else list(LADDER)
    posts = ask("superiors", _answering, unit.ancestry, roles, at)

    def nearness(post: Post) -> tuple[int, int, int]:
        rung = LADDER.index(post.role.code) if post.role.code in LADDER else 0
        return -len(post.unit.ancestry), rung, post.pk

    return list({post.person_id: post.person for post in sorted(posts, key=nearness)}.values())
