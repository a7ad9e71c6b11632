"""Staff: hiring, posts, leaving, passwords; and who stands in for whom, which everybody arranges for themselves.

Source: SY-1, FIELD 8.3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.cases.handover import owner_left
from wenguo.errors import NotFound, Refusal
from wenguo.people import deputies, staff
from wenguo.people.deputies import Deputy
from wenguo.people.roles import Role
from wenguo.people.staff import Person, Post
from wenguo.people.units import Unit, superiors
from wenguo.spoken import counted
from wenguo.web.desk.admin import admin_again, admin_page, choices_of_units
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import by_htmx, desk, go, may
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import keyset


@desk(permission="people.see")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    """Everybody, by name, pinyin or user name; of a unit; those who have left when asked for."""
    at, given = timezone.now(), Given(request.GET)
    q, unit, left = given.raw("q")[:60], given.raw("unit"), given.ticked("left")
    rows = Person.objects.filter(is_active=not left).search(q)
    if (found := _row(Unit.objects, unit)) is not None:
        rows = rows.filter(pk__in=Post.objects.active(at).filter(unit__path__startswith=found.path).values("person"))
    posts = Post.objects.active(at).select_related("unit", "role")
    rows = rows.prefetch_related(Prefetch("posts", posts, to_attr="present"))
    part = keyset(rows, "pinyin", "pk", after=given.raw("after"))
    asked = {k: v for k in ("q", "unit", "left") if (v := given.raw(k))}
    context = {
        "slice": part, "rows": part.rows, "q": q, "unit": unit, "left": left, "asked": asked, "at": at,
        "units": choices_of_units(), "may_manage": may(request.user, "people.manage"),
    }  # fmt: skip
    if by_htmx(request) and given.raw("after"):
        return render(request, "desk/admin/_people_rows.html", context)
    return admin_page(request, "desk/admin/people.html", "people", context)


def find(pk: int) -> Person:
    found = Person.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这位人员"))
    return found


def _person(written: str) -> Person | None:
    found: Person | None = _row(Person.objects.working(), written)
    return found


def _row(rows: Any, written: str) -> Any:
    """The row a form names by its id, or None."""
    return rows.filter(pk=int(written)).first() if written.isdecimal() and len(written) < 18 else None


def _context(found: Person, request: StaffRequest) -> dict[str, Any]:
    at = timezone.now()
    posts = list(found.posts.select_related("unit", "role").order_by("until", "-primary", "pk"))
    away = Deputy.objects.filter(Q(absent=found) | Q(deputy=found), until__gt=at).select_related("absent", "deputy")
    return {
        "found": found, "posts": [p for p in posts if p.active(at) or p.since > at],
        "past": [p for p in posts if not p.active(at) and p.since <= at], "deputies": list(away),
        "units": choices_of_units(), "roles": list(Role.objects.values_list("pk", "title")),
        "locked": found.locked_until is not None and found.locked_until > at, "at": at,
        "may_manage": may(request.user, "people.manage"), "myself": found == request.user,
        "languages_offered": [("zh-hans", "中文"), ("en", "English")],
    }  # fmt: skip


@desk(permission="people.see")
@require_GET
def person(request: StaffRequest, pk: int) -> HttpResponse:
    return admin_page(request, "desk/admin/person.html", "people", _context(find(pk), request))


@desk(permission="people.manage")
@require_http_methods(["GET", "POST"])
def hire(request: StaffRequest) -> HttpResponse:
    """A new account, with its first post when one is chosen."""
    context: dict[str, Any] = {"units": choices_of_units(), "roles": list(Role.objects.values_list("pk", "title"))}
    if request.method == "GET":
        return admin_page(request, "desk/admin/hire.html", "people", context)
    given, at = Given(request.POST), timezone.now()
    try:
        fields = _fields(given)
        username = given.text("username", _("用户名"), most=64)
        password = str(request.POST.get("password", "")) or None
        unit, role = _unit(given), _role(given)
        if (unit is None) != (role is None):
            given.refuse("role", _("任职须同时选择部门和角色"))
        given.check()
        made = staff.hire(
            username, fields["name"], by=request.user, at=at, password=password, phone=fields["phone"],
            email=fields["email"],
        )  # fmt: skip
        if unit is not None and role is not None:
            staff.give_post(made, unit, role, by=request.user, at=at)
    except Refusal as refusal:
        return admin_again(request, refusal, "desk/admin/hire.html", "people", context)
    return go(request, url("desk:person", made.pk), _("已建立账号；首次登录须修改密码"))


def _fields(given: Given) -> dict[str, str]:
    return {
        "name": given.text("name", _("姓名"), most=60),
        "phone": given.text("phone", _("电话"), most=40, optional=True),
        "email": given.text("email", _("邮箱"), most=254, optional=True),
    }


def _unit(given: Given) -> Unit | None:
    found: Unit | None = _row(Unit.objects.working(), given.raw("unit"))
    return found


def _role(given: Given) -> Role | None:
    found: Role | None = _row(Role.objects, given.raw("role"))
    return found


@desk(permission="people.manage")
@require_POST
def act(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    """One of the acts on a member of staff; refused, the page again with what was wrong."""
    found, given, at = find(pk), Given(request.POST), timezone.now()
    if name not in ACTS:
        raise NotFound(_("没有这项操作"))
    try:
        said = ACTS[name](found, given, request, at)
    except Refusal as refusal:
        if by_htmx(request):
            raise
        return admin_again(request, refusal, "desk/admin/person.html", "people", _context(find(pk), request))
    return go(request, url("desk:person", pk), said)


def _details(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    fields = _fields(given)
    language = given.choice("language", _("界面语言"), {"zh-hans", "en"})
    given.check()
    staff.change_details(found, by=request.user, at=at, language=language, **fields)
    return _("已保存")


def _post(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    unit, role = _unit(given), _role(given)
    if unit is None:
        given.refuse("unit", _("请选择部门"))
    if role is None:
        given.refuse("role", _("请选择角色"))
    given.check()
    assert unit is not None and role is not None
    staff.give_post(found, unit, role, by=request.user, at=at, primary=True if given.ticked("primary") else None)
    return _("已任职：{unit} {role}").format(unit=unit.title, role=role.title)


def _of(found: Person, given: Given) -> Post:
    post: Post | None = _row(found.posts.select_related("unit", "role", "person"), given.raw("post"))
    if post is None:
        raise NotFound(_("没有这项任职"))
    return post


def _end(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    staff.end_post(_of(found, given), by=request.user, at=at)
    return _("任职已结束")


def _change(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    post = _of(found, given)
    staff.change_post(post, by=request.user, at=at, unit=_unit(given), role=_role(given))
    return _("已调整任职")


def _leave(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    reason = given.text("reason", _("原因"), optional=True)
    given.check()
    with transaction.atomic():
        staff.leave(found, by=request.user, at=at, reason=reason)
        n = owner_left(found, at=at)
    if n:
        return counted("账号已停用；手上 {n} 件在办，已请主管改派", n)
    return _("账号已停用；经手的记录保留")


def _back(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    staff.come_back(found, by=request.user, at=at)
    return _("账号已恢复，请重新任职")


def _password(found: Person, given: Given, request: StaffRequest, at: datetime) -> str:
    staff.set_password(found, str(request.POST.get("password", "")), by=request.user, at=at)
    return _("密码已设置并解除锁定；下次登录须修改")


ACTS = {
    "details": _details, "post": _post, "end-post": _end, "change-post": _change, "leave": _leave, "back": _back,
    "password": _password,
}  # fmt: skip


# ── deputies ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _absence_context(request: StaffRequest) -> dict[str, Any]:
    """Deputyships that concern this person; for who manages people, everybody's. `absentees`: for whom they may."""
    person, at = request.user, timezone.now()
    everybody = may(person, "people.manage")
    rows = Deputy.objects.select_related("absent", "deputy", "set_by").order_by("-until", "-pk")
    if not everybody:
        rows = rows.filter(Q(absent=person) | Q(deputy=person) | Q(set_by=person))
    colleagues = list(Person.objects.working().order_by("pinyin", "pk").values_list("pk", "name"))
    return {
        "rows": list(rows[:200]), "everybody": everybody, "at": at, "colleagues": colleagues,
        "absentees": colleagues if everybody else [(person.pk, person.name), *_reports(person, at)],
        "soon": timezone.localtime(at).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip


def _reports(person: Person, at: datetime) -> list[tuple[int, str]]:
    """Those whose superior this person is: at work in the units of their posts and below. A few queries."""
    own = [post.unit for post in person.posts_at(at) if person in superiors(post.unit, at=at)]
    below = Q(pk__in=[])
    for unit in own:
        below |= Q(unit__path__startswith=unit.path)
    posts = Post.objects.active(at).filter(below).exclude(person=person)
    found = Person.objects.working().filter(pk__in=posts.values("person"))
    return list(found.order_by("pinyin", "pk").values_list("pk", "name"))


@desk
@require_http_methods(["GET", "POST"])
def absence(request: StaffRequest) -> HttpResponse:
    """Who stands in while somebody is away. Everybody for themselves, superiors for theirs, managers for all."""
    if request.method == "GET":
        return admin_page(request, "desk/admin/absence.html", "absence", _absence_context(request))
    given, at = Given(request.POST), timezone.now()
    try:
        absent = _person(given.raw("absent") or str(request.user.pk))
        deputy = _person(given.raw("deputy"))
        since, until = given.moment("since", _("开始时间")), given.moment("until", _("结束时间"))
        reason = given.text("reason", _("原因"), optional=True)
        for field, value, words in (
            ("absent", absent, _("请选择不在岗的人员")), ("deputy", deputy, _("请选择代理人")),
            ("since", since, _("请填写开始时间")), ("until", until, _("请填写结束时间")),
        ):  # fmt: skip
            if value is None:
                given.refuse(field, words)
        given.check()
        assert absent and deputy and since and until
        deputies.appoint(absent, deputy, since, until, by=request.user, at=at, reason=reason)
    except Refusal as refusal:
        context = _absence_context(request)
        return admin_again(request, refusal, "desk/admin/absence.html", "absence", context)
    said = _("{deputy}将代理{absent}").format(deputy=deputy.name, absent=absent.name)
    return go(request, url("desk:absence"), said)


@desk
@require_POST
def absence_end(request: StaffRequest, pk: int) -> HttpResponse:
    found = Deputy.objects.select_related("absent", "deputy").filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这项代理"))
    deputies.end(found, by=request.user, at=timezone.now())
    return go(request, url("desk:absence"), _("代理已结束"))
