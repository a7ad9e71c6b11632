"""The customer: who complains, under which identities, with which orders. Source: IN-4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from psycopg.types.json import Json

from wenguo import journal
from wenguo.compiled import run
from wenguo.customers.identity import Claims, normal
from wenguo.customers.words import as_text, as_vector, words_of
from wenguo.errors import Invalid, NotNow
from wenguo.people.actor import Actor, permit, record
from wenguo.together import WANTED, Together, instance

CREATED = journal.define("customer.created", _("建立客户档案"))
CHANGED = journal.define("customer.changed", _("修改客户资料"))
IDENTIFIED = journal.define("customer.identity_added", _("添加联系方式"))
RETIRED = journal.define("customer.identity_retired", _("停用联系方式"))
ORDERED = journal.define("customer.order_added", _("登记订单"))

ERASED_NAME = "已注销客户"


# Whom to treat with particular care, as the customer says or as is plain to see. Source: FIELD 6.2.
VULNERABLE = {
    "elderly": _("老年人"),
    "minor": _("未成年人"),
    "disabled": _("残障人士"),
    "pregnant": _("孕产妇"),
    "ill": _("患重病"),
}


class Customers(models.QuerySet["Customer"]):
    def living(self) -> Customers:
        """Neither merged into another nor erased."""
        return self.filter(merged_into__isnull=True, erased_at__isnull=True)


class Customer(models.Model):
    class Kind(models.TextChoices):
        PERSON = "person", _("个人")
        COMPANY = "company", _("企业")

    class Tier(models.TextChoices):
        REGULAR = "regular", _("普通")
        GOLD = "gold", _("金卡")
        DIAMOND = "diamond", _("钻石")

    kind = models.CharField(_("类型"), max_length=10, choices=Kind.choices, default=Kind.PERSON)
    name = models.CharField(_("姓名/名称"), max_length=120, blank=True, default="")
    words = SearchVectorField(null=True, editable=False)  # what `search` finds a name by; kept by save()
    tier = models.CharField(_("等级"), max_length=10, choices=Tier.choices, default=Tier.REGULAR)
    vip = models.BooleanField(_("VIP"), default=False)
    vip_note = models.CharField(_("VIP 说明"), max_length=200, blank=True, default="")
    member_no = models.CharField(_("会员号"), max_length=64, blank=True, default="")  # as printed; found by Identity
    contact_name = models.CharField(_("企业联系人"), max_length=60, blank=True, default="")
    city = models.CharField(_("城市"), max_length=60, blank=True, default="")
    region = models.CharField(_("省/地区"), max_length=60, blank=True, default="")
    address = models.CharField(_("地址"), max_length=300, blank=True, default="")
    vulnerable = ArrayField(models.CharField(max_length=30), verbose_name=_("特殊群体"), default=list, blank=True)
    language = models.CharField(_("语言"), max_length=10, default="zh-hans")
    preferred_channel = models.CharField(_("偏好渠道"), max_length=20, blank=True, default="")
    note = models.TextField(_("备注"), blank=True, default="")
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    erased_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = Customers.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (GinIndex(fields=("words",), name="customers_words"),)
        constraints = (models.CheckConstraint(condition=~Q(merged_into=F("id")), name="customers_not_into_itself"),)

    def __str__(self) -> str:
        return f"#{self.pk}"

    just_made = False  # by `link`, in this transaction: nothing else can hang on it yet

    @property
    def journal_ref(self) -> str:
        return f"customer:{self.pk}"

    def may(self, permission: str, at: datetime | None = None) -> bool:
        """A customer has none of the permissions of staff; what a complainant may do says the lifecycle."""
        return False

    @property
    def is_company(self) -> bool:
        return self.kind == self.Kind.COMPANY

    @property
    def current(self) -> Customer:
        """The record this one was merged into, through all merges; itself if none. A query a merge."""
        customer = self
        while customer.merged_into is not None:
            customer = customer.merged_into
        return customer

    def save(self, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        if fields is None or "name" in fields:
            self.words = as_vector(words_of(self.name) if self.erased_at is None else [])
            if fields is not None:
                kwargs["update_fields"] = {*fields, "words"}
        super().save(*args, **kwargs)


class Identities(models.QuerySet["Identity"]):
    def live(self) -> Identities:
        return self.filter(retired_at__isnull=True)


class Identity(models.Model):
    """One way to recognise a customer. Among the live (not retired) no two share (kind, value)."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("电话")
        MAIL = "mail", _("邮箱")
        WECHAT = "wechat", _("微信")
        WEIBO = "weibo", _("微博")
        DOUYIN = "douyin", _("抖音")
        MEMBER = "member", _("会员号")
        APP = "app", _("APP 账号")
        OTHER = "other", _("其他")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(_("类型"), max_length=10, choices=Kind.choices)
    value = models.CharField(max_length=200)  # normalised by `identity.normal`
    shown = models.CharField(_("内容"), max_length=200)  # as the customer wrote it
    verified = models.BooleanField(_("已验证"), default=False)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)  # a number that has changed hands

    objects = Identities.as_manager()

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "identities"
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "value"), condition=Q(retired_at__isnull=True), name="customers_identity_once"
            ),
        )
        indexes = (
            models.Index(OpClass("value", name="text_pattern_ops"), name="customers_identity_value"),
            models.Index(
                OpClass(Reverse("value"), name="text_pattern_ops"),
                name="customers_identity_tail",
                condition=Q(retired_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class Order(models.Model):
    """A purchase, order or service the customer had. `amount_fen` in whole fen."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    number = models.CharField(_("订单号"), max_length=64)
    product = models.CharField(_("产品"), max_length=120, blank=True, default="")
    model = models.CharField(_("型号"), max_length=80, blank=True, default="")
    batch = models.CharField(_("批次"), max_length=80, blank=True, default="")
    amount_fen = models.BigIntegerField(_("金额（分）"), null=True, blank=True)
    bought_on = models.DateField(_("购买日期"), null=True, blank=True)
    place = models.CharField(_("购买地点"), max_length=120, blank=True, default="")
    channel = models.CharField(_("购买渠道"), max_length=40, blank=True, default="")
    status = models.CharField(_("状态"), max_length=40, blank=True, default="")

    class Meta:
        ordering = ("-bought_on", "-pk")
        indexes = (models.Index(OpClass("number", name="text_pattern_ops"), name="customers_order_number"),)
        constraints = (
            models.UniqueConstraint(fields=("channel", "number"), name="customers_order_once"),
            models.CheckConstraint(
                condition=Q(amount_fen__isnull=True) | Q(amount_fen__gte=0), name="customers_order_amount"
            ),
        )

    def __str__(self) -> str:
        return self.number


def find(kind: str, shown: str) -> Customer | None:
    """Who is known by that identity, in whatever spelling; the current record after merges. Nonsense finds nobody."""
    try:
        value = normal(kind, shown)
    except Invalid:
        return None
    identity = Identity.objects.live().filter(kind=kind, value=value).select_related("customer").first()
    return identity.customer.current if identity else None


def family_ids(customer: Customer) -> list[int]:
    """Ids of all records that are this customer, through all merges, the current one first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_FAMILY, [customer.pk])
        return [row[0] for row in cursor.fetchall()]


_FAMILY = """
WITH RECURSIVE
  up(id, into_id) AS (
    SELECT id, merged_into_id FROM customers_customer WHERE id = %s
    UNION SELECT c.id, c.merged_into_id FROM customers_customer c JOIN up ON c.id = up.into_id),
  family(id, depth) AS (
    SELECT id, 0 FROM up WHERE into_id IS NULL
    UNION SELECT c.id, f.depth + 1 FROM customers_customer c JOIN family f ON c.merged_into_id = f.id)
SELECT id FROM family ORDER BY depth, id
"""


@transaction.atomic(savepoint=False)
def link(
    claims: Claims, *, at: datetime, by: Actor | None = None, rows: Together | None = None, held: bool = False
) -> Customer:  # fmt: skip
    """The customer these claims speak of: found by the most telling identity, or made.

    New identities are added unproven, unless they belong to another customer, who then shows among the `duplicates`.
    `by` None: the customer themselves. Two calls at once with one identity give one customer: the second waits until
    the first transaction has ended. Claims without any usable identity make a new customer each time. With `rows` a
    customer who is made (`just_made`) is written when those are. `held`: the caller holds the identities already.
    """
    told, own = claims.identities, rows or Together()
    if not held:
        hold([(kind, value) for kind, value, _shown in told])
    known = _known(told, own)
    customer = next((known[kind, value].current for kind, value, _shown in told if (kind, value) in known), None)
    new = [one for one in told if one[:2] not in known]
    if customer is not None:
        _fill(customer, claims)
        if new:
            _identify(customer, new, by=by or customer, at=at)
        return customer
    customer = _made(claims, new, by=by, at=at, rows=own)
    if rows is None:
        own.write()
    return customer


def _identify(customer: Customer, told: Sequence[tuple[str, str, str]], *, by: Actor, at: datetime) -> None:
    """Add these identities, and say so in the customer's journal."""
    made = Identity.objects.bulk_create(_identity(customer, *one, at) for one in told)
    journal.append(journal.open_stream("customer", str(customer.pk)), _identified(made, by, at))


def _identity(customer: Customer, kind: str, value: str, shown: str, at: datetime, pk: int | None = None) -> Identity:
    return instance(Identity, pk=pk, customer=customer, kind=kind, value=value, shown=shown, created_at=at)


def _identified(made: Iterable[Identity], by: Actor, at: datetime) -> list[journal.Entry]:
    return [
        journal.Entry(
            IDENTIFIED, by.journal_ref, at, data={"identity": one.pk, "kind": one.kind}, private={"shown": one.shown}
        )
        for one in made
    ]


def _made(
    claims: Claims, told: Sequence[tuple[str, str, str]], *, by: Actor | None, at: datetime, rows: Together
) -> Customer:  # fmt: skip
    """A new customer with these identities and a journal."""
    company = claims.company.strip()
    customer = instance(
        Customer,
        pk=rows.id(Customer),
        kind=Customer.Kind.COMPANY if company else Customer.Kind.PERSON,
        contact_name=_cut("contact_name", claims.name if company else ""),
        language=_cut("language", claims.language) or "zh-hans",
        created_at=at,
        **{field: _cut(field, value) for field, value in _told(claims).items()},
    )
    customer.words = as_text(words_of(customer.name))
    customer.just_made = True
    made = [rows.add(_identity(customer, *one, at, rows.id(Identity))) for one in told]
    by, data = by or customer, {"kind": customer.kind}
    created = journal.Entry(CREATED, by.journal_ref, at, data=data, private={"name": customer.name})
    journal.begin("customer", str(customer.pk), [created, *_identified(made, by, at)], rows=rows)
    return rows.add(customer)


def _known(told: Sequence[tuple[str, str, str]], rows: Together) -> dict[tuple[str, str], Customer]:
    """Whose these identities are. If nobody's, the ids that `_made` will need are drawn with the question."""
    wanted = rows.wanted(Customer, journal.Stream, *[Identity] * len(told))
    asked = [{"kind": kind, "value": value} for kind, value, _shown in told]
    answers = run(_WHOSE, [Json(asked), wanted])
    if not answers or answers[0][1] is None:
        rows.take((name, pk) for name, _value, pk in answers)
        return {}
    found = {(kind, value): pk for kind, value, pk in answers}
    customers = Customer.objects.in_bulk({*found.values()})
    return {identity: customers[pk] for identity, pk in found.items()}


_WHOSE = f"""
    WITH whose AS MATERIALIZED (
        SELECT kind, value, customer_id FROM customers_identity
        WHERE retired_at IS NULL
        AND (kind, value) IN (SELECT kind, value FROM json_to_recordset(%s::json) AS told (kind text, value text)))
    SELECT kind, value, customer_id FROM whose
    UNION ALL
    SELECT name, NULL, nextval(to_regclass(name)) {WANTED} WHERE NOT EXISTS (SELECT FROM whose)
"""


def in_turn(identities: Iterable[tuple[str, str]]) -> list[str]:
    """What is locked to hold them, in the order that everybody locks in."""
    return sorted(f"{kind}:{value}" for kind, value in identities)


def hold(identities: Iterable[tuple[str, str]]) -> None:
    """Until this transaction ends nobody else links these (kind, normal value); always taken in the same order."""
    if keys := in_turn(identities):
        run(f"SELECT {HOLD}", [keys])


HOLD = "(SELECT count(pg_advisory_xact_lock(hashtextextended(key, 7))) FROM unnest(%s::text[]) AS held (key))"


def _told(claims: Claims) -> dict[str, str]:
    """What the claims say of the customer, by field."""
    return {
        "name": claims.company.strip() or claims.name,
        "city": claims.city,
        "region": claims.region,
        "address": claims.address,
        "member_no": claims.member_no,
        "preferred_channel": claims.preferred_channel,
    }


def _fill(customer: Customer, claims: Claims) -> None:
    """What was empty and is now told; what is known is not overwritten by what somebody claims."""
    told = _told(claims)
    new = {field: _cut(field, value) for field, value in told.items() if value.strip() and not getattr(customer, field)}
    for field, value in new.items():
        setattr(customer, field, value)
    if new:
        customer.save(update_fields=list(new))


def _cut(field: str, value: str) -> str:
    most: int = getattr(Customer._meta.get_field(field), "max_length")  # noqa: B009
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())[:most]


EDITABLE = frozenset(
    {"kind", "name", "tier", "vip", "vip_note", "member_no", "contact_name", "city", "region", "address"}
    | {"vulnerable", "language", "preferred_channel", "note"}
)


@transaction.atomic
def create(*, by: Actor, at: datetime, **details: Any) -> Customer:
    """A new customer record, from the fields in EDITABLE. Invalid: see `fields`."""
    permit(by, "customer.edit", at)
    customer = Customer(created_at=at, **_editable(details))
    _check(customer)
    customer.save(force_insert=True)
    data = {"kind": customer.kind}
    record("customer", customer.pk, CREATED, by=by, at=at, data=data, private={"name": customer.name})
    return customer


@transaction.atomic
def change(customer: Customer, *, by: Actor, at: datetime, **details: Any) -> list[str]:
    """Change fields in EDITABLE; says which were different. NotNow: merged or erased. Invalid: see `fields`."""
    permit(by, "customer.edit", at)
    _require_living(customer)
    new = {field: value for field, value in _editable(details).items() if getattr(customer, field) != value}
    old = {field: getattr(customer, field) for field in new}
    for field, value in new.items():
        setattr(customer, field, value)
    try:
        _check(customer)
    except Invalid:
        for field, value in old.items():
            setattr(customer, field, value)
        raise
    if new:
        customer.save(update_fields=list(new))
        data = {"fields": sorted(new)}
        record("customer", customer.pk, CHANGED, by=by, at=at, data=data, private={"before": old, "after": new})
    return sorted(new)


def _editable(details: dict[str, Any]) -> dict[str, Any]:
    if unknown := details.keys() - EDITABLE:
        raise TypeError(f"a customer has no such details: {unknown}")
    return {field: value.strip() if isinstance(value, str) else value for field, value in details.items()}


def _check(row: models.Model) -> None:
    try:
        row.clean_fields(exclude=["words", "customer"])
    except ValidationError as error:
        fields = {field: " ".join(messages) for field, messages in error.message_dict.items()}
        raise Invalid(gettext("资料有误"), fields=fields) from None


def _require_living(customer: Customer) -> None:
    merged, erased = Customer.objects.values_list("merged_into", "erased_at").get(pk=customer.pk)
    if merged is not None:
        raise NotNow(gettext("该客户档案已合并到另一档案"))
    if erased is not None:
        raise NotNow(gettext("该客户已注销"))


@transaction.atomic
def add_identity(
    customer: Customer, kind: str, shown: str, *, by: Actor, at: datetime, verified: bool = False
) -> Identity:
    """One more way to recognise a customer; the same one again is returned, and proven if `verified`.

    Invalid: it cannot be one. NotNow: it is another customer's.
    """
    permit(by, "customer.edit", at)
    _require_living(customer)
    if kind not in Identity.Kind.values:
        raise Invalid(gettext("没有这种联系方式"), fields={"kind": gettext("请选择类型")})
    value, shown = normal(kind, shown), shown.strip()[:200]
    hold([(kind, value)])
    identity = Identity.objects.live().filter(kind=kind, value=value).first()
    if identity and identity.customer_id != customer.pk:
        raise NotNow(
            gettext("该{kind}已登记在另一位客户名下，如为同一人请合并客户").format(kind=identity.get_kind_display())
        )
    if identity is None:
        identity = customer.identities.create(kind=kind, value=value, shown=shown, verified=verified, created_at=at)
        data = {"identity": identity.pk, "kind": kind, "verified": verified}
        record("customer", customer.pk, IDENTIFIED, by=by, at=at, data=data, private={"shown": shown})
        if kind == Identity.Kind.MEMBER and not customer.member_no:
            customer.member_no = shown[:64]
            customer.save(update_fields=["member_no"])
    elif verified and not identity.verified:
        identity.verified = True
        identity.save(update_fields=["verified"])
    return identity


@transaction.atomic
def retire_identity(identity: Identity, *, by: Actor, at: datetime, reason: str = "") -> None:
    """The customer is no longer reached by it (the number has changed hands). NotNow: retired already."""
    permit(by, "customer.edit", at)
    if not Identity.objects.live().filter(pk=identity.pk).update(retired_at=at):
        raise NotNow(gettext("该联系方式已停用"))
    identity.retired_at = at
    data = {"identity": identity.pk, "kind": identity.kind}
    record("customer", identity.customer_id, RETIRED, by=by, at=at, data=data, private={"reason": reason})


@transaction.atomic
def add_order(
    customer: Customer,
    number: str,
    *,
    by: Actor,
    at: datetime,
    amount_fen: int | None = None,
    bought_on: date | None = None,
    **details: str,
) -> Order:
    """A purchase, or what is newly known of one. `details`: product, model, batch, place, channel, status.

    NotNow: the order is another customer's. Invalid: see `fields`.
    """
    permit(by, "customer.edit", at)
    _require_living(customer)
    facts = {**{field: value.strip() for field, value in details.items() if value.strip()}}
    told = {**facts, **({} if amount_fen is None else {"amount_fen": amount_fen})}
    told |= {} if bought_on is None else {"bought_on": bought_on}
    number, channel = number.strip(), facts.get("channel", "")
    order = Order.objects.select_for_update().filter(channel=channel, number=number).first()
    if order and order.customer_id != customer.pk:
        raise NotNow(gettext("订单「{number}」已登记在另一位客户名下").format(number=number))
    order = order or Order(customer=customer, number=number)
    for field, value in told.items():
        setattr(order, field, value)
    _check(order)
    if order.amount_fen is not None and order.amount_fen < 0:
        raise Invalid(gettext("资料有误"), fields={"amount_fen": gettext("金额不能为负")})
    try:
        with transaction.atomic():
            order.save()
    except IntegrityError:
        raise NotNow(gettext("订单「{number}」刚被登记，请刷新").format(number=number)) from None
    record("customer", customer.pk, ORDERED, by=by, at=at, data={"order": order.pk}, private={"number": number})
    return order
