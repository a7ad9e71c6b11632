"""The policy pack for people: what is in force, what a version changes, drafting and publishing. Source: SY-7."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.errors import Invalid, NotFound, Refusal, TooMuch
from wenguo.policy import loading, reading, versions
from wenguo.policy.loading import PackInvalid
from wenguo.policy.versions import PolicyVersion
from wenguo.spoken import counted
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import again, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

MOST_BYTES = 4 * 1024 * 1024
MOST_UNPACKED = 16 * 1024 * 1024
MOST_FILES = 60


@desk(permission="policy.see")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    """The pack in force now, as a handbook."""
    return _handbook(request, versions.in_force(timezone.now()))


@desk(permission="policy.see")
@require_GET
def version(request: StaffRequest, number: int) -> HttpResponse:
    """Any version, drafts too."""
    return _handbook(request, find(number))


def _handbook(request: StaffRequest, chosen: PolicyVersion) -> HttpResponse:
    at = timezone.now()
    pack = chosen.pack
    context = {
        "version": chosen, "in_force": versions.in_force(at), "sections": reading.readable(pack),
        "unverified": [g for g in pack.clocks.regimes if not g.verified],
        "warnings": versions.calendar_warnings(at),
        "coming": PolicyVersion.objects.published().defer("content").filter(effective_from__gt=at),
        "drafts": PolicyVersion.objects.filter(state=PolicyVersion.State.DRAFT).count(),
    }  # fmt: skip
    return page(request, "desk/policy/handbook.html", context, here="policy")


def find(number: int) -> PolicyVersion:
    """NotFound: no such version."""
    rows = PolicyVersion.objects.defer("content").select_related("drafted_by", "published_by", "based_on")
    found = rows.filter(number=number).first()
    if found is None:
        raise NotFound(_("没有第 {n} 版").format(n=number))
    return found


def listing(request: StaffRequest) -> dict[str, Any]:
    at, person = timezone.now(), request.user
    rows = PolicyVersion.objects.defer("content").select_related("drafted_by", "published_by", "based_on")
    return {
        "versions": list(rows.order_by("-number")[:200]), "in_force": versions.in_force(at),
        "can": {p: may(person, f"policy.{p}") for p in ("draft", "publish")},
        "soon": timezone.localtime(at + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip


@desk(permission="policy.see")
@require_GET
def listed(request: StaffRequest) -> HttpResponse:
    return page(request, "desk/policy/versions.html", listing(request), here="policy")


@desk(permission="policy.see")
@require_GET
def compare(request: StaffRequest) -> HttpResponse:
    """What version `b` changes of version `a`. Without `a`: of the one it was based on."""
    given = Given(request.GET)
    b = find(given.whole("b", _("版本")) or versions.in_force(timezone.now()).number)
    base = given.whole("a", _("版本"))
    given.check()
    a = find(base) if base else (find(b.based_on.number) if b.based_on else b)
    changes = reading.difference(a.pack, b.pack)
    numbers = list(PolicyVersion.objects.values_list("number", "title"))
    context = {"a": a, "b": b, "changes": changes, "numbers": numbers}
    return page(request, "desk/policy/compare.html", context, here="policy")


# ── drafting and publishing ───────────────────────────────────────────────────────────────────────────────────────


@desk(permission="policy.draft")
@require_http_methods(["GET", "POST"])
def draft(request: StaffRequest) -> HttpResponse:
    """Upload YAML files, or one zip of them; every mistake is listed with file and line."""
    latest = PolicyVersion.objects.published().defer("content").order_by("-published_at", "-number").first()
    context: dict[str, Any] = {"latest": latest}
    if request.method == "GET":
        return page(request, "desk/policy/draft.html", context, here="policy")
    try:
        given = Given(request.POST)
        note = given.text("note", _("说明"), most=2000, optional=True)
        given.check()
        made = versions.draft(uploaded(request), by=request.user, at=timezone.now(), note=note)
    except PackInvalid as refusal:
        context["problems"] = refusal.problems
        refusal.message = counted("有 {n} 处错误，没有保存草稿", len(refusal.problems))
        return again(request, refusal, "desk/policy/draft.html", context, here="policy")
    except (Invalid, TooMuch) as refusal:
        return again(request, refusal, "desk/policy/draft.html", context, here="policy")
    return go(request, f"{url('desk:policy_compare')}?b={made.number}", _("已保存草稿第 {n} 版").format(n=made.number))


def uploaded(request: StaffRequest) -> dict[str, bytes]:
    """{name: content} of the YAML files of the form, those within a zip too; folders are left aside.

    Invalid: none, or no zip. TooMuch: too many or too large.
    """
    files: dict[str, bytes] = {}
    given = request.FILES.getlist("files")
    if sum(f.size or 0 for f in given) > MOST_BYTES or len(given) > MOST_FILES:
        raise TooMuch(_("政策文件合计最多 {n} MB、{m} 个").format(n=MOST_BYTES >> 20, m=MOST_FILES))
    for file in given:
        raw = file.read()
        files |= _unzipped(raw) if raw[:2] == b"PK" else {(file.name or "")[:120]: raw}
    if not files:
        raise Invalid(_("请选择政策文件（.yaml）"), fields={"files": _("没有收到文件")})
    return files


def _unzipped(raw: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = [
                i for i in archive.infolist()
                if not i.is_dir() and i.filename.lower().endswith((".yaml", ".yml")) and "__MACOSX" not in i.filename
            ]  # fmt: skip
            if sum(i.file_size for i in parts) > MOST_UNPACKED or len(parts) > MOST_FILES:
                raise TooMuch(_("压缩包展开后过大"))
            return {i.filename.rsplit("/", 1)[-1][:120]: archive.read(i) for i in parts}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError):
        raise Invalid(_("压缩包无法打开"), fields={"files": _("请上传未加密的 zip 文件")}) from None


def _on_list(request: StaffRequest, refusal: Refusal) -> HttpResponse:
    return again(request, refusal, "desk/policy/versions.html", listing(request), here="policy")


@desk(permission="policy.publish")
@require_POST
def publish(request: StaffRequest, number: int) -> HttpResponse:
    """A second person lets a draft take effect from a moment on."""
    found, given = find(number), Given(request.POST)
    at = timezone.now()
    try:
        since = at if given.ticked("now") else given.moment("effective_from", _("生效时间"))
        if since is None:
            given.refuse("effective_from", _("请选择生效时间"))
        given.check()
        versions.publish(found, effective_from=since or at, by=request.user, at=at)
    except Refusal as refusal:
        return _on_list(request, refusal)
    return go(request, url("desk:policy_versions"), _("第 {n} 版已发布").format(n=number))


@desk(permission="policy.draft")
@require_POST
def discard(request: StaffRequest, number: int) -> HttpResponse:
    try:
        versions.discard(find(number), by=request.user, at=timezone.now())
    except Refusal as refusal:
        return _on_list(request, refusal)
    return go(request, url("desk:policy_versions"), _("草稿第 {n} 版已作废").format(n=number))


@desk(permission="policy.see")
@require_GET
def download(request: StaffRequest, number: int) -> HttpResponse:
    """A version as one YAML file, to change and upload again."""
    found = find(number)
    answer = HttpResponse(loading.to_yaml(found.pack), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="policy-{found.number}.yaml"'
    return answer
