"""Signing in and tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wenguo import journal
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people import signin, staff, tokens
from wenguo.people.staff import Person
from wenguo.people.tokens import ApiToken

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def test_the_fifth_wrong_password_locks_for_a_quarter_of_an_hour(house):
    for _attempt in range(4):
        assert not signin.failed(house.agent, house.at)
    assert signin.failed(house.agent, house.at)
    assert signin.is_locked(house.agent, house.at + 14 * MINUTE)
    signin.failed(house.agent, house.at + 14 * MINUTE)  # neither counts nor prolongs
    agent = Person.objects.get(pk=house.agent.pk)
    assert not signin.is_locked(agent, house.at + 15 * MINUTE) and agent.failed_logins == 0
    assert not signin.failed(agent, house.at + 16 * MINUTE)  # counting starts anew
    events = journal.Event.objects.filter(stream__kind="staff", stream__ref=str(agent.pk))
    assert events.filter(type="staff.signin_failed").count() == 6
    assert events.filter(type="staff.locked").count() == 1


def test_success_forgets_the_failures(house):
    for _attempt in range(4):
        signin.failed(house.agent, house.at)
    signin.succeeded(house.agent, house.at)
    assert not signin.failed(house.agent, house.at)


def test_a_password_set_by_another_must_be_changed_and_ends_the_lock(house):
    for _attempt in range(5):
        signin.failed(house.agent, house.at)
    staff.set_password(house.agent, "Baihu-2026-shan", by=house.admin, at=house.at)
    agent = Person.objects.get(pk=house.agent.pk)
    assert agent.must_change_password and not signin.is_locked(agent, house.at)
    with pytest.raises(Invalid, match="原密码"):
        staff.set_password(agent, "Baihu-2026-shan", by=agent, at=house.at)
    staff.set_password(agent, "Xuanwu-2026-hai", by=agent, at=house.at)
    assert not agent.must_change_password and agent.check_password("Xuanwu-2026-hai")
    with pytest.raises(NotYours):
        staff.set_password(house.agent, "Qinglong-2026-x", by=house.lead, at=house.at)


def test_a_token_works_until_it_ends_or_is_revoked(house):
    raw = tokens.issue(house.agent, "呼叫中心", ["write"], house.at + DAY, by=house.admin, at=house.at)
    person, token = tokens.authenticate(raw, house.at)
    assert person == house.agent and person.may("case.register", house.at)
    assert token.last_used_at == house.at and raw.startswith(token.prefix) and raw not in token.digest
    assert tokens.authenticate(raw, house.at + DAY) is None
    assert tokens.authenticate(raw + "x", house.at) is None and tokens.authenticate("\udcff", house.at) is None
    tokens.revoke(token, by=house.agent, at=house.at)
    assert tokens.authenticate(raw, house.at) is None
    with pytest.raises(NotNow):
        tokens.revoke(token, by=house.agent, at=house.at)


def test_a_token_never_permits_more_than_its_scopes_or_its_person(house):
    reading = tokens.issue(house.agent, "看板", ["read"], None, by=house.agent, at=house.at)
    person, _token = tokens.authenticate(reading, house.at)
    assert person.may("case.see", house.at) and not person.may("case.register", house.at)
    narrow = tokens.issue(house.agent, "表单", ["case.register", "people.manage"], None, by=house.agent, at=house.at)
    person, _token = tokens.authenticate(narrow, house.at)
    assert person.may("case.register", house.at)
    assert not person.may("case.see", house.at) and not person.may("people.manage", house.at)


def test_the_use_of_a_token_is_noted_once_a_minute(house, django_assert_num_queries):
    raw = tokens.issue(house.agent, "看板", ["read"], None, by=house.agent, at=house.at)
    with django_assert_num_queries(2):
        tokens.authenticate(raw, house.at)
    with django_assert_num_queries(1):
        tokens.authenticate(raw, house.at + MINUTE / 2)
    tokens.authenticate(raw, house.at + MINUTE)
    assert ApiToken.objects.get().last_used_at == house.at + MINUTE


def test_tokens_are_refused_in_words(house):
    with pytest.raises(NotYours):
        tokens.issue(house.agent, "x", ["read"], None, by=house.lead, at=house.at)
    with pytest.raises(Invalid) as refused:
        tokens.issue(house.agent, " ", ["fly"], house.at, by=house.agent, at=house.at)
    assert set(refused.value.fields) == {"name", "scopes", "expires_at"}


def test_the_tokens_of_a_closed_account_are_worthless(house):
    raw = tokens.issue(house.agent, "看板", ["read"], None, by=house.agent, at=house.at)
    staff.leave(house.agent, by=house.admin, at=house.at)
    assert tokens.authenticate(raw, house.at) is None
    staff.come_back(house.agent, by=house.admin, at=house.at)
    assert tokens.authenticate(raw, house.at) is None


def test_the_secret_stands_nowhere(house):
    raw = tokens.issue(house.agent, "看板", ["read"], None, by=house.agent, at=house.at)
    row = ApiToken.objects.values().get()
    assert not any(raw in str(value) for value in row.values())
    assert not any(raw in str(e) for e in journal.Event.objects.values("data", "private"))
