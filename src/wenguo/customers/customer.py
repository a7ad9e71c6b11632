"""The customer: who complains, under which identities, with which orders. Source: IN-4."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


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

    class Meta:
        ordering = ("-pk",)
        indexes = (GinIndex(fields=("words",), name="customers_words"),)
        constraints = (models.CheckConstraint(condition=~Q(merged_into=F("id")), name="customers_not_into_itself"),)

    def __str__(self) -> str:
        return f"#{self.pk}"


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

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "identities"
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "value"), condition=Q(retired_at__isnull=True), name="customers_identity_once"
            ),
        )
        indexes = (
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
    amount_fen = models.BigIntegerField(_("金额(分)"), null=True, blank=True)
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
