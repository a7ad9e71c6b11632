"""Merging two records of one customer, and taking it back. Source: IN-4 (merged only by a person, un-merged)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Merge(models.Model):
    """What moved from `source` to `into`, so that it can move back."""

    source = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="merges_away")
    into = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="merges_here")
    by = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.TextField(blank=True, default="")
    identities = ArrayField(models.BigIntegerField(), default=list)
    orders = ArrayField(models.BigIntegerField(), default=list)
    lifted = models.JSONField(default=dict)  # {field of `into`: [before, after]}
    undone_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("source",), condition=Q(undone_at__isnull=True), name="customers_merged_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_id} → {self.into_id}"
