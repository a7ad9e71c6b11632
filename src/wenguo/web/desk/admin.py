"""Administration: units, roles, API tokens, and how the installation stands. Staff: people.py. Source: SY-1, SY-4."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.errors import NotFound, Refusal
from wenguo.insight.condition import condition
from wenguo.people import tokens as api_tokens
from wenguo.people import units as tree
from wenguo.people.permissions import PERMISSIONS, grouped
from wenguo.people.roles import Role, set_role
from wenguo.people.staff import Person, Post
from wenguo.people.tokens import ApiToken
from wenguo.people.units import Unit
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import again, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

# The parts of the administration: (key, words, address, permission that opens it; "" for everybody).
PARTS = (
    ("people", _lazy("人员"), "desk:people", "people.see"),
    ("units", _lazy("机构"), "desk:units", "people.see"),
    ("roles", _lazy("角色"), "desk:roles", "people.see"),
    ("absence", _lazy("代理"), "desk:absence", ""),
    ("tokens", _lazy("接口令牌"), "desk:tokens", ""),
    ("jobs", _lazy("任务"), "desk:jobs", "jobs.repair"),
    ("audit", _lazy("审计日志"), "desk:audit", "journal.see"),
    ("models", _lazy("分类模型"), "desk:models", "model.manage"),
    ("health", _lazy("系统状态"), "desk:health", "system.health"),
)


def admin_page(
    request: StaffRequest, template: str, part: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of the administration, with those of its parts this person may open."""
    tabs = [(key, words, url(to)) for key, words, to, needed in PARTS if not needed or may(request.user, needed)]
    return page(request, template, {**context, "tabs": tabs, "part": part}, here="admin", status=status)


def admin_again(
    request: StaffRequest, refusal: Refusal, template: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """The form again, with what was typed and what was wrong."""
    tabs = [(key, words, url(to)) for key, words, to, needed in PARTS if not needed or may(request.user, needed)]
    return again(request, refusal, template, {**context, "tabs": tabs, "part": part}, here="admin")


@desk
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    """The first part this person may open; for most that is who works where."""
    order = ("health", "people", "audit", "jobs", "absence")
    needs = {key: (to, needed) for key, _words, to, needed in PARTS}
    for key in order:
        to, needed = needs[key]
        if not needed or may(request.user, needed):
            return go(request, url(to))
    raise AssertionError("absence is open to everybody")


# ── units ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="people.see")
@require_GET
def units(request: StaffRequest) -> HttpResponse:
    at = timezone.now()
    staff = dict(Post.objects.active(at).values_list("unit").annotate(n=Count("person", distinct=True)))
    rows = [
        {"unit": u, "depth": min(5, len(u.ancestry) - 1), "staff": staff.get(u.pk, 0)}
        for u in Unit.objects.order_by("path")
    ]
    context = {"rows": rows, "functions": functions(), "may_manage": may(request.user, "people.manage")}
    return admin_page(request, "desk/admin/units.html", "units", context)


def functions() -> dict[str, str]:
    return {f.code: told(f.title) for f in in_force(timezone.now()).pack.functions}


def find_unit(pk: int) -> Unit:
    found = Unit.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这个机构"))
    return found


def choices_of_units() -> list[tuple[int, str]]:
    """The tree for a select, each level indented."""
    rows = Unit.objects.working().order_by("path").values_list("pk", "title", "path")
    return [(pk, "　" * (path.count("/") - 2) + title) for pk, title, path in rows]


def _unit_context(found: Unit | None) -> dict[str, Any]:
    pack = in_force(timezone.now()).pack
    return {
        "found": found, "head": _only_head(), "kinds": Unit.Kind.choices, "budget_spans": Unit.Every.choices,
        "functions": list(functions().items()),
        "calendars": [(c.code, told(c.title)) for c in pack.calendars], "parents": choices_of_units(),
    }  # fmt: skip


def _only_head() -> int | str:
    """Under which unit a new one most likely belongs: the one that has none above it."""
    heads = list(Unit.objects.working().filter(parent=None).values_list("pk", flat=True)[:2])
    return heads[0] if len(heads) == 1 else ""


def _unit_details(given: Given) -> dict[str, Any]:
    details: dict[str, Any] = {
        "code": given.text("code", _("机构码"), most=32),
        "title": given.text("title", _("名称"), most=120),
        "kind": given.choice("kind", _("类型"), set(Unit.Kind.values)),
        "function": given.choice("function", _("职能"), set(functions()), optional=True),
        "region": given.text("region", _("地区"), most=60, optional=True),
        "calendar": given.text("calendar", _("工作日历"), most=32),
        "phone": given.text("phone", _("电话"), most=40, optional=True),
        "budget_fen": given.fen("budget_fen", _("补偿预算")),
        "budget_every": given.choice("budget_every", _("预算周期"), set(Unit.Every.values), optional=True) or "month",
    }
    parent = given.raw("parent")
    details["parent"] = Unit.objects.filter(pk=int(parent)).first() if parent.isdecimal() and len(parent) < 18 else None
    if parent and details["parent"] is None:
        given.refuse("parent", _("请选择上级"))
    given.check()
    return details


@desk(permission="people.manage")
@require_http_methods(["GET", "POST"])
def unit_new(request: StaffRequest) -> HttpResponse:
    context = _unit_context(None)
    if request.method == "GET":
        return admin_page(request, "desk/admin/unit.html", "units", context)
    given = Given(request.POST)
    try:
        details = _unit_details(given)
        code, title, kind = details.pop("code"), details.pop("title"), details.pop("kind")
        tree.found(code, title, kind, by=request.user, at=timezone.now(), **details)
    except Refusal as refusal:
        return admin_again(request, refusal, "desk/admin/unit.html", "units", context)
    return go(request, url("desk:units"), _("已设立「{unit}」").format(unit=title))


@desk(permission="people.manage")
@require_http_methods(["GET", "POST"])
def unit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change a unit, close it, or open it again."""
    found = find_unit(pk)
    context = _unit_context(found)
    if request.method == "GET":
        return admin_page(request, "desk/admin/unit.html", "units", context)
    given = Given(request.POST)
    try:
        if given.raw("step") in {"close", "open"}:
            tree.change(found, by=request.user, at=timezone.now(), active=given.raw("step") == "open")
        else:
            tree.change(found, by=request.user, at=timezone.now(), **_unit_details(given))
    except Refusal as refusal:
        return admin_again(request, refusal, "desk/admin/unit.html", "units", context)
    return go(request, url("desk:units"), _("已保存「{unit}」").format(unit=found.title))


# ── roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="people.see")
@require_GET
def roles(request: StaffRequest) -> HttpResponse:
    at = timezone.now()
    held = Q(posts__until=None) | Q(posts__until__gt=at)
    rows = Role.objects.annotate(holders=Count("posts__person", filter=held, distinct=True)).order_by("pk")
    context = {"rows": list(rows), "may_manage": may(request.user, "people.manage")}
    return admin_page(request, "desk/admin/roles.html", "roles", context)


def _role_context(found: Role | None) -> dict[str, Any]:
    return {
        "found": found, "groups": grouped(), "scopes": Role.Scope.choices, "units": choices_of_units(),
        "chosen_units": {str(pk) for pk in found.custom_units.values_list("pk", flat=True)} if found else set(),
        "permissions": set(found.permissions) if found else set(),
    }  # fmt: skip


@desk(permission="people.see")
@require_http_methods(["GET", "POST"])
def role(request: StaffRequest, code: str) -> HttpResponse:
    """What a role may do and about whose work. To look at for all who see people; to change by who manages them."""
    found = Role.objects.filter(code=code).first()
    if found is None:
        raise NotFound(_("没有这个角色"))
    return _role(request, found)


@desk(permission="people.manage")
@require_http_methods(["GET", "POST"])
def role_new(request: StaffRequest) -> HttpResponse:
    return _role(request, None)


def _role(request: StaffRequest, found: Role | None) -> HttpResponse:
    manage = may(request.user, "people.manage")
    context = {**_role_context(found), "may_manage": manage}
    if request.method == "GET":
        return admin_page(request, "desk/admin/role.html", "roles", context)
    given = Given(request.POST)
    try:
        code = found.code if found else given.text("code", _("代码"), most=40)
        if found is None and Role.objects.filter(code=code).exists():
            given.refuse("code", _("已有代码为「{code}」的角色").format(code=code))
        title = given.text("title", _("名称"), most=60)
        scope = given.choice("scope", _("数据权限"), set(Role.Scope.values))
        chosen = given.choices("permissions", _("权限"), set(PERMISSIONS))
        ids = [pk for pk in given.data.getlist("units") if pk.isdecimal() and len(pk) < 18]
        given.check()
        set_role(
            code, title=title, permissions=chosen, scope=scope, custom_units=Unit.objects.filter(pk__in=ids),
            sensitive=given.ticked("sensitive"), by=request.user, at=timezone.now(),
        )  # fmt: skip
    except Refusal as refusal:
        return admin_again(request, refusal, "desk/admin/role.html", "roles", context)
    return go(request, url("desk:roles"), _("已保存角色「{role}」").format(role=title))


# ── API tokens ────────────────────────────────────────────────────────────────────────────────────────────────────


def _token_context(person: Person) -> dict[str, Any]:
    everybody = may(person, "token.manage")
    rows = ApiToken.objects.select_related("person", "created_by")
    working = Person.objects.working()
    return {
        "rows": list((rows if everybody else rows.filter(person=person))[:300]), "everybody": everybody,
        "people": list(working.order_by("pinyin", "pk").values_list("pk", "name")) if everybody else [],
        "scopes": [("read", _("只读")), ("write", _("读写（本人可做的一切）"))],
        "permissions": [(title, [(p.code, p.title) for p in group]) for title, group in grouped()],
    }  # fmt: skip


@desk
@require_http_methods(["GET", "POST"])
def tokens(request: StaffRequest) -> HttpResponse:
    """One's own tokens; with token.manage everybody's. The secret of a new one is on the answer, and nowhere else."""
    if request.method == "GET":
        return admin_page(request, "desk/admin/tokens.html", "tokens", _token_context(request.user))
    given, at = Given(request.POST), timezone.now()
    try:
        who = given.raw("person") or str(request.user.pk)
        person = Person.objects.working().filter(pk=int(who)).first() if who.isdecimal() and len(who) < 18 else None
        if person is None:
            given.refuse("person", _("请选择人员"))
        name = given.text("name", _("用途"), most=80)
        scopes = given.choices("scopes", _("范围"), {"read", "write", *PERMISSIONS})
        until = given.moment("expires_at", _("有效期至"))
        given.check()
        assert person is not None
        secret = api_tokens.issue(person, name, scopes, until, by=request.user, at=at)
    except Refusal as refusal:
        context = _token_context(request.user)
        return admin_again(request, refusal, "desk/admin/tokens.html", "tokens", context)
    context = {**_token_context(request.user), "secret": secret, "secret_of": name}
    answer = admin_page(request, "desk/admin/tokens.html", "tokens", context)
    answer["Cache-Control"] = "no-store"
    return answer


@desk
@require_POST
def token_revoke(request: StaffRequest, pk: int) -> HttpResponse:
    rows = ApiToken.objects.select_related("person")
    seen = rows if may(request.user, "token.manage") else rows.filter(person=request.user)
    found = seen.filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这个令牌"))
    api_tokens.revoke(found, by=request.user, at=timezone.now())
    return go(request, url("desk:tokens"), _("已撤销，立即失效"))


# ── how the installation stands ───────────────────────────────────────────────────────────────────────────────────


@desk(permission="system.health")
@require_GET
def health(request: StaffRequest) -> HttpResponse:
    at = timezone.now()
    facts = condition(at)
    mail = {
        "host": settings.EMAIL_HOST, "port": settings.EMAIL_PORT, "sender": settings.DEFAULT_FROM_EMAIL,
        "tls": settings.EMAIL_USE_TLS, "ssl": settings.EMAIL_USE_SSL, "user": bool(settings.EMAIL_HOST_USER),
    }  # fmt: skip
    worst = max(f.bad for f in facts)
    return admin_page(
        request, "desk/admin/health.html", "health", {"facts": facts, "mail": mail, "worst": worst, "at": at}
    )
