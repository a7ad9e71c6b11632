"""Long lists, fifty at a time, without page numbers: the next slice begins after the last row shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Field, Model, Q, QuerySet
from django.utils.translation import gettext as _

from wenguo.errors import Invalid


@dataclass(frozen=True)
class Slice:
    """`rows` to show; `after` is the cursor of the next slice, "" when these were the last."""

    rows: Sequence[Any]
    after: str


def keyset(query: QuerySet[Any, Any], *order: str, after: str = "", size: int = 50) -> Slice:
    """One slice of `query` in `order` ("-received_at", "-pk"); the last key must be unique.

    Works on instances and on `.values(…)` rows (which must include the keys). Nulls come where PostgreSQL puts them:
    last when ascending, first when descending. A cursor that was tampered with is Invalid.
    """
    keys = [(name.removeprefix("-"), name.startswith("-")) for name in order]
    if after:
        query = query.filter(_beyond(query.model, keys, _read(after, query.model, keys)))
    return sliced(list(ordered(query, *order)[: size + 1]), *order, size=size)


def sliced(found: Sequence[Any], *order: str, size: int = 50) -> Slice:
    """A slice of `size` rows from what was found in that order; one row more tells that there are further ones."""
    keys = [(name.removeprefix("-"), name.startswith("-")) for name in order]
    rows = found[:size]
    return Slice(rows, _write(rows[-1], keys) if len(found) > size else "")


def ordered(query: QuerySet[Any, Any], *order: str) -> QuerySet[Any, Any]:
    """All of `query` in the order in which its slices come."""
    return query.order_by(*[F(n.removeprefix("-")).desc() if n.startswith("-") else F(n).asc() for n in order])


def capped_count(query: QuerySet[Any, Any], cap: int = 1000) -> int:
    """Exact up to `cap`, else cap + 1: the filter `count(cap)` shows that as 1,000+."""
    return query.order_by()[: cap + 1].count()


def _field(model: type[Model], name: str) -> Field[Any, Any] | None:
    try:
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, Field) else None


def _beyond(model: type[Model], keys: Sequence[tuple[str, bool]], values: Sequence[Any]) -> Q:
    """Rows after `values`: first key beyond, or equal and the rest beyond."""
    (name, down), value = keys[0], values[0]
    field = _field(model, name)
    same = Q(**{f"{name}__isnull": True}) if value is None else Q(**{name: value})
    if value is None:
        further = Q(**{f"{name}__isnull": False}) if down else Q(pk__in=())
    else:
        further = Q(**{f"{name}__{'lt' if down else 'gt'}": value})
        if not down and field is not None and field.null:
            further |= Q(**{f"{name}__isnull": True})
    return further | (same & _beyond(model, keys[1:], values[1:])) if len(keys) > 1 else further


def _write(row: Any, keys: Sequence[tuple[str, bool]]) -> str:
    values = []
    for name, _down in keys:
        value = row.get(name, row.get("id")) if isinstance(row, Mapping) else getattr(row, name)
        values.append(value.isoformat() if isinstance(value, datetime | date) else value)
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _read(after: str, model: type[Model], keys: Sequence[tuple[str, bool]]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        if not isinstance(values, list) or len(values) != len(keys):
            raise ValueError
        fields = [_field(model, name) for name, _down in keys]
        return [v if v is None or f is None else f.to_python(v) for f, v in zip(fields, values, strict=True)]
    except (ValueError, TypeError, ValidationError) as wrong:
        raise Invalid(_("列表位置已失效，请从头查看")) from wrong
