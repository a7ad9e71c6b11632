"""Paying: each measure once, and never more than was signed.

Money leaves in three pairs of hands: who proposed, who signed last, who pays. It goes to the customer, or to somebody
the customer authorised, never in cash; several payments to one customer in a short time raise an alarm, and the next
one is stopped. Source: RS-10; FIELD §7 four eyes, §9 jobs 8, 17, 18.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases.case import Case, flag, involve, record
from wenguo.cases.execution import Measure
from wenguo.cases.lifecycle import Stage, require
from wenguo.cases.notice import tell
from wenguo.cases.option import SIGNED, Option, held, hold_family
from wenguo.errors import Invalid, NotNow, NotYours, Overtaken
from wenguo.people.actor import SYSTEM
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.policy.money import yuan
from wenguo.text.normal import normalise, one_line

SPLIT = "split_payments"  # flag: several payments to one customer in a short time


class Method(models.TextChoices):
    """How money leaves us. There is no cash. Source: FIELD §7 (refund to the original route first)."""

    ORIGINAL = "original", _lazy("原路退回")
    BANK = "bank", _lazy("银行转账")
    WECHAT = "wechat", _lazy("微信支付")
    ALIPAY = "alipay", _lazy("支付宝")


class Payment(models.Model):
    """Money that left us for one measure. `key` makes a second press the same payment."""

    measure = models.OneToOneField(Measure, on_delete=models.PROTECT, related_name="payment")
    option = models.ForeignKey(Option, on_delete=models.PROTECT, related_name="payments")
    payee = models.CharField(_lazy("收款人"), max_length=80)
    agent_note = models.CharField(_lazy("代收授权"), max_length=200, blank=True, default="")
    amount_fen = models.BigIntegerField(_lazy("金额"))
    method = models.CharField(_lazy("方式"), max_length=12, choices=Method.choices)
    reference = models.CharField(_lazy("凭证号"), max_length=80)
    key = models.CharField(max_length=80, unique=True)
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    paid_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="cases_payment_amount"),
            models.CheckConstraint(condition=~Q(paid_by=F("proposed_by")), name="cases_payment_not_by_proposer"),
            models.CheckConstraint(condition=~Q(paid_by=F("approved_by")), name="cases_payment_not_by_approver"),
            models.CheckConstraint(condition=~Q(approved_by=F("proposed_by")), name="cases_payment_two_people"),
            models.UniqueConstraint(fields=["method", "reference"], name="cases_payment_reference_once"),
        ]


@transaction.atomic
def pay(
    measure: Measure, *, payee: str, amount_fen: int, method: str, reference: str, key: str, agent_note: str = "",
    by: Person, at: datetime,
) -> Payment:  # fmt: skip
    """登记付款 for one measure. The same `key` again returns the payment made then.

    NotNow: not signed, paid already, too many payments to this customer. NotYours: who proposed or signed does not pay.
    Invalid: another amount than planned, more than approved, a payee nobody knows, a reference used before.
    """
    case = measure.case
    key = one_line(key, 80)
    if by.may("case.pay", at) and (made := _paid_before(measure, key, amount_fen)):
        return made
    require(case, "pay", by=by, at=at)
    family = hold_family(case)
    option = held(measure.option)
    measure.refresh_from_db()
    measure.case, measure.option = case, option
    if made := _paid_before(measure, key, amount_fen):
        return made
    if not Case.objects.select_for_update(no_key=True).filter(pk=case.pk, stage=Stage.EXECUTION).exists():
        raise Overtaken(_("「{number}」刚被他人更新，请刷新后再试").format(number=case.number))
    _may_be_paid(measure, option, amount_fen)
    _hands(option, by)
    payee, agent_note, reference = one_line(payee, 80), one_line(agent_note, 200), one_line(reference, 80)
    _known_payee(case, payee, agent_note)
    if method not in Method.values or not reference or not key:
        raise Invalid(_("请选择付款方式并填写凭证号"), fields={"method": _("请选择"), "reference": _("请填写凭证号")})
    if Payment.objects.filter(method=method, reference=reference).exists():
        raise Invalid(_("该凭证号已登记过"), fields={"reference": _("该凭证号已登记过，请核对是否重复付款")})
    count = _stop_splitting(case, family, at=at)
    signer = last_signer(option)
    assert option.submitted_by_id and signer, "what is signed was proposed by somebody and signed by somebody"
    payment = Payment(
        measure=measure, option=option, payee=payee, agent_note=agent_note, amount_fen=amount_fen, method=method,
        reference=reference, key=key, proposed_by_id=option.submitted_by_id, approved_by_id=signer,
        paid_by=by, at=at,
    )  # fmt: skip
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError:
        raise Overtaken(_("刚有人登记了同一笔付款，请刷新核对")) from None
    record(
        case, "payment.made", by=by, at=at,
        data={"payment": payment.pk, "measure": measure.pk, "option": option.pk, "amount_fen": amount_fen,
              "method": method, "to_agent": bool(agent_note)},
        private={"payee": payee, "reference": reference, "agent_note": agent_note},
    )  # fmt: skip
    _alarm(case, count + 1, at=at)
    return payment


def _paid_before(measure: Measure, key: str, amount_fen: int) -> Payment | None:
    made = Payment.objects.filter(key=key).first() if key else None
    if made is not None and (made.measure_id, made.amount_fen) != (measure.pk, amount_fen):
        raise Invalid(_("该付款请求已用于另一笔付款"), fields={"key": _("请刷新页面后重新登记")})
    return made


def _may_be_paid(measure: Measure, option: Option, amount_fen: int) -> None:
    """What keeps the sum of payments within what was signed; the option is locked."""
    if not measure.needs_payment:
        raise NotNow(_("该措施不涉及付款"))
    if measure.state != Measure.State.PLANNED:
        raise NotNow(_("该措施{state}").format(state=measure.get_state_display()))
    if Payment.objects.filter(measure=measure).exists():
        raise NotNow(_("该措施已经付款，不能重复支付"))
    if option.state not in SIGNED or not option.chosen:
        raise NotNow(_("方案未经批准或未选定，不能付款"))
    if amount_fen != measure.amount_fen:
        planned = yuan(measure.amount_fen)
        raise Invalid(
            _("付款金额与措施不符：应为 {planned}").format(planned=planned),
            fields={"amount_fen": _("应为 {planned}").format(planned=planned)},
        )
    if paid_fen(option) + amount_fen > option.amount_fen:
        raise NotNow(_("付款合计将超过批准的 {amount}").format(amount=yuan(option.amount_fen)))


def paid_fen(option: Option) -> int:
    """Fen paid on this option so far."""
    return option.payments.aggregate(s=Sum("amount_fen"))["s"] or 0


def last_signer(option: Option) -> int | None:
    """Who signed last, or passed over those who should have."""
    steps = option.approvals.filter(attempt=option.attempt, state__in=["approved", "overridden"])
    return steps.order_by("-position").values_list("decided_by", flat=True).first()


def _hands(option: Option, by: Person) -> None:
    if by.pk in {option.drafted_by_id, option.submitted_by_id}:
        raise NotYours(_("提出方案的人不能付款"))
    if by.pk == last_signer(option):
        raise NotYours(_("批准方案的人不能付款"))


def _known_payee(case: Case, payee: str, agent_note: str) -> None:
    """Invalid unless the payee is the customer as we know them, or the authority of somebody else is noted."""
    customer, r = case.customer.current, case.record
    names = {customer.name, customer.contact_name, case.customer.name, r.contact_name, r.on_behalf_of}
    known = {_plain(name) for name in names if name}
    if not payee:
        raise Invalid(_("请填写收款人"), fields={"payee": _("请填写收款人")})
    if _plain(payee) not in known and not agent_note:
        words = _("收款人与投诉客户不符；如为代收，请写明授权依据")
        raise Invalid(words, fields={"payee": words, "agent_note": _("请写明授权依据，如委托书编号")})


def _plain(name: str) -> str:
    return "".join(normalise(name).split())


def recent_payments(family: Sequence[int], hours: int, *, at: datetime) -> models.QuerySet[Payment]:
    """Payments to one customer, under all their records, within so many hours before `at`."""
    return Payment.objects.filter(measure__case__customer_id__in=family, at__gt=at - timedelta(hours=hours), at__lte=at)


def _stop_splitting(case: Case, family: Sequence[int], *, at: datetime) -> int:
    """How many payments this customer had in the window; NotNow when one more would be one too many. Job 18."""
    rules = case.pack.thresholds
    recent = recent_payments(family, rules.payment_split_window_hours, at=at)
    count = recent.count()
    if count >= rules.payment_split_count:
        raise NotNow(
            _("{hours} 小时内已向该客户付款 {count} 笔，疑似拆分，已告知主管；请合并为一个方案审批，或稍后再付").format(
                hours=rules.payment_split_window_hours, count=count
            )
        )
    return count


def _alarm(case: Case, count: int, *, at: datetime) -> None:
    """The payment that fills the window raises the alarm; the next one is refused."""
    rules = case.pack.thresholds
    if count < rules.payment_split_count:
        return
    record(
        case, "case.flagged", by=SYSTEM, at=at, because="payment_split",
        data={"flag": SPLIT, "count": count, "hours": rules.payment_split_window_hours},
        set={"flags": flag(case, SPLIT)} if SPLIT not in case.flags else None,
    )  # fmt: skip
    units = [u for u in (case.unit, case.intake_unit) if u]
    seniors = [p for u in units for role in ("supervisor", "manager") for p in superiors(u, role, at=at)]
    involve(case, *seniors, at=at)
    words = _noop("{hours} 小时内已向同一客户付款 {count} 笔，请核查是否拆分付款")
    tell(case, seniors, SPLIT, words, at=at, hours=rules.payment_split_window_hours, count=count)
