"""Files: those a form brings, and those of a case shown to the customer who holds its link. Source: IN-5.

Nothing is served from a public address: each request proves itself with the case's link, and what a file is said to be
is what its bytes said at arrival.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.timezone import now
from django.utils.translation import gettext as _

from wenguo.cases import evidence, links
from wenguo.cases.evidence import Evidence, Stored
from wenguo.cases.links import Lookup
from wenguo.errors import NotFound, Refusal
from wenguo.spoken import counted
from wenguo.web.portal.common import caller, case_of, door, private

# From one address in an hour: 2 GiB of files, counted in steps of 10 MiB. On our own disk the last GiB stays free.
FILES_STEP, FILES_STEPS, FILES_WITHIN, DISK_RESERVE = 10 * 2**20, 200, timedelta(hours=1), 2**30
KEPT_SALT, KEPT_SECONDS = "wenguo.portal.kept", 24 * 3600
# A picture may be looked at where it is; nothing in it may run or load.
POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True)
class Brought:
    """The files of one post: those now in the storage, and the reason for each that was refused."""

    stored: tuple[Stored, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def kept(self) -> list[dict[str, Any]]:
        """For the form shown again: each file with the signed note that brings it back."""
        return [{"name": s.name, "size": s.size, "note": note_of(s)} for s in self.stored]


def note_of(stored: Stored) -> str:
    return signing.dumps(asdict(stored), salt=KEPT_SALT, compress=True)


def files_of(request: HttpRequest, field: str = "files") -> Brought:
    """Store the files of this post, beside those that came with it before and were not taken off the list."""
    kept = [s for s in map(_kept, request.POST.getlist("kept")[: settings.UPLOAD_MAX_FILES]) if s]
    stored = {s.sha256: s for s in kept}
    given = [f for f in request.FILES.getlist(field) if f.name]
    room = settings.UPLOAD_MAX_FILES - len(stored)
    if given and (full := _no_room(request, sum(f.size or 0 for f in given))):
        return Brought(tuple(stored.values()), (full,))
    wrong = []
    for file in given[:room]:
        try:
            new = evidence.store(file.name or "", file.chunks())
            stored.setdefault(new.sha256, new)
        except Refusal as refusal:
            wrong.append(refusal.message)
    if left_out := [evidence.safe_name(f.name or "") for f in given[room:]]:
        names = _("、").join(left_out[:5]) + ("…" if len(left_out) > 5 else "")
        wrong.append(
            counted(
                "一次最多 {most} 个文件，这 {n} 个没有收：{names}。可以提交后在进度页面补充",
                len(left_out),
                most=settings.UPLOAD_MAX_FILES,
                names=names,
            )
        )
    return Brought(tuple(stored.values()), tuple(wrong))


def _no_room(request: HttpRequest, size: int) -> str:
    """Why no file can be taken now, or nothing. Words are always taken: a flood of files must not silence anybody."""
    at, key = now(), f"f:{caller(request)}"
    before = Lookup.objects.filter(key=key, at__gt=at - FILES_WITHIN).count()
    if before >= FILES_STEPS:
        return _("从您的网络来的文件太多了，请一小时后再补充；文字可以照常提交")
    if _disk_free() < DISK_RESERVE:
        return _("现在暂时收不了文件，请过一会儿再补充；文字可以照常提交")
    Lookup.objects.bulk_create(Lookup(key=key, at=at) for _step in range(1 + size // FILES_STEP))
    return ""


def _disk_free() -> int:
    """Bytes left where files are kept; without end when they are kept elsewhere."""
    if not isinstance(default_storage, FileSystemStorage):
        return sys.maxsize
    folder = Path(default_storage.location)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def _kept(note: str) -> Stored | None:
    """A file that came with an earlier post of this form; None when the note is forged or a day old."""
    try:
        return Stored(**signing.loads(note, salt=KEPT_SALT, max_age=KEPT_SECONDS))
    except (signing.BadSignature, TypeError, ValueError):
        return None


# ── serving ───────────────────────────────────────────────────────────────────────────────────────────────────────


@door
def whole(request: HttpRequest, token: str, pk: int) -> HttpResponseBase:
    """The file as it arrived: pictures, sound and video to look at, everything else to be saved."""
    found = _of_case(token, pk)
    inline = found.shown_inline and found.type.split("/")[0] in {"image", "audio", "video"}
    return _send(found.key, found.type, found.name, inline=inline)


@door
def small(request: HttpRequest, token: str, pk: int) -> HttpResponseBase:
    """The thumbnail of a picture."""
    found = _of_case(token, pk)
    if not found.thumbnail_key:
        raise NotFound(_("这个文件没有缩略图"))
    return _send(found.thumbnail_key, "image/jpeg", "small.jpg", inline=True)


def _of_case(token: str, pk: int) -> Evidence:
    """A file of this link's case that the customer gave or may see."""
    case = case_of(token, links.TRACK, at=now())
    found = Evidence.objects.filter(case=case, public=True, pk=pk).first()
    if found is None:
        raise NotFound(_("没有找到这个文件"))
    return found


def _send(key: str, type_: str, name: str, *, inline: bool) -> HttpResponseBase:
    try:
        file = default_storage.open(key, "rb")
    except FileNotFoundError:
        raise NotFound(_("文件暂时取不到，请稍后再试")) from None
    plain = type_ if inline else "application/octet-stream"
    answer = FileResponse(file, as_attachment=not inline, filename=name, content_type=plain)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = POLICY
    return private(answer)
