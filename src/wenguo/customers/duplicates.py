"""Two records that may be one customer: suggested with reasons, merged only by a person. Source: IN-4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils.translation import gettext as _

from wenguo.customers.customer import Customer, Identity, Order
from wenguo.customers.words import as_query

# How much each sign counts; a sign below ENOUGH needs another beside it.
ENOUGH = 50
HANDED_ON, CROSSED, SAME_ORDER, SAME_NAME, SAME_COMPANY, SAME_ADDRESS, SAME_CITY = 60, 70, 80, 30, 60, 40, 20


@dataclass
class Suggestion:
    """`customer` may be the one asked about. `reasons` are for people to judge by; a larger `weight` is surer."""

    customer: Customer
    reasons: list[str] = field(default_factory=list)
    weight: int = 0


def suggestions(customer: Customer, *, limit: int = 10) -> list[Suggestion]:
    """Who else this may be, the surest first. Nobody for a merged or erased record. At most seven queries."""
    if customer.merged_into_id is not None or customer.erased_at is not None:
        return []
    found: dict[int, Suggestion] = {}
    for other, reason, weight in _signs(customer):
        suggestion = found.setdefault(other.pk, Suggestion(other))
        if reason not in suggestion.reasons:
            suggestion.reasons.append(reason)
            suggestion.weight += weight
    sure = [suggestion for suggestion in found.values() if suggestion.weight >= ENOUGH]
    return sorted(sure, key=lambda s: (-s.weight, s.customer.pk))[:limit]


def _signs(customer: Customer) -> Iterator[tuple[Customer, str, int]]:
    yield from _by_identities(customer)
    yield from _by_orders(customer)
    if as_query(customer.name):
        yield from _by_name(customer)


def _by_identities(customer: Customer) -> Iterator[tuple[Customer, str, int]]:
    """A number once used by both, or one used as another kind (a phone as WeChat name, or before the @ of a mail)."""
    own = list(customer.identities.all())
    values = {identity.value for identity in own}
    values |= {identity.value.split("@")[0] for identity in own if identity.kind == Identity.Kind.MAIL}
    phones = [identity.value for identity in own if identity.kind == Identity.Kind.PHONE]
    alike = Q(value__in=values)
    for phone in phones:
        alike |= Q(kind=Identity.Kind.MAIL, value__startswith=f"{phone}@")
    for other in _others(customer, Identity.objects.filter(alike)):
        if any(identity.kind == other.kind and identity.value == other.value for identity in own):
            yield other.customer, _("曾使用相同的{kind}").format(kind=other.get_kind_display()), HANDED_ON
        else:
            yield other.customer, _("{kind}与另一种联系方式相同").format(kind=other.get_kind_display()), CROSSED


def _by_orders(customer: Customer) -> Iterator[tuple[Customer, str, int]]:
    numbers = list(customer.orders.values_list("number", flat=True)[:200])
    for order in _others(customer, Order.objects.filter(number__in=numbers)):
        yield order.customer, _("订单号相同：{number}").format(number=order.number), SAME_ORDER


def _others(customer: Customer, rows):
    """Rows of other living customers, each with its customer."""
    living = rows.filter(customer__merged_into__isnull=True, customer__erased_at__isnull=True)
    return living.exclude(customer=customer).select_related("customer")[:100]


def _by_name(customer: Customer) -> Iterator[tuple[Customer, str, int]]:
    namesakes = Customer.objects.living().filter(words__has=as_query(customer.name), name=customer.name)
    for other in namesakes.filter(kind=customer.kind).exclude(pk=customer.pk)[:100]:
        if customer.is_company:
            yield other, _("企业名称相同"), SAME_COMPANY
        else:
            yield other, _("姓名相同"), SAME_NAME
        if customer.address and other.address == customer.address:
            yield other, _("地址相同"), SAME_ADDRESS
        if customer.city and other.city == customer.city:
            yield other, _("所在城市相同"), SAME_CITY
