"""Deputies: who stands in for whom, and when. Source: SY-1, FIELD 8.3 (代理人)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Deputy(models.Model):
    """`deputy` stands in for `absent` from `since` until (not including) `until`."""

    absent = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="stands_in")
    since = models.DateTimeField(_("起"))
    until = models.DateTimeField(_("止"))
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    set_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("since", "pk")
        indexes = (models.Index(fields=("deputy", "until"), name="people_deputy_until"),)
        constraints = (
            models.CheckConstraint(condition=~Q(absent=F("deputy")), name="people_deputy_is_another"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="people_deputy_ends_after_start"),
        )

    def __str__(self) -> str:
        return f"{self.deputy_id} → {self.absent_id}"
