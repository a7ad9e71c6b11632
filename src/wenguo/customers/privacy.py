"""Personal fields: shown masked, revealed with a reason, copied, erased. Source: IN-4, SY-1, FIELD 2.4."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.compiled import ask
from wenguo.customers.customer import ERASED_NAME, VULNERABLE, Customer, Identity, family_ids
from wenguo.customers.masking import mask_address, mask_identity, mask_name, mask_word
from wenguo.customers.merge import Merge
from wenguo.errors import Invalid, NotFound, NotNow
from wenguo.people.actor import Actor, permit, record

REVEALED = journal.define("customer.revealed", gettext_lazy("查看完整个人信息"))
EXPORTED = journal.define("customer.exported", gettext_lazy("导出个人信息副本"))
ERASED = journal.define("customer.erased", gettext_lazy("删除个人信息"))

# Fields of a customer that are masked, and how. Of a company only its contact and address are personal.
_MASKS = {"name": mask_name, "contact_name": mask_name, "address": mask_address, "member_no": mask_word}
_HIDDEN = ("note", "vip_note")  # free words: hidden as a whole
REVEALABLE = (*_MASKS, *_HIDDEN)


class Viewer(Protocol):
    def sees_personal(self, at: datetime | None = None) -> bool: ...


@dataclass(frozen=True)
class MaskedIdentity:
    """`field`: what to ask `reveal` for."""

    id: int
    kind: str
    label: str
    shown: str
    verified: bool

    @property
    def field(self) -> str:
        return f"identity:{self.id}"


@dataclass(frozen=True)
class Masked:
    """A customer as somebody may see them. `full`: nothing is masked. `revealable`: non-empty masked fields."""

    id: int
    kind: str
    kind_label: str
    name: str
    contact_name: str
    tier: str
    tier_label: str
    vip: bool
    vip_note: str
    member_no: str
    city: str
    region: str
    address: str
    vulnerable: tuple[str, ...]
    language: str
    preferred_channel: str
    note: str
    identities: tuple[MaskedIdentity, ...]
    erased: bool
    full: bool
    revealable: tuple[str, ...]

    @property
    def vulnerable_words(self) -> list[str]:
        return [str(VULNERABLE.get(code, code)) for code in self.vulnerable]

    def identity(self, kind: str) -> MaskedIdentity | None:
        """The first identity of that kind, such as the phone number for a list."""
        return next((identity for identity in self.identities if identity.kind == kind), None)


def _identities(customer: Customer) -> Iterable[Identity]:
    if "identities" in getattr(customer, "_prefetched_objects_cache", {}):
        return customer.identities.all()
    return ask("identities", lambda pk: Identity.objects.filter(customer=pk), customer.pk)


def masked(customer: Customer, viewer: Viewer, at: datetime | None = None) -> Masked:
    """What `viewer` may see without a reveal. One query, for the identities, unless they are prefetched."""
    full = viewer.sees_personal(at)
    identities = tuple(
        MaskedIdentity(
            identity.pk,
            identity.kind,
            identity.get_kind_display(),
            identity.shown if full else mask_identity(identity.kind, identity.shown),
            identity.verified,
        )
        for identity in _identities(customer)
        if identity.retired_at is None
    )
    words = {field: getattr(customer, field) for field in REVEALABLE}
    hidden = (
        []
        if full or customer.erased_at
        else [field for field in REVEALABLE if words[field] and _is_masked(customer, field)]
    )
    for field in hidden:
        words[field] = _MASKS[field](words[field]) if field in _MASKS else "****"
    return Masked(
        id=customer.pk,
        kind=customer.kind,
        kind_label=customer.get_kind_display(),
        tier=customer.tier,
        tier_label=customer.get_tier_display(),
        vip=customer.vip,
        city=customer.city,
        region=customer.region,
        vulnerable=tuple(customer.vulnerable),
        language=customer.language,
        preferred_channel=customer.preferred_channel,
        identities=identities,
        erased=customer.erased_at is not None,
        full=full,
        revealable=tuple(hidden),
        **words,
    )


def masked_name(name: str, kind: str) -> str:
    """The name for a list that reads rows, not instances; a company's is no secret."""
    return name if kind == Customer.Kind.COMPANY or name == ERASED_NAME else mask_name(name)


def _is_masked(customer: Customer, field: str) -> bool:
    return not (field == "name" and customer.is_company)


@transaction.atomic
def reveal(customer: Customer, field: str, *, by: Actor, at: datetime, reason: str) -> str:
    """One personal field in full: a name in REVEALABLE, or "identity:<id>". Who looked and why is written down.

    NotYours: no permission. Invalid: no reason. NotFound: no such field.
    """
    permit(by, "customer.reveal", at)
    reason = _reason(reason, _("请填写查看完整信息的理由"))
    if field in REVEALABLE:
        value = getattr(customer, field)
    elif field.startswith("identity:") and field[9:].isdecimal():
        identity = Identity.objects.live().filter(pk=int(field[9:]), customer=customer).first()
        if identity is None:
            raise NotFound(_("没有这项联系方式"))
        value = identity.shown
    else:
        raise NotFound(_("没有这项信息"))
    record("customer", customer.pk, REVEALED, by=by, at=at, data={"field": field}, private={"reason": reason})
    return value


def _reason(reason: str, refusal: str) -> str:
    if not reason.strip():
        raise Invalid(refusal, fields={"reason": refusal})
    return reason.strip()[:2000]


def dossier(customer: Customer) -> dict[str, Any]:
    """Everything this room keeps about a customer, over all merged records, as plain values for JSON.

    The first record is the current one. Amounts in fen.
    """
    ids = family_ids(customer)
    rows = Customer.objects.prefetch_related("identities", "orders").in_bulk(ids)
    return {"customer": ids[0], "records": [_record(rows[pk]) for pk in ids]}


def _record(row: Customer) -> dict[str, Any]:
    fields = ("kind", "name", "contact_name", "tier", "vip", "vip_note", "member_no", "region", "city", "address")
    more = ("vulnerable", "language", "preferred_channel", "note")
    return {
        "id": row.pk,
        "created_at": row.created_at.isoformat(),
        **{field: getattr(row, field) for field in (*fields, *more)},
        "identities": [
            {"kind": i.kind, "value": i.shown, "verified": i.verified, "since": i.created_at.isoformat()}
            for i in row.identities.all()
        ],
        "orders": [
            {
                **{f: getattr(o, f) for f in ("number", "product", "model", "batch", "amount_fen", "place", "channel")},
                "status": o.status,
                "bought_on": o.bought_on.isoformat() if o.bought_on else None,
            }
            for o in row.orders.all()
        ],
    }


@transaction.atomic
def export_dossier(customer: Customer, *, by: Actor, at: datetime, reason: str) -> dict[str, Any]:
    """The dossier, for a customer who asks for a copy of their data; written down. Source: FIELD 2.4 (PIPL 45)."""
    permit(by, "customer.export", at)
    reason = _reason(reason, _("请填写导出理由"))
    record("customer", customer.pk, EXPORTED, by=by, at=at, private={"reason": reason})
    return dossier(customer)


@transaction.atomic
def erase(customer: Customer, *, by: Actor, at: datetime, reason: str) -> list[int]:
    """Forget who this customer is, in all merged records; returns their ids. Orders keep product and amount only.

    The journal keeps that things happened and loses its words; other rooms hear "customer.erased" (`journal.subscribe`)
    and forget theirs, or refuse, which undoes all. NotNow: erased already. Source: FIELD 2.4 (PIPL 47).
    """
    permit(by, "customer.erase", at)
    reason = _reason(reason, _("请填写删除理由"))
    ids = family_ids(customer)
    rows = list(Customer.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    if any(row.erased_at is not None for row in rows):
        raise NotNow(_("该客户已注销"))
    Identity.objects.filter(customer__in=ids).delete()
    Merge.objects.filter(into__in=ids).update(lifted={}, reason="")
    for row in rows:
        _forget(row, at)
        journal.erase(journal.open_stream("customer", str(row.pk)), by.journal_ref, at, reason)
        record("customer", row.pk, ERASED, by=by, at=at, data={"family": sorted(ids)}, private={"reason": reason})
    customer.refresh_from_db()
    return ids


def _forget(row: Customer, at: datetime) -> None:
    row.erased_at, row.name = at, ERASED_NAME
    for field in ("vip_note", "member_no", "contact_name", "city", "region", "address", "preferred_channel", "note"):
        setattr(row, field, "")
    row.vulnerable, row.vip = [], False
    row.save()
    for order in row.orders.all():
        order.number, order.place = f"erased-{order.pk}", ""
        order.save(update_fields=["number", "place"])
