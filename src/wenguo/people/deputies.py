"""Deputies: who stands in for whom, and when. Source: SY-1, FIELD 8.3 (代理人).

A deputyship is not passed on: who stands in for B, who stands in for A, does not stand in for A.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.actor import Actor, record

if TYPE_CHECKING:
    from wenguo.people.staff import Person
    from wenguo.people.units import Unit

APPOINTED = journal.define("staff.deputy_appointed", gettext_lazy("指定代理人"))
ENDED = journal.define("staff.deputy_ended", gettext_lazy("结束代理"))


class Deputies(models.QuerySet["Deputy"]):
    def active(self, at: datetime) -> Deputies:
        return self.filter(since__lte=at, until__gt=at)

    def overlapping(self, since: datetime, until: datetime) -> Deputies:
        return self.filter(since__lt=until, until__gt=since)


class Deputy(models.Model):
    """`deputy` stands in for `absent` from `since` until (not including) `until`."""

    absent = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="stands_in")
    since = models.DateTimeField(gettext_lazy("起"))
    until = models.DateTimeField(gettext_lazy("止"))
    reason = models.CharField(gettext_lazy("原因"), max_length=200, blank=True, default="")
    set_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")

    objects = Deputies.as_manager()

    class Meta:
        ordering = ("since", "pk")
        indexes = (models.Index(fields=("deputy", "until"), name="people_deputy_until"),)
        constraints = (
            models.CheckConstraint(condition=~Q(absent=F("deputy")), name="people_deputy_is_another"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="people_deputy_ends_after_start"),
        )

    def __str__(self) -> str:
        return f"{self.deputy_id} → {self.absent_id}"

    def active(self, at: datetime) -> bool:
        return self.since <= at < self.until


@transaction.atomic
def appoint(
    absent: Person, deputy: Person, since: datetime, until: datetime, *, by: Actor, at: datetime, reason: str = ""
) -> Deputy:
    """Let `deputy` stand in. By the absent person, one of their superiors, or with people.manage; never by the deputy.

    Invalid: an interval that is empty or over, or somebody for themselves. NotNow: the deputy is away too, or stands
    in already.
    """
    _may_arrange(absent, by, at)
    if absent == deputy:
        raise Invalid(_("不能代理自己"), fields={"deputy": _("请选择另一位同事")})
    if by == deputy:
        raise NotYours(_("代理人不能由代理人自己指定"))
    if until <= since or until <= at:
        raise Invalid(_("代理的结束时间须晚于开始时间和现在"), fields={"until": _("结束时间有误")})
    if not deputy.is_active:
        raise NotNow(_("{name}的账号已停用，不能代理").format(name=deputy.name))
    list(type(absent).objects.select_for_update().filter(pk__in=[absent.pk, deputy.pk]).order_by("pk"))
    then = Deputy.objects.overlapping(since, until)
    if then.filter(absent=deputy).exists():
        raise NotNow(_("{name}在此期间也不在岗，已由他人代理").format(name=deputy.name))
    if then.filter(absent=absent, deputy=deputy).exists():
        raise NotNow(_("{name}在此期间已是代理人").format(name=deputy.name))
    made = Deputy.objects.create(
        absent=absent, deputy=deputy, since=since, until=until, reason=reason.strip()[:200], set_by_id=by.pk
    )
    data = {"deputyship": made.pk, "deputy": deputy.pk, "since": since, "until": until}
    record("staff", absent.pk, APPOINTED, by=by, at=at, data=data, private={"reason": made.reason})
    deputy.forget()
    return made


@transaction.atomic
def end(deputyship: Deputy, *, by: Actor, at: datetime) -> None:
    """The absent colleague is back. By whoever may appoint, or by the deputy. NotNow: over already."""
    if by != deputyship.deputy:
        _may_arrange(deputyship.absent, by, at)
    over = Greatest("since", models.Value(at, output_field=models.DateTimeField()))
    if not Deputy.objects.filter(pk=deputyship.pk, until__gt=at).update(until=over):
        raise NotNow(_("该代理已结束"))
    deputyship.until = max(deputyship.since, at)
    data = {"deputyship": deputyship.pk, "deputy": deputyship.deputy_id}
    record("staff", deputyship.absent_id, ENDED, by=by, at=at, data=data)
    deputyship.deputy.forget()


def _may_arrange(absent: Person, by: Actor, at: datetime) -> None:
    from wenguo.people.units import superiors

    if by == absent or by.may("people.manage", at):
        return
    units = [post.unit for post in absent.posts_at(at)]
    if not any(by in superiors(unit, at=at) for unit in units):
        raise NotYours(_("只有本人、其上级或系统管理员可以安排代理"))


def standing_in_for(person: Person, at: datetime) -> list[Person]:
    """The absent colleagues `person` stands in for then."""
    return person.standing.absent(at)


def deputies_of(person: Person, at: datetime) -> list[Person]:
    """Who stands in for `person` then, first appointed first. One query."""
    rows = Deputy.objects.active(at).filter(absent=person, deputy__is_active=True).select_related("deputy")
    return list({row.deputy_id: row.deputy for row in rows}.values())


def may_act_for(person: Person, absent: Person, at: datetime) -> bool:
    """Whether `person` is `absent`, or stands in for them then."""
    return person == absent or absent in standing_in_for(person, at)


def in_whose_name(person: Person, role_code: str, at: datetime, unit: Unit | None = None) -> Person | None:
    """Who holds the role (at `unit` or above) that `person` acts in: themselves, else a colleague stood in for."""
    for holder in (person, *standing_in_for(person, at)):
        posts = (post for post in person.standing.posts.get(holder.pk, ()) if post.active(at))
        if any(post.role.code == role_code and (unit is None or unit.is_within(post.unit)) for post in posts):
            return holder
    return None
