"""Files that were uploaded and never submitted.

A file is stored before its form is accepted, so that a mistake in the form costs nobody a photo. A form that is never
sent again leaves its files behind: they belong to no case and to no submission, and nobody promised to keep them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.core.files.storage import default_storage

from wenguo.cases.evidence import FOLDER, THUMBNAIL_SUFFIX, Evidence
from wenguo.cases.intake import Submission

AT_ONCE = 1000


def sweep(*, before: datetime) -> int:
    """Throw away what came before then and was never submitted; returns how many files, thumbnails included.

    May run twice, and beside uploads: `before` lies further back than a form keeps its files. Files of submissions in
    the tray stay, those put away as not ours too.
    """
    waiting = Submission.objects.filter(case=None).exclude(file_keys=[]).values_list("file_keys", flat=True)
    promised = {key for keys in waiting for key in keys}
    return sum(_throw(keys, promised, before) for keys in _stored())


def _stored() -> Iterator[list[str]]:
    """The keys of all files, some at a time."""
    for folder in _below(FOLDER)[0]:
        here = f"{FOLDER}/{folder}"
        keys = [f"{here}/{name}" for name in _below(here)[1]]
        yield from (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))


def _below(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def _throw(keys: list[str], promised: set[str], before: datetime) -> int:
    owner = {key: key.removesuffix(THUMBNAIL_SUFFIX) for key in keys}
    held = promised.union(Evidence.objects.filter(key__in=owner.values()).values_list("key", flat=True))
    unsent = [key for key in keys if owner[key] not in held and default_storage.get_modified_time(key) < before]
    for key in unsent:
        default_storage.delete(key)
    return len(unsent)
