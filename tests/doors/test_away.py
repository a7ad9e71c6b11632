"""While the database can only be read (a standby, a full disk), every door says so and breaks nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client

from wenguo.cases.intake import Submission
from wenguo.people import tokens


@pytest.mark.parametrize("door", ["api", "portal", "desk"])
def test_while_nothing_can_be_written_each_door_says_so(desk, door):
    case = desk.receives("电热水壶漏水,请退货")
    raw = tokens.issue(desk.agent, "试", ["write"], desk.now + timedelta(days=3650), by=desk.agent, at=desk.now)
    client = Client(raise_request_exception=False)
    client.force_login(desk.agent)
    before = Submission.objects.count()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL transaction_read_only = on")
        if door == "api":
            answer = client.post(
                "/api/v1/submissions", {"channel": "api", "text": "又漏水了"}, content_type="application/json",
                headers={"Authorization": f"Bearer {raw}"},
            )  # fmt: skip
        elif door == "portal":
            answer = client.post("/track/", {"number": case.number, "contact": "1234"})
        else:
            answer = client.post(f"/desk/cases/{case.number}/acts/accept/")
        transaction.set_rollback(True)
    assert answer.status_code == 503 and answer["Retry-After"] == "10"
    assert "数据库暂时不能写入" in (answer.json()["detail"] if door == "api" else answer.content.decode())
    assert Submission.objects.count() == before
