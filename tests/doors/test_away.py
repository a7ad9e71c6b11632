"""While the database can only be read (a standby, a full disk) or is gone, every door says so and breaks nothing."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import Error, OperationalError, connection, transaction
from django.test import Client

from wenguo import away
from wenguo.cases.intake import Submission
from wenguo.later import later
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


def test_a_job_that_cannot_be_written_is_told_like_any_other_row(db):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
        with pytest.raises(Error) as refused, transaction.atomic():
            later("cases.acknowledge", case_id=1)
        transaction.set_rollback(True)
    assert away.words(refused.value) == "数据库暂时不能写入"


@pytest.mark.django_db(transaction=True)
def test_a_database_killed_while_a_job_is_written_is_told_as_gone():
    """Over the API that is 503, so whoever sent it sends it again; it was 500."""
    with pytest.raises(OperationalError) as gone, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = cursor.fetchone()[0]
        with psycopg.connect(**connection.get_connection_params() | {"context": None}) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        later("cases.acknowledge", case_id=1)
    assert away.is_offline(gone.value)
