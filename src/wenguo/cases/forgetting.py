"""When a customer's personal information is erased, the words of their cases go too; numbers and journal stand.

An open case stops the erasure: somebody still owes this customer an answer. Source: SY-3, FIELD §2.4 (PIPL 47).
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.cases.alike import forget_traces
from wenguo.cases.case import Case, record
from wenguo.cases.evidence import Evidence
from wenguo.channels.outbox import Delivery
from wenguo.errors import NotNow
from wenguo.people.actor import SYSTEM


def forget_words(stream: journal.Stream, event: journal.Event) -> None:
    """Heard in the transaction of the erasure: a refusal here undoes all of it. NotNow: a case is still open."""
    cases = Case.objects.filter(customer_id=int(stream.ref)).select_for_update(of=("self",)).order_by("pk")
    for case in cases:
        if case.is_open:
            raise NotNow(_("客户有在办投诉 {number}，办结后才能删除个人信息").format(number=case.number))
        _forget(case, by=event.by, at=event.at)


def _forget(case: Case, *, by: str, at: Any) -> None:
    files = list(case.evidence.filter(gone_at=None).values_list("key", "thumbnail_key"))
    case.evidence.update(name=_("（已删除）"), note="", thumbnail_key="", gone_at=at)
    shared = set(Evidence.objects.filter(key__in=[k for k, _t in files], gone_at=None).values_list("key", flat=True))
    for key, thumbnail in files:  # what another case still shows goes with that one
        for name in filter(None, (key, thumbnail)) if key not in shared else ():
            default_storage.delete(name)
    for model in apps.get_app_config("cases").get_models():
        if any(f.name == "case" for f in model._meta.concrete_fields):
            _empty(model.objects.filter(case=case))  # type: ignore[attr-defined]
    Delivery.objects.filter(event__stream_id=case.stream_id).update(to="", error="")
    forget_traces([case.pk])
    stream = journal.Stream.objects.get(pk=case.stream_id)
    journal.erase(stream, by, at, _("客户个人信息删除"))
    record(case, "case.forgotten", by=SYSTEM, at=at, words={"subject": _("（个人信息已删除）")})
    Case.objects.filter(pk=case.pk).update(search=None)


def _empty(rows: models.QuerySet[Any]) -> None:
    """Empty every free text of these rows."""
    blank: dict[str, Any] = {}
    for field in rows.model._meta.concrete_fields:
        if isinstance(field, models.TextField) or (isinstance(field, models.CharField) and _holds_words(field)):
            blank[field.name] = ""
        elif field.name in {"claims", "parts", "content"}:
            blank[field.name] = {}
        elif isinstance(field, models.BinaryField) and field.null:
            blank[field.name] = None
    if blank:
        rows.update(**blank)


def _holds_words(field: models.Field[Any, Any]) -> bool:
    """Character columns of the record form and contact columns; codes and states stay."""
    return field.model.__name__ == "Record" or field.name in {"consent_by", "payee"}
