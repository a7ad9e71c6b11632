"""Customers: who complains, under which identities, with which orders and cases. Source: IN-4.

Personal fields are masked here as everywhere; one is shown in full by `reveal`, with a reason that is written down.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.cases.attention import groups_of, known_of
from wenguo.cases.case import Case
from wenguo.customers import customer as customers
from wenguo.customers import merge as merging
from wenguo.customers import privacy
from wenguo.customers.customer import VULNERABLE, Customer, Identity, family_ids
from wenguo.customers.duplicates import suggestions
from wenguo.customers.merge import Merge
from wenguo.customers.search import search
from wenguo.errors import Invalid, NotFound, Refusal
from wenguo.policy.versions import in_force
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.desk.listing import COLUMNS, dressed
from wenguo.web.doors import again, by_htmx, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import keyset

FIELDS = {
    "name": _lazy("姓名/名称"), "contact_name": _lazy("企业联系人"), "address": _lazy("地址"),
    "member_no": _lazy("会员号"), "note": _lazy("备注"), "vip_note": _lazy("VIP 说明"),
}  # fmt: skip
MOST_CASES = 50
ACTS = ("edit", "reveal", "merge", "export", "erase")
ERASE_WORD = "删除"


# ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="customer.see")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    """Search; without a word, the customers that came last."""
    q = Given(request.GET).raw("q")[:200]
    after = request.GET.get("after", "")
    if q:
        found, cursor = search(q, limit=50), ""
    else:
        part = keyset(Customer.objects.living(), "-pk", after=after)
        found, cursor = list(part.rows), part.after
    context = {"rows": rows_of(found, request.user), "q": q, "after": cursor, "more": f"?after={cursor}"}
    if by_htmx(request) and after:
        return render(request, "desk/customers/_rows.html", {**context, "at": timezone.now()})
    return page(request, "desk/customers/list.html", context, here="customers")


def rows_of(found: Sequence[Customer], person: Any) -> list[dict[str, Any]]:
    """Customers as a list shows them, masked; how many visible cases each has. Two queries."""
    at = timezone.now()
    ids = [c.pk for c in found]
    known: dict[int, list[Identity]] = {}
    for identity in Identity.objects.filter(customer__in=ids):
        known.setdefault(identity.customer_id, []).append(identity)
    seen = Case.objects.visible_to(person, at).filter(customer__in=ids).order_by()
    cases = dict(seen.values_list("customer").annotate(n=Count("pk"))) if may(person, "case.see") else {}
    rows = []
    for row in found:
        row._prefetched_objects_cache = {"identities": known.get(row.pk, [])}  # type: ignore[attr-defined]
        rows.append({"card": privacy.masked(row, person, at), "cases": cases.get(row.pk, 0)})
    return rows


def find(pk: int) -> Customer:
    """NotFound: no such customer. A merged record is found as itself; its page leads on."""
    found = Customer.objects.select_related("merged_into").filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有找到这位客户"))
    return found


# ── one customer ──────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="customer.see")
@require_GET
def customer(request: StaffRequest, pk: int) -> HttpResponse:
    found = find(pk)
    if found.merged_into is not None:
        return go(request, url("desk:customer", found.current.pk), _("该档案已合并，这是合并后的档案"))
    return customer_page(request, found)


def customer_page(request: StaffRequest, found: Customer, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page. `more` may hold `revealed` ({field: words}), `refusal` and `typed`. A fixed number of queries."""
    at, person = timezone.now(), request.user
    family = family_ids(found)
    rules = in_force(at).pack.attention
    seen = Case.objects.visible_to(person, at).filter(customer__in=family).order_by("-received_at", "-pk")
    part = list(seen.values(*COLUMNS)[: MOST_CASES + 1])
    may_merge = may(person, "customer.merge")
    alike = [
        {"card": privacy.masked(s.customer, person, at), "reasons": s.reasons, "weight": s.weight}
        for s in (suggestions(found) if may_merge else [])
    ]
    context = {
        "found": found, "card": privacy.masked(found, person, at), "fields": FIELDS,
        "rows": dressed(part[:MOST_CASES], person, at, in_force(at).pack), "many": len(part) > MOST_CASES,
        "orders": found.orders.all()[:100], "alike": alike,
        "merges": Merge.objects.filter(into=found, undone_at=None).select_related("source", "by"),
        "groups": groups_of(known_of(family, rules, at), rules), "fair": rules.fair,
        "kinds": Identity.Kind.choices, "can": {p: may(person, f"customer.{p}") for p in ACTS},
        "vulnerable": vulnerable_words(found.vulnerable), "revealed": {}, **more,
    }  # fmt: skip
    return page(request, "desk/customers/customer.html", context, here="customers", status=status)


def vulnerable_words(codes: Sequence[str]) -> list[str]:
    return [str(VULNERABLE.get(code, code)) for code in codes]


@desk(permission="customer.see")
@require_POST
def reveal(request: StaffRequest, pk: int) -> HttpResponse:
    """One field in full, on this answer only; the reason is in the journal."""
    found, given = find(pk), Given(request.POST)
    field = given.raw("field")
    try:
        value = privacy.reveal(found, field, by=request.user, at=timezone.now(), reason=given.raw("reason"))
    except Invalid as refusal:
        if by_htmx(request):
            raise
        return customer_page(request, found, status=refusal.status, refusal=refusal, typed=request.POST)
    if by_htmx(request):
        return render(request, "desk/customers/_revealed.html", {"value": value})
    return customer_page(request, found, revealed={field: value})


# ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _details(given: Given) -> dict[str, Any]:
    details: dict[str, Any] = {
        "kind": given.choice("kind", _("类型"), set(Customer.Kind.values)),
        "name": given.text("name", _("姓名/名称"), most=120),
        "tier": given.choice("tier", _("等级"), set(Customer.Tier.values)),
        "vip": given.ticked("vip"),
        "vulnerable": given.choices("vulnerable", _("特殊群体"), VULNERABLE),
    }
    for field, most in (
        ("vip_note", 200), ("contact_name", 60), ("member_no", 64), ("region", 60), ("city", 60), ("address", 300),
        ("note", 5000),
    ):  # fmt: skip
        details[field] = given.text(field, str(FIELDS.get(field, field)), most=most, optional=True)
    given.check()
    return details


def _edit_context(found: Customer | None) -> dict[str, Any]:
    return {
        "found": found, "kinds": Customer.Kind.choices, "tiers": Customer.Tier.choices,
        "groups": list(VULNERABLE.items()),
    }  # fmt: skip


@desk(permission="customer.edit")
@require_http_methods(["GET", "POST"])
def new(request: StaffRequest) -> HttpResponse:
    context = _edit_context(None)
    if request.method == "GET":
        return page(request, "desk/customers/edit.html", context, here="customers")
    given, at = Given(request.POST), timezone.now()
    try:
        made = customers.create(by=request.user, at=at, **_details(given))
    except Invalid as refusal:
        return again(request, refusal, "desk/customers/edit.html", context, here="customers")
    return go(request, url("desk:customer", made.pk), _("已建立客户档案"))


@desk(permission="customer.edit")
@require_http_methods(["GET", "POST"])
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Who edits sees what they edit: opening the form of a masked customer asks for a reason first."""
    found, at = find(pk), timezone.now()
    context = _edit_context(found)
    given = Given(request.POST)
    hidden = privacy.masked(found, request.user, at).revealable
    if request.method == "GET" or given.raw("step") == "open":
        if hidden and request.method == "GET":
            return page(request, "desk/customers/edit_reason.html", context, here="customers")
        for field in hidden:
            privacy.reveal(found, field, by=request.user, at=at, reason=given.raw("reason"))
        return page(request, "desk/customers/edit.html", context, here="customers")
    try:
        changed = customers.change(found, by=request.user, at=at, **_details(given))
    except Invalid as refusal:
        return again(request, refusal, "desk/customers/edit.html", context, here="customers")
    return go(request, url("desk:customer", pk), _("已保存") if changed else _("没有改动"))


def _acted(request: StaffRequest, found: Customer, said: str) -> HttpResponse:
    return go(request, url("desk:customer", found.pk), said)


def _refused(request: StaffRequest, found: Customer, refusal: Refusal) -> HttpResponse:
    """A form of the page that was refused: the page again with what was typed; for htmx a notice."""
    if by_htmx(request):
        raise refusal
    return customer_page(request, found, status=refusal.status, refusal=refusal, typed=request.POST)


@desk(permission="customer.edit")
@require_POST
def add_identity(request: StaffRequest, pk: int) -> HttpResponse:
    found, given = find(pk), Given(request.POST)
    try:
        kind = given.choice("kind", _("类型"), set(Identity.Kind.values))
        shown = given.text("shown", _("内容"))
        given.check()
        customers.add_identity(
            found, kind, shown, by=request.user, at=timezone.now(), verified=given.ticked("verified")
        )
    except Refusal as refusal:
        return _refused(request, found, refusal)
    return _acted(request, found, _("已添加联系方式"))


@desk(permission="customer.edit")
@require_POST
def retire_identity(request: StaffRequest, pk: int, identity: int) -> HttpResponse:
    found = find(pk)
    row = found.identities.filter(pk=identity).first()
    if row is None:
        raise NotFound(_("没有这项联系方式"))
    reason = Given(request.POST).text("reason", _("原因"), optional=True)
    customers.retire_identity(row, by=request.user, at=timezone.now(), reason=reason)
    return _acted(request, found, _("已停用联系方式"))


@desk(permission="customer.edit")
@require_POST
def add_order(request: StaffRequest, pk: int) -> HttpResponse:
    found, given = find(pk), Given(request.POST)
    try:
        number = given.text("number", _("订单号"), most=64)
        facts = {
            field: given.text(field, label, most=most, optional=True)
            for field, label, most in (
                ("product", _("产品"), 120), ("model", _("型号"), 80), ("batch", _("批次"), 80),
                ("place", _("购买地点"), 120), ("channel", _("购买渠道"), 40),
            )
        }  # fmt: skip
        amount, bought = given.fen("amount", _("金额")), given.day("bought_on", _("购买日期"))
        given.check()
        at = timezone.now()
        customers.add_order(found, number, by=request.user, at=at, amount_fen=amount, bought_on=bought, **facts)
    except Refusal as refusal:
        return _refused(request, found, refusal)
    return _acted(request, found, _("已登记订单"))


# ── merging ───────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="customer.merge")
@require_http_methods(["GET", "POST"])
def merge(request: StaffRequest, pk: int, other: int) -> HttpResponse:
    """Two records side by side, which one stays, and why they are one customer."""
    found, second, at = find(pk), find(other), timezone.now()
    cards = rows_of([found, second], request.user)
    why = next((s.reasons for s in suggestions(found) if s.customer.pk == other), [])
    context = {"found": found, "other": second, "cards": cards, "reasons": why}
    if request.method == "GET":
        return page(request, "desk/customers/merge.html", context, here="customers")
    given = Given(request.POST)
    try:
        keep = given.choice("keep", _("保留的档案"), {str(found.pk), str(second.pk)})
        given.check()
        into, source = (found, second) if keep == str(found.pk) else (second, found)
        merging.merge(source, into, by=request.user, at=at, reason=given.raw("reason"))
    except Invalid as refusal:
        return again(request, refusal, "desk/customers/merge.html", context, here="customers")
    return go(request, url("desk:customer", into.pk), _("已合并，可在本页撤销"))


@desk(permission="customer.merge")
@require_POST
def merge_with(request: StaffRequest, pk: int) -> HttpResponse:
    """From the number of another record to the page that compares both."""
    found, given = find(pk), Given(request.POST)
    try:
        number = given.whole("other", _("客户编号"), least=1)
        if number is None:
            given.refuse("other", _("请填写客户编号"))
        given.check()
        other = find(number or 0)
    except Refusal as refusal:
        return _refused(request, found, refusal)
    return go(request, url("desk:customer_merge", found.pk, other.current.pk))


@desk(permission="customer.merge")
@require_POST
def unmerge(request: StaffRequest, pk: int) -> HttpResponse:
    row = Merge.objects.select_related("source", "into").filter(pk=pk).first()
    if row is None:
        raise NotFound(_("没有这次合并"))
    reason = Given(request.POST).text("reason", _("理由"), most=2000, optional=True)
    merging.unmerge(row, by=request.user, at=timezone.now(), reason=reason)
    return go(request, url("desk:customer", row.source_id), _("已撤销合并，两份档案各自恢复"))


# ── rights of the person ──────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="customer.export")
@require_POST
def export(request: StaffRequest, pk: int) -> HttpResponse:
    """A copy of everything kept about a customer, for the customer who asks."""
    found = find(pk)
    try:
        data = privacy.export_dossier(
            found, by=request.user, at=timezone.now(), reason=Given(request.POST).raw("reason")
        )
    except Refusal as refusal:
        return _refused(request, found, refusal)
    answer = HttpResponse(json.dumps(data, ensure_ascii=False, indent=2), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="customer-{found.pk}.json"'
    answer["Cache-Control"] = "no-store"
    return answer


@desk(permission="customer.erase")
@require_http_methods(["GET", "POST"])
def erase(request: StaffRequest, pk: int) -> HttpResponse:
    """Forget a customer: what goes, what stays, a reason, and a word typed by hand."""
    found, at = find(pk), timezone.now()
    context = {
        "found": found, "card": privacy.masked(found, request.user, at), "word": ERASE_WORD,
        "family": len(family_ids(found)), "open": Case.objects.filter(customer__in=family_ids(found)).open().count(),
        "policy": in_force(at),
    }  # fmt: skip
    if request.method == "GET":
        return page(request, "desk/customers/erase.html", context, here="customers")
    given = Given(request.POST)
    try:
        if given.raw("word") != ERASE_WORD:
            given.refuse("word", _("请输入「{word}」以确认").format(word=ERASE_WORD))
        given.check()
        privacy.erase(found, by=request.user, at=at, reason=given.raw("reason"))
    except Invalid as refusal:
        return again(request, refusal, "desk/customers/erase.html", context, here="customers")
    return go(request, url("desk:customer", found.pk), _("已删除个人信息"))
