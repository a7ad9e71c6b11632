"""Taking a list of cases out of the house: who, how many, why; written down. Source: SY-3; FIELD 2.5, 8 (Excel)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.actor import permit, record
from wenguo.text.normal import clean

EXPORTED = journal.define("staff.exported_cases", gettext_lazy("导出投诉件清单"))
MOST_ALONE = 500
MOST_FOR_ALL = 10_000


@transaction.atomic
def export(
    rows: Any, *, columns: Sequence[str], narrowed: Sequence[str], form: str, reason: str, by: Any, at: datetime
) -> list[int]:
    """The ids of the cases in `rows` (a set in order) that go out; the export stands in the person's own journal.

    `narrowed`: the conditions in words. More than MOST_ALONE only by who may approve large exports, more than
    MOST_FOR_ALL by nobody. NotYours, NotNow: too many. Invalid: without a reason.
    """
    permit(by, "export.cases", at)
    reason = clean(reason, 500)
    if not reason:
        raise Invalid(_("请填写导出理由"), fields={"reason": _("请填写导出理由")})
    ids = list(rows.values_list("pk", flat=True)[: MOST_FOR_ALL + 1])
    if not ids:
        raise NotNow(_("这份列表是空的，没有可以导出的投诉件"))
    if len(ids) > MOST_FOR_ALL:
        raise NotNow(_("一次最多导出 {most} 件，请先加条件缩小范围").format(most=f"{MOST_FOR_ALL:,}"))
    if len(ids) > MOST_ALONE and not by.may("export.approve", at):
        raise NotYours(
            _(
                "这份列表有 {n} 件，您一次最多导出 {most} 件。请加条件缩小范围，或请有「审批大批量导出」权限的人导出"
            ).format(n=f"{len(ids):,}", most=MOST_ALONE)
        )
    record(
        "staff", by.pk, EXPORTED, by=by, at=at,
        data={"cases": ids, "n": len(ids), "columns": list(columns), "form": form},
        private={"reason": reason, "narrowed": list(narrowed)},
    )  # fmt: skip
    return ids
