"""Who I am, which units and colleagues there are, what the policy says. Source: SY-1, SY-7."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from wenguo.api.acting import caller
from wenguo.people.actor import permit
from wenguo.people.permissions import PERMISSIONS
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.reading import readable
from wenguo.policy.versions import in_force
from wenguo.text.normal import one_line

router = Router(tags=["house"])
MOST = 50


class UnitRow(Schema):
    id: int
    code: str
    title: str
    kind: str
    function: str
    parent_id: int | None
    region: str


class PostOut(Schema):
    unit_id: int
    unit: str
    role: str
    title: str
    primary: bool


class TokenOut(Schema):
    name: str
    scopes: list[str]
    expires_at: datetime | None


class MeOut(Schema):
    id: int
    username: str
    name: str
    posts: list[PostOut]
    permissions: list[str] = Field(description="以此令牌现在可以做的")
    token: TokenOut


class ColleagueOut(Schema):
    id: int
    name: str
    units: list[str]


class TableOut(Schema):
    title: str
    columns: list[str]
    rows: list[list[str]]


class SectionOut(Schema):
    code: str
    title: str
    words: list[str]
    tables: list[TableOut]


class PolicyOut(Schema):
    number: int
    title: str
    effective_from: datetime
    digest: str
    pack: dict[str, Any] = Field(description="现行政策全文，代码、等级、时限、标准都在其中")


@router.get("/me", response={200: MeOut}, summary="我是谁", operation_id="me")
def me(request: HttpRequest) -> dict[str, Any]:
    at = timezone.now()
    person = caller(request)
    posts = [
        {"unit_id": p.unit_id, "unit": p.unit.title, "role": p.role.code, "title": p.role.title, "primary": p.primary}
        for p in person.posts_at(at)
    ]
    return {
        "id": person.pk, "username": person.username, "name": person.name, "posts": posts,
        "permissions": [code for code in PERMISSIONS if person.may(code, at)],
        "token": request.api_token,  # type: ignore[attr-defined]
    }  # fmt: skip


@router.get("/units", response={200: list[UnitRow]}, summary="机构", operation_id="list_units")
def units(request: HttpRequest) -> Any:
    """启用的机构，上级在前；转办、分派时填其 id。"""
    return Unit.objects.working().order_by("path")


@router.get("/people", response={200: list[ColleagueOut]}, summary="同事", operation_id="list_people")
def people(
    request: HttpRequest, q: Annotated[str, Query(max_length=60, description="姓名、拼音或用户名")] = ""
) -> list[dict[str, Any]]:
    """在职的同事，至多 50 位。"""
    at = timezone.now()
    permit(caller(request), "people.see", at)
    found = Person.objects.working().search(one_line(q, 60)).prefetch_related("posts__unit").order_by("pk")[:MOST]
    return [
        {"id": p.pk, "name": p.name, "units": [post.unit.title for post in p.posts.all() if post.active(at)]}
        for p in found
    ]


@router.get("/policy", response={200: PolicyOut}, summary="现行政策", operation_id="policy")
def policy(request: HttpRequest) -> dict[str, Any]:
    version = _in_force(request)
    return {
        "number": version.number, "title": version.title, "effective_from": version.effective_from,
        "digest": version.digest, "pack": version.pack.model_dump(mode="json"),
    }  # fmt: skip


@router.get(
    "/policy/readable", response={200: list[SectionOut]}, summary="现行政策（供人阅读）", operation_id="read_policy"
)
def policy_readable(request: HttpRequest) -> Any:
    return readable(_in_force(request).pack)


def _in_force(request: HttpRequest) -> Any:
    at = timezone.now()
    permit(caller(request), "policy.see", at)
    return in_force(at)
