"""Files uploaded and never submitted do not stay; everything somebody counts on does."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from wenguo.cases import evidence, intake, unsent
from wenguo.cases.intake import Complaint, Submission
from wenguo.worker import schedule

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def storage(tmp_path, settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }
    return tmp_path


def photo(colour):
    picture = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(picture, "JPEG")
    return evidence.store(f"{colour}.jpg", iter([picture.getvalue()]))


def ages(folder, days):
    """Everything stored so far was stored some days ago."""
    then = (NOW - timedelta(days=days)).timestamp()
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def there(*stored):
    return [default_storage.exists(s.key) and default_storage.exists(s.thumbnail_key) for s in stored]


def test_what_was_never_submitted_goes_and_nothing_else(desk, storage):
    left_behind, on_a_case, in_the_tray, put_away = map(photo, ("red", "green", "blue", "teal"))
    case = desk.receives("水壶漏水，有照片。")
    evidence.attach(case, on_a_case, by=desk.agent, at=desk.now)
    for stored, state in ((in_the_tray, Submission.State.UNSORTED), (put_away, Submission.State.DISCARDED)):
        complaint = Complaint(channel="web", text="看不懂", phone="13800001234", key=state, files=(stored,))
        kept = intake._keep(complaint, None, desk.now, None)
        Submission.objects.filter(pk=kept.pk).update(state=state)
    ages(storage, days=3)
    just_now = photo("white")
    schedule.tidy(timestamp=0)
    assert there(left_behind, on_a_case, in_the_tray, put_away, just_now) == [False, True, True, True, True]
    assert not default_storage.exists(left_behind.thumbnail_key)
    assert unsent.sweep(before=NOW - timedelta(days=2)) == 0


def test_a_form_sent_again_within_its_day_still_finds_its_file(desk, storage):
    stored = photo("red")
    ages(storage, days=1)
    schedule.tidy(timestamp=0)
    received = intake.receive(Complaint(channel="web", text="漏水", phone="13800001234", files=(stored,)), at=desk.now)
    assert received.case.evidence.get().key == stored.key and there(stored) == [True]


def test_an_empty_storage_has_nothing_to_sweep(db, storage):
    assert unsent.sweep(before=NOW) == 0
