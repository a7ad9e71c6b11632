"""Finding a customer by name, pinyin, initials, last digits, member or order number. Source: IN-4."""

from __future__ import annotations

import re
import unicodedata

from django.db.models import F, OrderBy, Q
from django.db.models.functions import Reverse

from wenguo.customers.customer import Customer, Identity, Order
from wenguo.customers.identity import normal
from wenguo.customers.words import as_query
from wenguo.errors import Invalid

FEWEST_DIGITS = 3


def search(q: str, *, limit: int = 20) -> list[Customer]:
    """Current customers that match, the surest first: a whole identity, its last digits, an order, then the name.

    At most four queries. Merged records are found as what they were merged into; erased ones not at all.
    """
    q = " ".join(unicodedata.normalize("NFKC", q.replace("\0", "")).split())[:200]
    if not q:
        return []
    found: dict[int, None] = {}
    for ids in (_by_identity(q, limit), _by_order(q, limit), _by_name(q, limit)):
        found.update(dict.fromkeys(ids))
        if len(found) >= limit:
            break
    rows = Customer.objects.living().in_bulk(list(found))
    return [rows[pk] for pk in found if pk in rows][:limit]


def _by_identity(q: str, limit: int) -> list[int]:
    exact = Q(pk__in=[])
    for kind in Identity.Kind.values:
        try:
            exact |= Q(kind=kind, value=normal(kind, q))
        except Invalid:
            continue
    live = Identity.objects.live()
    ids = list(live.filter(exact).values_list("customer_id", flat=True)[:limit])
    tail = re.sub(r"[\s-]", "", q).upper()
    if re.fullmatch(r"[A-Z]*\d+", tail) and sum(c.isdigit() for c in tail) >= FEWEST_DIGITS:
        ending = live.annotate(tail=Reverse("value")).filter(tail__startswith=tail[::-1], kind__in=["phone", "member"])
        ids += ending.order_by(_newest("customer_id")).values_list("customer_id", flat=True)[:limit]
    return ids


def _by_order(q: str, limit: int) -> list[int]:
    if not re.fullmatch(r"[\w-]{4,64}", q, re.ASCII) or not any(c.isdigit() for c in q):
        return []
    beginning = Q(number__startswith=q) | Q(number__startswith=q.upper())
    return list(Order.objects.filter(beginning).order_by(_newest("id")).values_list("customer_id", flat=True)[:limit])


def _by_name(q: str, limit: int) -> list[int]:
    query = as_query(q)
    if not query:
        return []
    rows = Customer.objects.living().filter(words__has=query).order_by(_newest("id"))
    return list(rows.values_list("pk", flat=True)[:limit])


def _newest(column: str) -> OrderBy:
    """Newest first, in a form that keeps PostgreSQL from walking the whole table backwards until enough rows match."""
    return (F(column) + 0).desc()
