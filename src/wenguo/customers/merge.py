"""Merging two records of one customer, and taking it back. Source: IN-4 (merged only by a person, un-merged).

Cases, messages and events stay with the record they came to; questions about a customer ask for `family_ids`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.customers.customer import Customer, Identity, Order
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.actor import permit, record
from wenguo.people.staff import Person

MERGED = journal.define("customer.merged", gettext_lazy("合并客户档案"))
UNMERGED = journal.define("customer.unmerged", gettext_lazy("撤销客户合并"))

_RANK: list[str] = [tier.value for tier in (Customer.Tier.REGULAR, Customer.Tier.GOLD, Customer.Tier.DIAMOND)]
_FILLED = ("name", "vip_note", "member_no", "contact_name", "city", "region", "address", "preferred_channel")


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


@transaction.atomic
def merge(source: Customer, into: Customer, *, by: Person, at: datetime, reason: str) -> Merge:
    """`source` is the same customer as `into`: identities and orders move, what `into` lacks is filled from `source`.

    NotYours: no permission, or not a person. Invalid: no reason, or one and the same. NotNow: merged or erased already.
    """
    permit(by, "customer.merge", at)
    if not isinstance(by, Person):
        raise NotYours(_("客户档案只能由工作人员合并"))
    if not reason.strip():
        raise Invalid(_("请填写合并理由"), fields={"reason": _("请填写合并理由")})
    if source.pk == into.pk:
        raise Invalid(_("不能把客户档案合并到自己"))
    rows = {row.pk: row for row in _locked(source, into)}
    if any(row.merged_into_id is not None or row.erased_at is not None for row in rows.values()):
        raise NotNow(_("其中一份档案已被合并或注销，请刷新后再试"))
    kept, gone = rows[into.pk], rows[source.pk]
    lifted = _lift(kept, gone)
    made = Merge.objects.create(
        source=gone,
        into=kept,
        by=by,
        at=at,
        reason=reason.strip(),
        identities=list(gone.identities.values_list("pk", flat=True)),
        orders=list(gone.orders.values_list("pk", flat=True)),
        lifted=lifted,
    )
    gone.identities.update(customer=kept)
    gone.orders.update(customer=kept)
    Customer.objects.filter(pk=gone.pk).update(merged_into=kept)
    source.merged_into = into
    for field, (_before, after) in lifted.items():
        setattr(into, field, after)
    _both(made, MERGED, by=by, at=at, reason=made.reason)
    return made


def _lift(kept: Customer, gone: Customer) -> dict[str, list[Any]]:
    """Raise `kept` to what either record says, and say what changed: {field: [before, after]}."""
    better: dict[str, Any] = {
        "tier": max(kept.tier, gone.tier, key=lambda tier: _RANK.index(tier)),
        "vip": kept.vip or gone.vip,
        "vulnerable": sorted({*kept.vulnerable, *gone.vulnerable}),
        **{field: getattr(kept, field) or getattr(gone, field) for field in _FILLED},
    }
    lifted = {f: [getattr(kept, f), value] for f, value in better.items() if getattr(kept, f) != value}
    for field, (_before, after) in lifted.items():
        setattr(kept, field, after)
    if lifted:
        kept.save(update_fields=list(lifted))
    return lifted


@transaction.atomic
def unmerge(merge: Merge, *, by: Person, at: datetime, reason: str = "") -> None:
    """They were two after all: what had moved goes back, as far as it is still where the merge put it.

    What `into` gained is taken from it again unless it has been changed since. NotNow: undone already, or erased.
    """
    permit(by, "customer.merge", at)
    if not isinstance(by, Person):
        raise NotYours(_("客户档案只能由工作人员拆分"))
    if not Merge.objects.filter(pk=merge.pk, undone_at__isnull=True).update(undone_by=by, undone_at=at):
        raise NotNow(_("该合并已撤销"))
    merge.undone_by, merge.undone_at = by, at
    source, into = (Customer.objects.get(pk=pk) for pk in (merge.source_id, merge.into_id))
    holder = into.current
    _locked(source, into, holder)
    if source.erased_at or into.erased_at:
        raise NotNow(_("该客户已注销，不能拆分"))
    Identity.objects.filter(pk__in=merge.identities, customer=holder).update(customer=source)
    Order.objects.filter(pk__in=merge.orders, customer=holder).update(customer=source)
    Customer.objects.filter(pk=source.pk).update(merged_into=None)
    _sink(into, merge.lifted)
    _both(merge, UNMERGED, by=by, at=at, reason=reason)
    for given, side in ((merge.source, source), (merge.into, into)):
        given.refresh_from_db()
        side.refresh_from_db()


def _sink(into: Customer, lifted: dict[str, list[Any]]) -> None:
    into.refresh_from_db()
    untouched = [field for field, (_before, after) in lifted.items() if getattr(into, field) == after]
    for field in untouched:
        setattr(into, field, lifted[field][0])
    if untouched:
        into.save(update_fields=untouched)


def _locked(*customers: Customer) -> list[Customer]:
    """The rows, locked in the order of their ids, so that two merges at once cannot wait for each other."""
    return list(Customer.objects.select_for_update().filter(pk__in=[c.pk for c in customers]).order_by("pk"))


def _both(merge: Merge, type: str, *, by: Person, at: datetime, reason: str) -> None:
    data = {"merge": merge.pk, "source": merge.source_id, "into": merge.into_id}
    for pk in sorted((merge.source_id, merge.into_id)):
        record("customer", pk, type, by=by, at=at, data=data, private={"reason": reason})
