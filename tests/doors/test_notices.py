"""Notices: read one by one without opening, and the place in the list kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from wenguo.cases.notice import Notice


@pytest.fixture
def now(desk: Any) -> Any:
    desk.now = timezone.now() - timedelta(minutes=10)
    return desk


def test_one_is_put_away_without_being_opened(now: Any) -> None:
    case = now.receives("空调漏电")
    first, second = (
        Notice.objects.create(person=now.agent, case=case, kind="x", text=f"第 {n} 条", at=now.now) for n in (1, 2)
    )
    client = Client()
    client.force_login(now.agent)
    answer = client.post("/desk/notices/read/", {"notice": first.pk, "which": "all"})
    assert answer["Location"] == "/desk/notices/?which=all"
    body = client.get("/desk/notices/").content.decode()
    assert "第 2 条" in body and "第 1 条" not in body
    everything = client.get("/desk/notices/?which=all").content.decode()
    assert everything.count("标为已读：") == 1
    second.refresh_from_db()
    assert second.read_at is None
