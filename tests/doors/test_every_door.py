"""Role × scope × every door: whoever may not see a case finds it behind none of them, whoever may finds it behind all.

The doors are not listed here: they are read from the addresses of the desk and of the API, so a new one is walked too.
"""

from __future__ import annotations

import itertools
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from wenguo.cases import evidence, handover
from wenguo.journal import Stream
from wenguo.people import deputies, tokens
from wenguo.people.actor import SYSTEM
from wenguo.people.roles import Role, set_role
from wenguo.people.staff import Person, give_post, hire

SECRET = "保密事由甲乙丙"
# Who may see a case of the head office's own service desk, and why. Nobody else of the company may.
MAY = {
    "agent": "took it in",
    "other_agent": "same unit",
    "senior": "same unit",
    "supervisor": "unit and below",
    "manager": "unit and below",
    "relationship": "unit and below",
    "executive": "all",
    "legal": "all",
    "inspector": "all",
    "liaison": "all",
    "improver": "all",
    "quality": "involved by joint handling",
    "quality_manager": "leads the helping department",
    "stand_in": "deputy of the owner",
    "auditor": "scope chosen by hand",
}


@pytest.fixture
def secret(desk):
    """A case at the service desk, with a file, in joint handling with the quality department."""
    case = desk.triages(desk.receives(SECRET + ",请尽快处理,谢谢。"))
    stored = evidence.store("照片.txt", iter([b"words"]))
    evidence.attach(case, stored, by=desk.agent, at=desk.now)
    handover.ask_help(case, desk.units["zl"], "检测", by=desk.agent, at=desk.now)
    case.refresh_from_db()
    return case


@pytest.fixture
def everybody(desk, secret):
    """The company, and three more: a deputy, somebody with hand-picked units, somebody without any post."""
    since = desk.now - timedelta(days=3000)
    roles = {role.code: role for role in Role.objects.all()}
    custom = set_role(
        "auditor",
        title="抽查员",
        permissions=["case.see"],
        scope=Role.Scope.CUSTOM,
        by=SYSTEM,
        at=desk.now,
        custom_units=[desk.units["kf"]],
    )
    posts = {"stand_in": ("hdsh", roles["handler"]), "auditor": ("cw", custom), "nobody": None}
    for username, post in posts.items():
        person = hire(username, username, by=SYSTEM, at=since)
        if post:
            give_post(person, desk.units[post[0]], post[1], by=SYSTEM, at=since, primary=True)
    stand_in = Person.objects.get(username="stand_in")
    ever = (desk.now - timedelta(days=1), desk.now + timedelta(days=3650))
    deputies.appoint(Person.objects.get(pk=secret.owner_id), stand_in, *ever, by=desk.admin, at=desk.now, reason="休假")
    return {person.username: person for person in Person.objects.all()}


def doors(prefix: str, patterns=None, path="") -> list[str]:
    """Every address below `prefix` that leads to one case, as a template with {name} for its arguments."""
    found = []
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += doors(prefix, entry.url_patterns, here)
        elif isinstance(entry, URLPattern):
            plain = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", here).replace("^", "").replace("$", "")
            if plain.startswith(prefix) and "{number}" in plain:
                found.append("/" + plain)
    return list(dict.fromkeys(found))


def fill(door: str, case) -> str:
    known = {"number": case.number, "pk": case.evidence.get().pk, "name": "note", "act": "note", "paper": "record"}
    return re.sub(r"\{(\w+)\}", lambda m: str(known.get(m.group(1), case.evidence.get().pk)), door)


def test_there_are_doors():
    assert len(doors("desk/")) > 20 and len(doors("api/v1/")) > 20


def test_no_door_of_the_desk_opens_for_those_who_may_not_see(everybody, secret):
    before = Stream.objects.get(pk=secret.stream_id).seq
    for name, person in everybody.items():
        client = Client(raise_request_exception=False)
        client.force_login(person)
        seen = client.get(f"/desk/cases/{secret.number}/")
        assert (seen.status_code == 200) == (name in MAY), (name, seen.status_code)
        if name in MAY:
            assert SECRET in seen.content.decode()
            continue
        for door, method in itertools.product(doors("desk/"), ("get", "post")):
            answer = getattr(client, method)(fill(door, secret))
            assert answer.status_code in {403, 404, 405}, (name, method, door, answer.status_code)
            assert SECRET not in answer.content.decode(errors="replace")
    assert Stream.objects.get(pk=secret.stream_id).seq == before, "a door that stayed shut left a trace"


def test_no_list_or_search_of_the_desk_tells_of_it(everybody, secret):
    lists = ["/desk/", "/desk/queue/", f"/desk/queue/?q={SECRET}", f"/desk/search/?q={SECRET}", "/desk/mine/"]
    for name, person in everybody.items():
        client = Client()
        client.force_login(person)
        shown = {door: secret.number in client.get(door, follow=True).content.decode() for door in lists}
        if name not in MAY:
            assert not any(shown.values()), (name, shown)
        else:
            assert shown[f"/desk/queue/?q={SECRET}"], name


def test_no_act_on_many_no_news_and_no_export_reaches_it(everybody, secret):
    """The doors of the queue name no case in their address: it stands in what is posted."""
    before = Stream.objects.get(pk=secret.stream_id).seq
    for name, person in everybody.items():
        client = Client(raise_request_exception=False)
        client.force_login(person)
        asked = {"view": "all", "shown": f"{secret.pk}.{secret.version}", "q": SECRET}
        file = {"query": "view=all", "form": "csv", "reason": "核对"}
        told = [
            client.get("/desk/queue/news/", asked),
            client.get("/desk/news/", asked),
            client.post("/desk/queue/export/", file),
        ]
        if name in MAY:
            continue
        told.append(client.post("/desk/queue/acts/", {"act": "remind", "case": [secret.pk], "remind_words": "x"}))
        told.append(client.post("/desk/queue/acts/", {"one": secret.pk}))
        for answer in told:
            assert answer.status_code in {200, 403, 409, 422}, (name, answer.status_code)
            words = answer.content.decode()
            assert secret.number not in words and SECRET not in words, name
    assert Stream.objects.get(pk=secret.stream_id).seq == before


def test_no_door_of_the_api_opens_for_those_who_may_not_see(everybody, secret, desk):
    before = Stream.objects.get(pk=secret.stream_id).seq
    until = desk.now + timedelta(days=3650)
    for name, person in everybody.items():
        raw = tokens.issue(person, "试", ["read", "write"], until, by=person, at=desk.now)
        client = Client(headers={"Authorization": f"Bearer {raw}"}, raise_request_exception=False)
        listed = client.get("/api/v1/cases", {"q": SECRET})
        told = listed.status_code == 200 and secret.number in listed.content.decode()
        assert told == (name in MAY), (name, listed.status_code)
        one = client.get(f"/api/v1/cases/{secret.number}")
        assert (one.status_code == 200) == (name in MAY), (name, one.status_code)
        if name in MAY:
            continue
        for door, method in itertools.product(doors("api/v1/"), ("get", "post")):
            body = {} if method == "get" else {"data": json.dumps({}), "content_type": "application/json"}
            answer = getattr(client, method)(fill(door, secret), **body)
            assert answer.status_code in {403, 404, 405, 415, 422}, (name, method, door, answer.status_code)
            assert SECRET not in answer.content.decode(errors="replace")
    assert Stream.objects.get(pk=secret.stream_id).seq == before


def test_a_stranger_without_sign_in_sees_nothing(secret):
    client = Client(raise_request_exception=False)
    for door in [*doors("desk/"), *doors("api/v1/")]:
        answer = client.get(fill(door, secret))
        assert answer.status_code in {302, 401, 404, 405}, (door, answer.status_code)
        assert SECRET not in answer.content.decode(errors="replace")
