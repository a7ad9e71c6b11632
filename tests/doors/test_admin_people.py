"""Units, staff, roles, deputies and tokens on the desk."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from wenguo.cases.notice import Notice
from wenguo.people import signin, tokens
from wenguo.people.deputies import Deputy
from wenguo.people.roles import Role
from wenguo.people.staff import Person, Post
from wenguo.people.tokens import ApiToken
from wenguo.people.units import Unit
from wenguo.policy.told import said

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def door(client: Client) -> Any:
    def enter(person: Any) -> Client:
        client.force_login(person)
        return client

    return enter


def to(name: str, *args: Any) -> str:
    return reverse(f"desk:{name}", args=args)


def local(**delta: float) -> str:
    return timezone.localtime(timezone.now() + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M")


def role(code: str) -> int:
    return Role.objects.get(code=code).pk


# ── who may enter ──


@pytest.mark.parametrize("name", ["unit_new", "role_new", "hire", "jobs", "audit", "health"])
def test_an_agent_reads_who_works_where_and_manages_nothing(desk, door, name):
    assert door(desk.agent).get(to("people")).status_code == 200
    assert door(desk.agent).get(to(name)).status_code == 403
    assert door(desk.admin).get(to(name)).status_code == 200


def test_everybody_reaches_the_part_of_the_administration_that_is_theirs(desk, door):
    assert door(desk.admin).get(to("admin")).headers["Location"] == to("health")
    assert door(desk.agent).get(to("admin")).headers["Location"] == to("people")
    assert door(desk.legal).get(to("admin")).headers["Location"] == to("absence")
    assert door(desk.legal).get(to("absence")).status_code == 200


def test_who_leaves_with_cases_on_hand_leaves_them_to_somebody(desk, door):
    desk.now = timezone.now() - timedelta(minutes=10)
    for n in range(2):
        desk.triages(desk.receives(f"第 {n} 台空调漏电", phone=f"1380000910{n}"))
    answer = door(desk.admin).post(to("person_act", desk.agent.pk, "leave"), {"reason": "离职"}, follow=True)
    assert "手上 2 件在办，已请主管改派" in answer.content.decode()
    told = Notice.objects.get(kind="owner.left", person=desk.supervisor)
    assert said(told.text, told.names) == f"{desk.agent.name}的账号已停用，手上 2 件在办，请改派"
    assert "已停用" in door(desk.supervisor).get(to("today")).content.decode()
    assert door(desk.admin).post(to("person_act", desk.cashier.pk, "leave"), follow=True).status_code == 200
    assert Notice.objects.filter(kind="owner.left").count() == 1, "nobody is called for nothing"


# ── units ──


def test_a_unit_is_founded_changed_and_closed(desk, door):
    client = door(desk.admin)
    parent = desk.units["hd"].pk
    given = {"code": "hdwl", "title": SCRIPT, "kind": "department", "parent": parent, "calendar": "standard"}
    assert client.post(to("unit_new"), given).status_code == 302
    made = Unit.objects.get(code="hdwl")
    assert made.parent_id == parent and SCRIPT not in client.get(to("units")).content.decode()
    assert client.post(to("unit_new"), given).status_code == 422
    better = {**given, "title": "华东物流部", "function": "logistics"}
    assert client.post(to("unit", made.pk), better).status_code == 302
    made.refresh_from_db()
    assert (made.title, made.function) == ("华东物流部", "logistics")
    loop = client.post(to("unit", parent), {**given, "code": "hd", "kind": "branch", "parent": made.pk})
    assert loop.status_code == 422 and "不能隶属于自己" in loop.content.decode()
    staffed = client.post(to("unit", desk.units["kf"].pk), {"step": "close"})
    assert staffed.status_code == 409 and "在岗人员" in staffed.content.decode()
    assert client.post(to("unit", made.pk), {"step": "close"}).status_code == 302
    assert "已停用" in client.get(to("units")).content.decode()
    assert client.post(to("unit", made.pk), {"step": "open"}).status_code == 302
    assert client.get(to("unit", 999_999)).status_code == 404
    assert door(desk.agent).post(to("unit", made.pk), given).status_code == 403


# ── staff ──


@pytest.mark.parametrize("q", ["张敏", "zhangmin", "zm", "agent"])
def test_staff_are_found_by_name_pinyin_and_user_name(desk, door, q):
    assert to("person", desk.agent.pk) in door(desk.senior).get(to("people"), {"q": q}).content.decode()


def test_somebody_is_hired_posted_moved_and_leaves(desk, door):
    client = door(desk.admin)
    given = {"name": "新人", "username": "xinren", "password": "Chengguang-2027", "unit": desk.units["kf"].pk}
    half = client.post(to("hire"), given)
    assert half.status_code == 422 and "同时选择" in half.content.decode()
    assert "Chengguang-2027" not in half.content.decode()
    assert client.post(to("hire"), {**given, "role": role("agent")}).status_code == 302
    person = Person.objects.get(username="xinren")
    assert person.must_change_password and person.may("case.register")
    assert client.post(to("hire"), {**given, "role": role("agent")}).status_code == 422  # the name is taken
    post = person.posts.get()
    moved = {"post": post.pk, "unit": desk.units["zl"].pk, "role": role("handler")}
    assert client.post(to("person_act", person.pk, "change-post"), moved).status_code == 302
    assert Post.objects.active(timezone.now()).get(person=person).unit == desk.units["zl"]
    second = {"unit": desk.units["sh"].pk, "role": role("handler")}
    assert client.post(to("person_act", person.pk, "post"), second).status_code == 302
    assert client.post(to("person_act", person.pk, "post"), second).status_code == 409
    ended = Post.objects.active(timezone.now()).filter(person=person).last()
    assert client.post(to("person_act", person.pk, "end-post"), {"post": ended.pk}).status_code == 302
    details = {"name": "新人甲", "phone": SCRIPT[:30], "email": "x@example.com", "language": "en"}
    assert client.post(to("person_act", person.pk, "details"), details).status_code == 302
    assert "<script>" not in re.sub(r"<script [^>]*>", "", client.get(to("person", person.pk)).content.decode())
    assert client.post(to("person_act", person.pk, "details"), {**details, "email": "keine"}).status_code == 422
    assert client.post(to("person_act", person.pk, "leave"), {"reason": "离职"}).status_code == 302
    person.refresh_from_db()
    assert not person.is_active and not Post.objects.active(timezone.now()).filter(person=person).exists()
    assert client.post(to("person_act", person.pk, "leave")).status_code == 409
    assert client.post(to("person_act", person.pk, "back")).status_code == 302
    assert client.post(to("person_act", person.pk, "dance")).status_code == 404


def test_duties_stay_apart_and_nobody_raises_themselves(desk, door):
    client = door(desk.admin)
    own = {"unit": desk.units["kf"].pk, "role": role("agent")}
    assert client.post(to("person_act", desk.admin.pk, "post"), own).status_code == 403
    assert client.post(to("person_act", desk.admin.pk, "leave")).status_code == 403
    both = client.post(to("person_act", desk.agent.pk, "post"), {"unit": desk.units["zb"].pk, "role": role("admin")})
    assert both.status_code == 409 and "职责分离" in both.content.decode()
    page = client.get(to("person", desk.admin.pk)).content.decode()
    assert "不能停用自己的账号" in page and "不能给自己任职" in page
    assert door(desk.manager).post(to("person_act", desk.agent.pk, "leave")).status_code == 403


def test_a_locked_account_is_opened_with_a_new_password(desk, door):
    for _n in range(signin.LOCK_AFTER):
        signin.failed(desk.agent, timezone.now())
    client = door(desk.admin)
    assert "已锁定" in client.get(to("person", desk.agent.pk)).content.decode()
    assert client.post(to("person_act", desk.agent.pk, "password"), {"password": "kurz"}).status_code == 422
    assert client.post(to("person_act", desk.agent.pk, "password"), {"password": "Ein-Neues-2026"}).status_code == 302
    desk.agent.refresh_from_db()
    assert desk.agent.locked_until is None and desk.agent.must_change_password


# ── roles ──


def test_a_role_is_made_and_changed_with_its_reach(desk, door):
    client = door(desk.admin)
    given = {
        "code": "auditor", "title": SCRIPT, "scope": "custom", "permissions": ["case.see", "insight.see"],
        "units": [desk.units["kf"].pk, desk.units["zl"].pk], "sensitive": "1",
    }  # fmt: skip
    assert client.post(to("role_new"), given).status_code == 302
    made = Role.objects.get(code="auditor")
    assert made.custom_units.count() == 2 and made.sensitive
    assert SCRIPT not in client.get(to("roles")).content.decode()
    assert client.post(to("role_new"), given).status_code == 422  # such a role is there already
    nobody = client.post(to("role", "auditor"), {**given, "units": []})
    assert nobody.status_code == 422 and "至少一个部门" in nobody.content.decode()
    mixed = client.post(to("role", "auditor"), {**given, "permissions": ["case.reply", "people.manage"]})
    assert mixed.status_code == 422 and "职责分离" in mixed.content.decode()
    assert client.post(to("role", "auditor"), {**given, "permissions": ["case.fly"]}).status_code == 422
    assert client.post(to("role", "admin"), {**given, "title": "我"}).status_code == 403  # one's own
    assert client.get(to("role", "nobody")).status_code == 404
    page = door(desk.agent).get(to("role", "auditor")).content.decode()
    assert "需要「管理组织、人员与角色」权限" in page
    assert door(desk.agent).post(to("role", "auditor"), given).status_code == 403


# ── deputies ──


def test_everybody_arranges_their_own_absence(desk, door):
    client = door(desk.agent)
    given = {"deputy": desk.other_agent.pk, "since": local(hours=-1), "until": local(days=5), "reason": SCRIPT}
    assert client.post(to("absence"), given).status_code == 302
    made = Deputy.objects.get()
    assert (made.absent, made.deputy) == (desk.agent, desk.other_agent)
    page = client.get(to("absence")).content.decode()
    assert "代理中" in page and SCRIPT not in page
    for wrong in ({"until": local(days=-2)}, {"deputy": desk.agent.pk}, {"deputy": ""}, {"until": ""}):
        assert client.post(to("absence"), {**given, **wrong}).status_code == 422, wrong
    foreign = client.post(to("absence"), {**given, "absent": desk.cashier.pk})
    assert foreign.status_code == 403 and "可以安排代理" in foreign.content.decode()
    assert door(desk.cashier).post(to("absence_end", made.pk)).status_code == 403
    assert door(desk.other_agent).post(to("absence_end", made.pk)).status_code == 302
    assert door(desk.agent).post(to("absence_end", made.pk)).status_code == 409


def test_a_superior_arranges_it_for_theirs(desk, door):
    page = door(desk.supervisor).get(to("absence")).content.decode()
    assert f'<option value="{desk.agent.pk}">张敏</option>' in page and 'name="absent"' in page
    given = {"absent": desk.agent.pk, "deputy": desk.senior.pk, "since": local(), "until": local(days=1)}
    assert door(desk.supervisor).post(to("absence"), given).status_code == 302
    assert 'name="absent"' not in door(desk.agent).get(to("absence")).content.decode()


# ── tokens ──


def test_a_secret_is_shown_once_and_works_until_it_is_revoked(desk, door):
    client = door(desk.agent)
    given = {"name": SCRIPT, "scopes": ["read"], "expires_at": local(days=30)}
    answer = client.post(to("tokens"), given)
    page = answer.content.decode()
    assert answer["Cache-Control"] == "no-store" and SCRIPT not in page
    secret = re.search(r"<code>(wg_[^<]+)</code>", page)[1]
    person, token = tokens.authenticate(secret, timezone.now())
    assert person == desk.agent and not person.may("case.reply")
    assert secret not in client.get(to("tokens")).content.decode()
    assert door(desk.cashier).post(to("token_revoke", token.pk)).status_code == 404
    assert door(desk.agent).post(to("token_revoke", token.pk)).status_code == 302
    assert tokens.authenticate(secret, timezone.now()) is None
    assert door(desk.agent).post(to("token_revoke", token.pk)).status_code == 409


def test_tokens_for_others_take_the_permission(desk, door):
    given = {"name": "官网", "scopes": ["write"], "person": desk.cashier.pk}
    assert door(desk.agent).post(to("tokens"), given).status_code == 403
    assert door(desk.admin).post(to("tokens"), given).status_code == 200
    assert ApiToken.objects.get().person == desk.cashier
    for wrong in ({"name": ""}, {"scopes": []}, {"scopes": ["fly"]}, {"expires_at": local(days=-1)}):
        assert door(desk.admin).post(to("tokens"), {**given, **wrong}).status_code == 422, wrong


# ── cost ──


def test_the_lists_cost_few_queries(desk, door, django_assert_max_num_queries):
    client = door(desk.admin)
    for name in ("people", "units", "roles", "tokens", "absence", "health"):
        client.get(to(name))
        with django_assert_max_num_queries(20):
            client.get(to(name))
