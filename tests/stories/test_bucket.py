"""Evidence in an S3-compatible bucket: the same acts as with a directory of files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from hashlib import sha256

import boto3
import pytest
from django.core.files.storage import default_storage
from django.test import override_settings
from moto import mock_aws
from PIL import Image

from wenguo.cases import evidence
from wenguo.errors import Invalid, NotFound

BUCKET = "wenguo-evidence"
STORAGE = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": BUCKET, "access_key": "key", "secret_key": "secret", "region_name": "us-east-1",
        "file_overwrite": False, "default_acl": None,
    },
}  # fmt: skip


@pytest.fixture
def bucket(monkeypatch) -> Iterator[object]:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with mock_aws():
        s3 = boto3.resource("s3", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
        made = s3.create_bucket(Bucket=BUCKET)
        statics = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        with override_settings(STORAGES={"default": STORAGE, "staticfiles": statics}):
            yield made


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 600), "teal").save(out, "JPEG")
    return out.getvalue()


def keys(bucket) -> list[str]:
    return sorted(o.key for o in bucket.objects.all())


def test_a_photo_lies_in_the_bucket_with_its_thumbnail_and_stays_what_it_was(desk, bucket):
    case, bytes_ = desk.receives("空调漏水,有照片"), photo()
    stored = evidence.store("漏水.jpg", iter([bytes_[:1000], bytes_[1000:]]))
    kept = evidence.attach(case, stored, by=desk.agent, at=desk.now)
    assert keys(bucket) == sorted([kept.key, kept.thumbnail_key])
    assert bucket.Object(kept.key).get()["Body"].read() == bytes_
    assert kept.sha256 == sha256(bytes_).hexdigest() and evidence.is_intact(kept)
    with evidence.look(kept, saved=False, by=desk.agent, at=desk.now) as file:
        assert file.read() == bytes_
    assert desk.timeline(case)[-1] == "evidence.seen"
    bucket.Object(kept.key).put(Body=bytes_ + b"!")
    assert not evidence.is_intact(kept)


def test_the_same_photo_twice_is_kept_once(desk, bucket):
    case = desk.receives("空调漏水,有照片")
    first = evidence.attach(case, evidence.store("a.jpg", iter([photo()])), by=desk.agent, at=desk.now)
    again = evidence.attach(case, evidence.store("b.jpg", iter([photo()])), by=desk.agent, at=desk.now)
    assert again.pk == first.pk and keys(bucket) == sorted([first.key, first.thumbnail_key])


def test_a_refused_file_leaves_nothing_in_the_bucket(desk, bucket):
    with pytest.raises(Invalid, match="扩展名不符"):
        evidence.store("发票.pdf", iter([photo()]))
    assert keys(bucket) == []


def test_a_file_gone_from_the_bucket_is_said_and_not_recorded_as_seen(desk, bucket):
    case = desk.receives("空调漏水,有照片")
    kept = evidence.attach(case, evidence.store("漏水.jpg", iter([photo()])), by=desk.agent, at=desk.now)
    default_storage.delete(kept.key)
    before = desk.timeline(case)
    with pytest.raises(NotFound, match="找不到"):
        evidence.look(kept, saved=True, by=desk.agent, at=desk.now)
    assert desk.timeline(case) == before
    assert not evidence.is_intact(kept)
