"""Papers of a case on A4: 客户投诉记录单、受理回执、转办单、答复函. Printing one is written into the journal."""

from __future__ import annotations

import base64
import io
from typing import Any

import qrcode
import qrcode.image.svg
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET

from wenguo.cases import letters, links
from wenguo.cases.case import record, rows
from wenguo.cases.reply import Reply, current
from wenguo.errors import NotFound
from wenguo.web.desk.common import find_case, me
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.triage import record_labels
from wenguo.web.doors import desk

PAPERS = {
    "record": (_lazy("客户投诉记录单"), "print/record.html"),
    "receipt": (_lazy("投诉受理回执"), "print/receipt.html"),
    "handover": (_lazy("投诉转办单"), "print/handover.html"),
    "reply": (_lazy("投诉答复函"), "print/reply.html"),
}


def qr(address: str) -> str:
    """A QR code as a data address of an SVG picture."""
    out = io.BytesIO()
    qrcode.make(address, image_factory=qrcode.image.svg.SvgPathImage, box_size=8, border=1).save(out)
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


@desk(permission="case.print")
@require_GET
def show(request: HttpRequest, number: str, paper: str) -> HttpResponse:
    """One paper, ready to print."""
    if paper not in PAPERS:
        raise NotFound(_("没有这种单据"))
    case = find_case(request, number)
    at = timezone.now()
    folder = Folder(case, me(request), at)
    title, template = PAPERS[paper]
    context: dict[str, Any] = {
        "case": case,
        "folder": folder,
        "at": at,
        "person": me(request),
        "paper_title": title,
        "labels": record_labels(),
        "company": getattr(letters.head_office(), "title", ""),
        "office": case.unit or case.intake_unit,
    }
    if paper == "receipt":
        address = f"{settings.PUBLIC_URL}/t/{links.make(case, links.TRACK, at=at)}/"
        context |= {
            "addressed": letters.address(case),  # it goes to the customer, who reads the name given
            "qr": qr(address),
            "promises": sorted(
                (c for c in folder.clocks if c.clock.kind in {"respond", "solve"}), key=lambda c: c.clock.first_due_at
            ),
        }
    if paper == "handover":
        found = next((h for h in reversed(folder.handovers) if request.GET.get("of", str(h.pk)) == str(h.pk)), None)
        if found is None:
            raise NotFound(_("该投诉件还没有转办"))
        reasons = {r.code: r.title for r in case.pack.return_reasons}
        due = next((c for c in folder.clocks if c.clock.about == found.about), None)
        context |= {"sent": found, "due": due, "reason": reasons.get(found.return_reason, "")}
    if paper == "reply":
        letter = next((r for r in rows(case, "replies") if r.state == Reply.State.SENT), None) or current(case)
        if letter is None:
            raise NotFound(_("该投诉件还没有答复"))
        context |= {"letter": letter, "sent_at": letter.sent_at}
    with transaction.atomic():
        record(case, "case.printed", by=me(request), at=at, data={"paper": paper})
    return render(request, template, context)
