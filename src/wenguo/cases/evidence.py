"""Evidence: photos, recordings, documents. Hashed at arrival, never overwritten, what they are is looked at, not
believed.

Source: IN-5, IV-8; FIELD §5 证据.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import puremagic
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from PIL import Image, ImageOps

from wenguo.cases.case import Case, record
from wenguo.cases.lifecycle import require
from wenguo.errors import Invalid, NotFound, TooMuch
from wenguo.text.normal import one_line

# What a file may be, by what its bytes say: type → (extensions its name may have, may a browser show it).
ALLOWED: dict[str, tuple[tuple[str, ...], bool]] = {
    "image/jpeg": ((".jpg", ".jpeg", ".jfif"), True),
    "image/png": ((".png",), True),
    "image/gif": ((".gif",), True),
    "image/webp": ((".webp",), True),
    "image/heic": ((".heic", ".heif"), False),
    "application/pdf": ((".pdf",), True),
    "video/mp4": ((".mp4", ".m4v", ".mov"), True),
    "video/quicktime": ((".mov", ".mp4"), False),
    "video/webm": ((".webm",), True),
    "video/3gpp": ((".3gp", ".3gpp"), False),
    "audio/mpeg": ((".mp3",), True),
    "audio/mp4": ((".m4a", ".mp4"), True),
    "audio/wav": ((".wav",), True),
    "audio/amr": ((".amr",), False),
    "audio/aac": ((".aac",), False),
    "audio/ogg": ((".ogg", ".opus"), True),
    "application/zip": ((".zip",), False),
    "application/msword": ((".doc", ".xls", ".ppt", ".msg"), False),
    "application/vnd.openxmlformats": ((".docx", ".xlsx", ".pptx"), False),
    "message/rfc822": ((".eml",), False),
    "text/plain": ((".txt", ".csv", ".log", ".md"), False),
}
_LIKE = {
    "audio/x-wav": "audio/wav", "audio/x-m4a": "audio/mp4", "audio/wave": "audio/wav", "audio/mp3": "audio/mpeg",
    "application/x-zip-compressed": "application/zip", "image/heif": "image/heic", "application/ogg": "audio/ogg",
    "video/x-m4v": "video/mp4", "audio/vnd.wave": "audio/wav", "application/CDFV2": "application/msword",
}  # fmt: skip
# Beginnings that leave no doubt.
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf"),
    (b"#!AMR", "audio/amr"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"), (b"\xff\xfa", "audio/mpeg"), (b"\xff\xf1", "audio/aac"), (b"\xff\xf9", "audio/aac"),
)  # fmt: skip
FOLDER, THUMBNAIL_SUFFIX = "evidence", ".thumb.jpg"
THUMBNAIL = 320
MAX_PIXELS = 60_000_000  # beyond this a picture is kept but not opened: a bomb costs memory, not a thumbnail


class Evidence(models.Model):
    """One file as it arrived. `sha256` was taken while it streamed in; `key` names it in the storage and is never
    reused for other bytes; the cases a complaint was split into share it.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    key = models.CharField(max_length=200, db_index=True)
    thumbnail_key = models.CharField(max_length=200, blank=True, default="")
    name = models.CharField(_lazy("文件名"), max_length=160)
    type = models.CharField(_lazy("类型"), max_length=60)
    size = models.BigIntegerField(_lazy("大小"))
    sha256 = models.CharField(max_length=64)
    added_by = models.CharField(max_length=40)
    added_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True, default="")
    public = models.BooleanField(default=False)  # the customer gave it or may see it
    gone_at = models.DateTimeField(null=True)  # erased with the customer's personal information; hash and size stay

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["case", "sha256"], name="cases_evidence_once")]

    @property
    def is_image(self) -> bool:
        return self.type.startswith("image/")

    @property
    def shown_inline(self) -> bool:
        return ALLOWED.get(self.type, ((), False))[1]


@dataclass(frozen=True)
class Stored:
    """A file that is in the storage but on no case yet."""

    key: str
    name: str
    type: str
    size: int
    sha256: str
    thumbnail_key: str = ""


def store(name: str, chunks: Iterator[bytes]) -> Stored:
    """Stream a file into the storage, hashing it on the way. Invalid: empty, or not what it says; TooMuch: too large.

    What is refused leaves nothing behind.
    """
    name = safe_name(name)
    spool = _Spool(name)
    try:
        spool.fill(chunks)
        type_ = sniff(spool.head, name)
        key = f"{FOLDER}/{uuid.uuid4().hex[:2]}/{uuid.uuid4().hex}{os.path.splitext(name)[1].lower()}"
        spool.file.seek(0)
        default_storage.save(key, spool.django_file())
        thumbnail = _thumbnail(spool, key) if type_.startswith("image/") else ""
        return Stored(key, name, type_, spool.size, spool.digest.hexdigest(), thumbnail)
    finally:
        spool.file.close()


class _Spool:
    def __init__(self, name: str) -> None:
        import tempfile

        self.name, self.size, self.head = name, 0, b""
        self.digest = hashlib.sha256()
        self.file = tempfile.SpooledTemporaryFile(max_size=2**20)  # noqa: SIM115

    def fill(self, chunks: Iterator[bytes]) -> None:
        limit = settings.UPLOAD_MAX_MIB * 2**20
        for chunk in chunks:
            self.size += len(chunk)
            if self.size > limit:
                raise TooMuch(
                    _("「{name}」超过 {limit} MB。请压缩后再传，或分成几个文件").format(
                        name=self.name, limit=settings.UPLOAD_MAX_MIB
                    )
                )
            if len(self.head) < 65536:
                self.head += chunk[: 65536 - len(self.head)]
            self.digest.update(chunk)
            self.file.write(chunk)
        if not self.size:
            raise Invalid(_("「{name}」是空文件，请重新选择").format(name=self.name))

    def django_file(self) -> Any:
        from django.core.files.base import File

        return File(self.file, name=self.name)


def safe_name(name: str) -> str:
    """The file's own name without directories, control characters or tricks, at most 120 characters."""
    base = one_line(re.split(r"[\\/]", name)[-1], 400)
    base = re.sub(r'[<>:"|?*%\x00-\x1f\u202a-\u202e\u2066-\u2069]', "_", base).strip(". ") or _("未命名")
    stem, dot, ext = base.rpartition(".")
    return f"{stem[:110]}.{ext[:8]}" if dot and stem else base[:118]


def sniff(head: bytes, name: str) -> str:
    """The type its bytes say it is. Invalid: not allowed, or its name says otherwise."""
    extension = os.path.splitext(name)[1].lower()
    type_ = _by_bytes(head, extension)
    if type_ not in ALLOWED:
        raise Invalid(
            _("「{name}」不是可以接收的文件类型。可以上传图片、视频、录音、PDF、Word、Excel、文本或压缩包").format(
                name=name
            )
        )
    if extension not in ALLOWED[type_][0]:
        raise Invalid(_("「{name}」的内容与扩展名不符（内容是 {type}）。请用原文件上传").format(name=name, type=type_))
    return type_


def _by_bytes(head: bytes, extension: str) -> str:
    if head[:4] == b"PK\x03\x04":
        office = b"[Content_Types].xml" in head or extension in {".docx", ".xlsx", ".pptx"}
        return "application/vnd.openxmlformats" if office else "application/zip"
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "application/msword"
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12], extension)
    for start, type_ in _STARTS:
        if head.startswith(start):
            return type_
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64]:
        return "video/webm"
    for found in _magic(head):
        if _LIKE.get(found, found) in ALLOWED and not found.startswith("text/"):
            return _LIKE.get(found, found)
    if _is_text(head):
        return "message/rfc822" if extension == ".eml" else "text/plain"
    return "application/octet-stream"


def _by_brand(brand: bytes, extension: str) -> str:
    """One container, many things: pictures of phones, films, voice notes (whose brand is often that of a film)."""
    if brand in {b"heic", b"heix", b"heim", b"heis", b"mif1"}:
        return "image/heic"
    if brand.startswith(b"3g"):
        return "video/3gpp"
    if brand == b"qt  ":
        return "video/quicktime"
    return "audio/mp4" if brand == b"M4A " or extension == ".m4a" else "video/mp4"


def _magic(head: bytes) -> list[str]:
    try:
        return [m.mime_type for m in puremagic.magic_string(head) if m.mime_type and m.confidence >= 0.5]
    except (puremagic.PureError, ValueError):
        return []


def _is_text(head: bytes) -> bool:
    """Text, and not a page or script in disguise."""
    if b"\x00" in head or re.search(rb"<\s*(!doctype|html|script|svg|\?xml|body|iframe)", head[:4096].lower()):
        return False
    return not re.search(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]", head)


def _thumbnail(spool: _Spool, key: str) -> str:
    """A small upright JPEG without metadata; empty if the picture cannot be opened (the original is kept anyway)."""
    spool.file.seek(0)
    try:
        with Image.open(spool.file) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return ""
            picture.draft("RGB", (THUMBNAIL * 2, THUMBNAIL * 2))
            small = ImageOps.exif_transpose(picture).convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            out = io.BytesIO()
            small.save(out, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""
    return default_storage.save(f"{key}{THUMBNAIL_SUFFIX}", ContentFile(out.getvalue()))


@transaction.atomic
def attach(case: Case, stored: Stored, *, by: Any, at: datetime, note: str = "", public: bool = False) -> Evidence:
    """Put a stored file on the case. The same file twice is the same evidence."""
    require(case, "add_evidence", by=by, at=at)
    return _attach(case, stored, by=by, at=at, note=note, public=public)


def _attach(case: Case, stored: Stored, *, by: Any, at: datetime, note: str = "", public: bool = False) -> Evidence:
    evidence, new = Evidence.objects.get_or_create(
        case=case, sha256=stored.sha256,
        defaults={
            "key": stored.key, "thumbnail_key": stored.thumbnail_key, "name": stored.name, "type": stored.type,
            "size": stored.size, "added_by": by.journal_ref, "added_at": at, "note": one_line(note, 200),
            "public": public,
        },
    )  # fmt: skip
    if not new and evidence.key != stored.key:
        default_storage.delete(stored.key)  # the same bytes are there already
        if stored.thumbnail_key:
            default_storage.delete(stored.thumbnail_key)
    if new:
        record(
            case, "evidence.added", by=by, at=at,
            data={"evidence": evidence.pk, "sha256": stored.sha256, "size": stored.size, "type": stored.type},
            private={"name": stored.name, "note": evidence.note},
        )  # fmt: skip
    return evidence


def share(evidence: Evidence, case: Case, *, by: Any, at: datetime) -> Evidence:
    """The same file on another case of this customer, with who brought it and when. Part of an act."""
    same = Evidence.objects.create(
        case=case, key=evidence.key, thumbnail_key=evidence.thumbnail_key, name=evidence.name, type=evidence.type,
        size=evidence.size, sha256=evidence.sha256, added_by=evidence.added_by, added_at=evidence.added_at,
        note=evidence.note, public=evidence.public,
    )  # fmt: skip
    record(
        case, "evidence.added", by=by, at=at,
        data={"evidence": same.pk, "sha256": same.sha256, "size": same.size, "type": same.type, "of": evidence.pk},
        private={"name": same.name, "note": same.note},
    )  # fmt: skip
    return same


@transaction.atomic
def look(evidence: Evidence, *, saved: bool, by: Any, at: datetime) -> Any:
    """Open the file for somebody; that they looked, or took a copy (`saved`), is written into the journal.

    NotFound: erased with the customer's personal information, or not in the storage. Source: SY-2 "every access".
    """
    if evidence.gone_at:
        raise NotFound(_("该文件已随客户个人信息删除"))
    try:
        file = default_storage.open(evidence.key, "rb")
    except FileNotFoundError as gone:
        raise NotFound(_("存储中找不到这份材料的文件，请告知管理员")) from gone
    record(
        evidence.case, "evidence.seen", by=by, at=at, data={"evidence": evidence.pk, "saved": saved},
        private={"name": evidence.name},
    )  # fmt: skip
    return file


def is_intact(evidence: Evidence) -> bool:
    """Whether the stored bytes are still those that arrived. Source: IN-5, FIELD §9 job 11."""
    if evidence.gone_at or not default_storage.exists(evidence.key):
        return False
    digest = hashlib.sha256()
    with default_storage.open(evidence.key, "rb") as file:
        for chunk in iter(lambda: file.read(2**20), b""):
            digest.update(chunk)
    return digest.hexdigest() == evidence.sha256
