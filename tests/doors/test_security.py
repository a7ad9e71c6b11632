"""What docs/security.md promises of sessions, cookies and headers. Source: issue "Fast and unbreakable", FIELD 2.5."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from wenguo.people.staff import set_password

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Chengguang-2026"


def signs_in(client: Client, username: str = "agent", password: str = PASSWORD):
    return client.post("/accounts/login/", {"login": username, "password": password})


def test_signing_in_changes_the_session_and_signing_out_ends_it(desk):
    client = Client()
    client.get("/desk/", follow=True)
    session = client.session
    session["before"] = "stranger"
    session.save()
    old = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = old
    assert signs_in(client).status_code == 302
    new = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert new != old and not Session.objects.filter(session_key=old).exists()
    assert client.get("/desk/").status_code == 200
    client.post("/accounts/logout/")
    taken = Client()
    taken.cookies[settings.SESSION_COOKIE_NAME] = new  # somebody kept the cookie
    assert taken.get("/desk/").status_code == 302


def test_a_new_password_ends_every_other_session(desk):
    mine, stolen = Client(), Client()
    assert signs_in(mine).status_code == signs_in(stolen).status_code == 302
    assert stolen.get("/desk/").status_code == 200
    set_password(desk.agent, "Qingfeng-Mingyue-77", by=desk.admin, at=desk.now)
    assert stolen.get("/desk/").status_code == 302


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(desk):
    client = Client()
    signs_in(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert settings.SESSION_COOKIE_SECURE == settings.CSRF_COOKIE_SECURE == settings.PUBLIC_URL.startswith("https://")


@pytest.mark.parametrize("path", ["/accounts/login/", "/desk/register/", "/desk/absence/"])
def test_a_form_of_another_site_is_not_taken(desk, path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(desk.agent)
    assert client.post(path, {"text": "漏水"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/track/", "/accounts/login/", "/desk/", "/nowhere/", "/api/v1/me"])
def test_every_answer_carries_the_headers(desk, path):
    client = Client()
    if path == "/desk/":
        client.force_login(desk.agent)
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'" and policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"] and "script-src" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Server" not in headers and "X-Powered-By" not in headers


def test_nothing_is_shown_of_ourselves_when_something_is_missing(desk):
    page = Client().get("/nowhere/").content.decode()
    assert not settings.DEBUG and "Traceback" not in page and "urlpatterns" not in page


def test_the_table_names_files_and_tests_that_exist():
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    for file in re.findall(r"`(tests/[\w/]+\.py)", text):
        assert (ROOT / file).exists(), file
    for file in re.findall(r"`((?:web|api|cases|people|customers|config|text)/[\w/]+\.py)", text):
        assert (ROOT / "src/wenguo" / file).exists(), file
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"(test_[a-z_0-9]+?)(?:…|`)", text):
        assert f"def {name}" in tests or f"{name}.py" in text, name
