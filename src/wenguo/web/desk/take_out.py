"""导出: the list as it stands on the screen, masked as on the screen, as CSV or Excel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from wenguo.cases import export
from wenguo.cases.case import Case
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.web.desk.common import me
from wenguo.web.desk.listing import CLOCKS, OFFERED, Listing, columns_of, dressed, read
from wenguo.web.doors import desk
from wenguo.web.filters import local_time
from wenguo.web.given import Given
from wenguo.web.keyset import ordered
from wenguo.web.spreadsheet import csv_file, xlsx_file

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@desk(permission="export.cases")
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """The file. What was exported and why is written into the journal before the first byte leaves."""
    given = Given(request.POST)
    form = given.choice("form", _("格式"), {"xlsx", "csv"})
    reason = given.text("reason", _("导出理由"), most=500)
    given.check()
    at, person = timezone.now(), me(request)
    pack = in_force(at).pack
    asked = read(QueryDict(given.raw("query")[:4000]), person, at, pack)
    narrowed = conditions(asked)
    rows = ordered(asked.rows, *asked.order)
    ids = export.export(rows, columns=asked.columns, narrowed=narrowed, form=form, reason=reason, by=person, at=at)
    found = {r["pk"]: r for r in Case.objects.filter(pk__in=ids).values(*columns_of(asked))}
    lines = dressed([found[pk] for pk in ids if pk in found], person, at, pack, clocks=False)
    head = [_("编号"), _("事由"), *(str(OFFERED[c]) for c in asked.columns)]
    table = [cells(row, asked.columns, pack) for row in lines]
    name = f"{_('投诉清单')}-{timezone.localtime(at):%Y%m%d-%H%M}.{form}"
    if form == "csv":
        answer = HttpResponse(csv_file(head, table), content_type="text/csv; charset=utf-8")
    else:
        about = [
            (_("导出人"), person.name),
            (_("导出时间"), local_time(at)),
            (_("件数"), str(len(lines))),
            (_("条件"), "；".join(narrowed)),
            (_("导出理由"), reason),
            (_("提示"), _("内含业务资料，请勿外传；客户信息按您的权限脱敏")),
        ]
        answer = HttpResponse(xlsx_file(_("投诉清单"), head, table, _("说明"), about), content_type=XLSX)
    answer.headers["Content-Disposition"] = _attachment(name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _attachment(name: str) -> str:
    from urllib.parse import quote

    return f"attachment; filename*=UTF-8''{quote(name)}"


def conditions(asked: Listing) -> list[str]:
    """The view and the filters that are on, in words."""
    searched = [_("包含“{q}”").format(q=asked.q)] if asked.q else []
    return [str(asked.opened or asked.view.word), *asked.on.values(), *searched]


def cells(row: dict[str, Any], columns: Sequence[str], pack: Any) -> list[str | int]:
    """One case as a line of the file, in the words of the screen."""

    def moment(at: datetime | None) -> str:
        return local_time(at) if at else ""

    words: dict[str, str | int] = {
        "level": pack.level(row["level"]).title,
        "customer": f"{row['customer']}（{row['tier']}）" if row["tier"] else row["customer"],
        "stage": str(row["stage_words"]),
        "owner": row["owner__name"] or "",
        "unit": row["unit__title"] or "",
        "category": row["category_words"],
        "product": row["product"],
        "region": row["region"],
        "channel": str(row["channel_words"]),
        "repeats": row["repeats"],
        "risk": f"{told(pack.escalation.level(row['risk__level']).title)} {row['risk__score']:.2f}"
        if row.get("risk__level")
        else "",
        "received": moment(row["received_at"]),
        "due": f"{moment(row['next_due_at'])} {CLOCKS.get(row['next_clock'], '')}".strip()
        if row["next_due_at"]
        else "",
    }
    return [row["number"], row["subject"], *(words[c] for c in columns)]
