"""Files that lie, burst, never end or come by the thousand: refused in words at every door, and nothing is left behind.

Lying and empty files, twenty-one files and one file too large: test_portal.py.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
import tracemalloc
import zipfile
import zlib
from datetime import timedelta

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client
from PIL import Image

from wenguo.cases import evidence
from wenguo.cases.evidence import Evidence, store
from wenguo.cases.intake import Submission
from wenguo.errors import Invalid, TooMuch
from wenguo.people import tokens

MIB = 2**20
GIB = 2**30


@pytest.fixture(autouse=True)
def storage(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": settings.MEDIA_ROOT},
        },
    }
    return settings.MEDIA_ROOT


@pytest.fixture
def spool(tmp_path, settings, monkeypatch):
    """Where whatever does not fit in memory goes on its way."""
    folder = tmp_path / "spool"
    folder.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def everything_in(folder) -> list[str]:
    return [name for _folder, _folders, names in os.walk(folder) for name in names]


# ── what a file says it is ────────────────────────────────────────────────────────────────────────────────────────


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, kind)
    return out.getvalue()


LIARS = {
    "script as a picture": ("现场.jpg", b"#!/bin/sh\nrm -rf /\n"),
    "page as text": ("说明.txt", b"<html><script>alert(1)</script>"),
    "page as text, after blanks": ("说明.txt", b" \n\t< SCRIPT src=x>"),
    "drawing with script": ("图.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    "drawing as a picture": ("图.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    "program": ("工具.exe", b"MZ\x90\x00" + b"\x00" * 60),
    "program as a document": ("合同.pdf", b"MZ\x90\x00" + b"\x00" * 60),
    "very long name": ("长" * 400 + ".txt", "正文".encode()),
    "nothing but dots": ("...txt", "正文".encode()),
    "ELF as a recording": ("录音.mp3", b"\x7fELF\x02\x01\x01" + b"\x00" * 60),
    "picture as a document": ("发票.pdf", picture("PNG")),
    "document as a picture": ("发票.jpg", b"%PDF-1.7\n"),
    "two extensions": ("现场.jpg.exe", picture("JPEG")),
    "no extension": ("现场", picture("JPEG")),
}


@pytest.mark.parametrize("liar", LIARS)
def test_a_file_that_lies_is_refused_by_its_name_and_leaves_nothing(storage, spool, liar):
    name, content = LIARS[liar]
    with pytest.raises(Invalid) as refused:
        store(name, iter([content]))
    assert f"「{evidence.safe_name(name)}」" in refused.value.message
    assert not everything_in(storage) and not everything_in(spool)


@pytest.mark.parametrize(("name", "safe"), [
    ("../../etc/passwd.txt", "passwd.txt"), ("C:\\windows\\a.txt", "a.txt"), ("a\x00b\u202etxt.txt", None),
    ("长" * 100 + ".txt", None), ("a\r\nSet-Cookie: x.txt", None),
])  # fmt: skip
def test_a_name_is_only_a_name(storage, name, safe):
    stored = store(name, iter(["正文".encode()]))
    assert safe is None or stored.name == safe
    assert not set(stored.name) & set("/\\\r\n\x00\u202e") and len(stored.name) <= 120
    [kept] = everything_in(storage)
    assert kept == os.path.basename(stored.key) and ".." not in stored.key


# ── what bursts when opened ───────────────────────────────────────────────────────────────────────────────────────


def zeros(n: int) -> bytes:
    """A zip of one entry with n zero bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("0", "w") as entry:
        for _n in range(n // MIB):
            entry.write(bytes(MIB))
    return out.getvalue()


def test_a_zip_bomb_is_kept_as_it_is_and_never_opened(storage, monkeypatch):
    bomb = zeros(256 * MIB)
    assert len(bomb) < MIB
    for opener in ("__init__", "open", "read", "extract", "extractall"):
        monkeypatch.setattr(zipfile.ZipFile, opener, lambda *_, **__: pytest.fail("opened"))
    tracemalloc.start()
    stored = store("材料.zip", iter([bomb]))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stored.type == "application/zip" and stored.size == len(bomb) and not stored.thumbnail_key
    assert most < 8 * MIB
    assert len(everything_in(storage)) == 1


def bomb_picture(side: int) -> bytes:
    """A PNG of side × side black pixels, some hundred kilobytes for a hundred million."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    row = bytes(1 + side)
    lines = b"".join(squeeze.compress(row) for _n in range(side)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", lines) + part(b"IEND", b"")


@pytest.mark.parametrize("side", [8_000, 20_000])  # beyond our own limit; beyond that of the library, which raises
def test_a_picture_bomb_is_kept_without_being_opened(storage, monkeypatch, side):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("opened"))
    stored = store("大图.png", iter([bomb_picture(side)]))
    assert stored.type == "image/png" and not stored.thumbnail_key


@pytest.mark.parametrize("torn", [b"\x89PNG\r\n\x1a\n", picture("PNG")[:40], b"\xff\xd8\xff\xe0" + b"\x00" * 90])
def test_a_torn_picture_is_kept_without_a_thumbnail(storage, torn):
    name = "断.png" if torn.startswith(b"\x89") else "断.jpg"
    assert not store(name, iter([torn])).thumbnail_key


# ── what never ends ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_a_gigabyte_is_let_go_at_its_limit(storage, spool, settings):
    """Not a byte more is asked for once the limit is passed, and nothing stays."""
    asked = 0

    def endless():
        nonlocal asked
        while asked < GIB:
            asked += MIB
            yield bytes(MIB)

    tracemalloc.start()
    with pytest.raises(TooMuch):
        store("录像.mp4", endless())
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert asked == (settings.UPLOAD_MAX_MIB + 1) * MIB
    assert most < 16 * MIB
    assert not everything_in(storage) and not everything_in(spool)


def token_of(desk) -> str:
    until = desk.now + timedelta(days=3650)
    return tokens.issue(desk.agent, "试", ["read", "write"], until, by=desk.agent, at=desk.now)


class Stream(io.RawIOBase):
    """The body of a request that is made while it is read, and counts what was read."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    def readable(self) -> bool:
        return True

    def read(self, n: int = -1) -> bytes:
        n = min(self.size - self.taken, n if n >= 0 else self.size)
        self.taken += n
        return bytes(n)


ADDRESSES = ["/new/", "/track/", "/accounts/login/", "/desk/customers/import/", "/api/v1/cases/TS-1/add_evidence"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_request_of_a_gigabyte_is_refused_before_it_is_read(desk, spool, address):
    """At every door: nothing of it reaches memory or disk."""
    token = token_of(desk)
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    if "desk" in address:
        client.force_login(desk.manager)
    body = Stream(GIB)
    answer = client.generic(
        "POST", address, b"", CONTENT_TYPE="multipart/form-data; boundary=x", CONTENT_LENGTH=str(GIB),
        **{"wsgi.input": body},
    )  # fmt: skip
    assert answer.status_code == (429 if address in {"/new/", "/track/"} else 413)
    assert "超过 200 MB" in answer.content.decode() or "超过 200 MB" in answer.json()["detail"]
    assert body.taken == 0 and not everything_in(spool)


def test_the_limit_of_a_request_is_no_less_than_that_of_a_file(settings, rf):
    assert settings.UPLOAD_MAX_TOTAL_MIB >= settings.UPLOAD_MAX_MIB
    at_limit = settings.UPLOAD_MAX_TOTAL_MIB * MIB

    def read(size: int) -> None:
        request: WSGIRequest = rf.generic(
            "POST", "/", b"", CONTENT_TYPE="multipart/form-data; boundary=x", CONTENT_LENGTH=str(size),
            **{"wsgi.input": io.BytesIO(b"--x--\r\n")},
        )  # fmt: skip
        request.POST  # noqa: B018 - parses the body

    read(at_limit)
    with pytest.raises(RequestDataTooBig):
        read(at_limit + 2 * MIB)


# ── what comes by the thousand ────────────────────────────────────────────────────────────────────────────────────


def test_thousands_of_small_files_are_refused_in_words_at_every_door(desk, storage, spool):
    def many():
        return [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(3000)]

    case = desk.receives("门铃装上就不响,客服让我自己换电池。")
    token = token_of(desk)
    client = Client(raise_request_exception=False)
    answer = client.post("/new/", {"text": "漏水", "phone": "13800001234", "files": many()})
    assert answer.status_code == 429 and "一次最多上传" in answer.content.decode()
    answer = client.post(
        f"/api/v1/cases/{case.number}/add_evidence", {"file": many()}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 400 and "过多" in answer.json()["detail"]
    client.force_login(desk.agent)
    answer = client.post(f"/desk/cases/{case.number}/evidence/", {"files": many()})
    assert answer.status_code == 413 and "一次最多上传" in answer.content.decode()
    assert not Submission.objects.filter(channel="web").exists() and not Evidence.objects.exists()
    assert not everything_in(storage) and not everything_in(spool)


def test_one_bad_file_stops_the_form_of_the_desk_and_none_is_put_on_the_case(desk, storage):
    """What was stored before the bad one is swept at night: tests/stories/test_unsent.py."""
    case = desk.receives("门铃装上就不响,客服让我自己换电池。")
    client = Client()
    client.force_login(desk.agent)
    files = [SimpleUploadedFile("好.txt", "好".encode()), SimpleUploadedFile("坏.jpg", b"#!/bin/sh\n")]
    answer = client.post(f"/desk/cases/{case.number}/evidence/", {"files": files})
    assert answer.status_code == 422 and "坏.jpg" in answer.content.decode()
    assert not case.evidence.exists()
