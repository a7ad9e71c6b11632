"""Customers: found, shown with personal fields masked, one field revealed with a reason. Source: IN-4, SY-1."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from wenguo.api.acting import caller
from wenguo.api.shapes import Body, Id, Words
from wenguo.customers import privacy
from wenguo.customers.customer import Customer
from wenguo.customers.search import search
from wenguo.errors import NotFound
from wenguo.people.actor import permit
from wenguo.text.normal import one_line

router = Router(tags=["customers"])


class IdentityOut(Schema):
    id: int
    kind: str
    label: str
    shown: str
    verified: bool
    field: str = Field(description="查看全文时的 field")


class CustomerOut(Schema):
    """个人信息已脱敏，除非您有权直接查看（full）。"""

    id: int
    kind: str
    name: str
    contact_name: str
    tier: str
    vip: bool
    member_no: str
    city: str
    region: str
    address: str
    vulnerable: list[str]
    language: str
    preferred_channel: str
    note: str
    identities: list[IdentityOut]
    erased: bool
    full: bool
    revealable: list[str] = Field(description="可凭理由查看全文的字段")


class RevealIn(Body):
    field: Annotated[str, Field(pattern=r"^(name|contact_name|address|member_no|note|vip_note|identity:[0-9]{1,15})$")]
    reason: Words = Field(description="查看理由，记入日志")


class RevealOut(Schema):
    field: str
    value: str


@router.get("", response={200: list[CustomerOut]}, summary="查找客户", operation_id="list_customers")
def index(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=200, description="电话（可后几位）、邮箱、会员号、订单号、姓名或拼音")],
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> list[Any]:
    at = timezone.now()
    permit(caller(request), "customer.see", at)
    return [privacy.masked(c, caller(request), at) for c in search(one_line(q, 200), limit=limit)]


@router.get("/{customer_id}", response={200: CustomerOut}, summary="一位客户", operation_id="customer")
def detail(request: HttpRequest, customer_id: Id) -> Any:
    """已合并的记录回答合并后的客户。"""
    at = timezone.now()
    permit(caller(request), "customer.see", at)
    return privacy.masked(_find(customer_id).current, caller(request), at)


@router.post(
    "/{customer_id}/reveal", response={200: RevealOut}, summary="查看完整个人信息", operation_id="reveal_customer"
)
def reveal(request: HttpRequest, customer_id: Id, body: RevealIn) -> dict[str, str]:
    """一次一个字段；谁因何查看记入日志。"""
    at = timezone.now()
    permit(caller(request), "customer.see", at)
    found = _find(customer_id).current
    value = privacy.reveal(found, body.field, by=caller(request), at=at, reason=body.reason)
    return {"field": body.field, "value": value}


def _find(pk: int) -> Customer:
    found = Customer.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这位客户"))
    return found
