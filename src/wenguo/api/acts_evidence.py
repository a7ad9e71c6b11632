"""Evidence: put on a case, listed, fetched, checked. Who fetched what is written into the journal. Source: IN-5."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, File, Form, Schema, Status
from ninja.files import UploadedFile

from wenguo.api.acting import OPERATIONS, Chapter, Number, On, Version, begin, shown
from wenguo.api.shapes import Id
from wenguo.cases import evidence
from wenguo.cases.lifecycle import require
from wenguo.errors import TooMuch

chapter = Chapter("evidence")
OPERATIONS.setdefault("add_evidence", set()).add("add_evidence")
_BYTES = {
    "responses": {
        "200": {
            "description": "文件本身",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


class EvidenceOut(Schema):
    id: int
    name: str
    type: str
    size: int = Field(description="字节")
    sha256: str
    added_by: str
    added_at: datetime
    note: str
    public: bool = Field(description="客户可见")
    gone_at: datetime | None


class IntegrityOut(Schema):
    intact: bool = Field(description="存储中的内容与收到时一致")
    sha256: str


@chapter.rows("evidence", EvidenceOut, "证据清单")
def listed(on: On) -> Any:
    return on.case.evidence.all()


@chapter.router.post(
    "/{number}/add_evidence", response={201: EvidenceOut}, summary="添加证据", operation_id="add_evidence",
    openapi_extra={"x-acts": ["add_evidence"]},
)  # fmt: skip
def add_evidence(
    request: HttpRequest,
    response: HttpResponse,
    number: Number,
    file: Annotated[UploadedFile, File(description="按内容识别类型；图片、音视频、文档、压缩包")],
    note: Annotated[str, Form(max_length=200)] = "",
    public: Annotated[bool, Form(description="客户可见")] = False,
    version: Version = None,
) -> Status[Any]:
    """同一文件重复上传是同一份证据。"""
    on = begin(request, number, version)
    require(on.case, "add_evidence", by=on.by, at=on.at)
    try:
        stored = evidence.store(file.name or "", file.chunks())
    except TooMuch as refusal:
        refusal.status = 413
        raise
    added = evidence.attach(on.case, stored, note=note, public=public, by=on.by, at=on.at)
    response["Case-Version"] = str(shown(on.case).version)
    return Status(201, added)


@chapter.router.get(
    "/{number}/evidence/{evidence_id}", summary="下载证据", operation_id="download_evidence", openapi_extra=_BYTES
)
def download(request: HttpRequest, number: Number, evidence_id: Id) -> HttpResponseBase:
    """原样取回；谁取过什么会记入日志。"""
    on = begin(request, number)
    found = on.row(on.case.evidence.all(), evidence_id, _("证据"))
    file = evidence.look(found, saved=True, by=on.by, at=timezone.now())
    answer = FileResponse(file, as_attachment=True, filename=found.name, content_type="application/octet-stream")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@chapter.router.get(
    "/{number}/evidence/{evidence_id}/integrity", response={200: IntegrityOut}, summary="核对证据是否完好",
    operation_id="evidence_integrity",
)  # fmt: skip
def integrity(request: HttpRequest, number: Number, evidence_id: Id) -> dict[str, Any]:
    on = begin(request, number)
    found = on.row(on.case.evidence.all(), evidence_id, _("证据"))
    return {"intact": evidence.is_intact(found), "sha256": found.sha256}
