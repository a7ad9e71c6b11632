"""The log tells the operator what happened, and nothing of what customers said or are called."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from wenguo.cases import intake, letters
from wenguo.cases.intake import Complaint, receive
from wenguo.config.logs import Discreet, discreet
from wenguo.people import tokens

WORDS = "欧阳晓峰的热水器漏电"
PERSONAL = ("欧阳晓峰", "13812345678", "ouyang@example.com", WORDS, "漏电")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that any logger says at DEBUG, as it would stand in the operator's log."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(Discreet("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    names = ["", "wenguo", "django.request", "django.security", "procrastinate", "allauth"]
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    with mock.patch.object(logging.getLogger("django.db.backends"), "disabled", True):  # statements: off in production
        yield written
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def says_nothing_personal(log: io.StringIO) -> str:
    told = log.getvalue()
    for word in PERSONAL:
        assert word not in told, told
    return told


def complaint(**more: object) -> Complaint:
    given = {"channel": "web", "name": "欧阳晓峰", "phone": "13812345678", "mail": "ouyang@example.com", **more}
    return Complaint(text=f"{WORDS},要求退货", **given)  # type: ignore[arg-type]


def test_a_complaint_goes_its_way_and_the_log_knows_no_names(desk, log, client):
    case = receive(complaint(), by=None, at=desk.now).case
    assert case is not None
    desk.triages(case)
    letters.say(case, "", f"{WORDS},已安排上门", by=desk.agent, at=desk.now)
    client.force_login(desk.agent)
    for address in ("/desk/", "/desk/queue/?q=欧阳晓峰", f"/desk/cases/{case.number}/", "/desk/nowhere/?q=13812345678"):
        client.get(address)
    client.post("/track/", {"number": case.number, "contact": "13812345678"})
    says_nothing_personal(log)


def test_a_row_the_database_refused_is_not_quoted(desk, log):
    def failing(*_args: object, **_more: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int", [WORDS])

    with mock.patch.object(intake, "_understand", failing):
        received = receive(complaint(), by=None, at=desk.now)
    assert received.case is None and received.submission.state == "unsorted"
    told = says_nothing_personal(log)
    assert "submission.unsorted" in told and "22P02" in told and "in failing" in told


def test_a_failure_of_the_api_is_told_by_place_not_by_words(desk, log):
    raw = tokens.issue(desk.agent, "试", ["read", "write"], desk.now + timedelta(days=3650), by=desk.agent, at=desk.now)
    client = Client(headers={"Authorization": f"Bearer {raw}"}, raise_request_exception=False)
    with mock.patch("wenguo.api.submissions.receive", side_effect=ValueError(WORDS)):
        body = {"channel": "api", "text": f"{WORDS},要求退货", "name": "欧阳晓峰", "phone": "13812345678"}
        answer = client.post("/api/v1/submissions", body, content_type="application/json")
    assert answer.status_code == 500
    told = says_nothing_personal(log)
    assert "api.failed POST" in told and "builtins.ValueError" in told


def test_a_constraint_is_named_and_its_row_is_not(desk, log):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE people_unit SET code = NULL, title = %s WHERE code = 'kf'", [WORDS])
    except IntegrityError:
        logging.getLogger("wenguo.try").exception("tried")
    told = says_nothing_personal(log)
    assert "23502, people_unit" in told


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Not Found: /t/eyJhbGciOi.abc-_/message/", "Not Found: /t/…/message/"),
        ("GET /desk/queue/?q=欧阳晓峰 200", "GET /desk/queue/?… 200"),
        ("Gone: /s/abc/", "Gone: /s/…/"),
        ("remedy.approved case=TS-0042 by=17 because=AP-2", "remedy.approved case=TS-0042 by=17 because=AP-2"),
    ],
)
def test_keys_and_queries_leave_the_address(line, shown):
    assert discreet(line) == shown
