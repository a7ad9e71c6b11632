"""What a request may bring in files altogether: refused at its head, before any of it lies in memory or on the disk.

Each file has its own limit, said by name (`cases.evidence.store`); this one keeps a single request from filling the
disk on the way there, at every door and before anybody is asked who they are.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _

AROUND = 2**20  # boundaries, names, the words of the form


class TooLarge(RequestDataTooBig):
    """The files of this request are together more than may be sent at once."""


def too_large() -> str:
    """What to tell whoever sent it."""
    most = settings.UPLOAD_MAX_TOTAL_MIB
    return _("这些文件加起来超过 {most} MB，没有收下。请分几次上传，或先压缩视频").format(most=most)


class Bounded(FileUploadHandler):
    """First of the upload handlers: looks at the announced length and passes everything on.

    The server gives no more than was announced, so the announcement is enough.
    """

    def handle_raw_input(
        self, input_data: Any, META: dict[str, str], content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        if content_length > settings.UPLOAD_MAX_TOTAL_MIB * 2**20 + AROUND:
            raise TooLarge(content_length)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
