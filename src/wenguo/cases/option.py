"""An option: one way to put a complaint right, with what it costs, how good it is, and how far it has come.

The table and its sets; the acts stand in `resolution` (draft, choose, offer, answer), `approval` and `execution`.
Source: RS-1, RS-4, RS-7.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext_lazy

from wenguo.cases import clock
from wenguo.cases.case import Case
from wenguo.cases.quote import Kind, Line, Quote, weighted
from wenguo.customers.customer import Customer, family_ids
from wenguo.errors import NotNow
from wenguo.people.staff import Person


class State(models.TextChoices):
    DRAFT = "draft", _lazy("草拟")
    SUBMITTED = "submitted", _lazy("审批中")
    RETURNED = "returned", _lazy("已退回")
    APPROVED = "approved", _lazy("已批准")
    OFFERED = "offered", _lazy("待客户确认")
    ACCEPTED = "accepted", _lazy("客户同意")
    REFUSED = "refused", _lazy("客户不同意")
    WITHDRAWN = "withdrawn", _lazy("已撤下")
    CARRIED = "carried", _lazy("已执行")


CHANGEABLE = frozenset({State.DRAFT, State.RETURNED, State.SUBMITTED, State.APPROVED})
SIGNED = frozenset({State.APPROVED, State.OFFERED, State.ACCEPTED})  # approvals are complete
OVER = frozenset({State.REFUSED, State.WITHDRAWN, State.CARRIED})


class Answer(models.TextChoices):
    ACCEPT = "accept", pgettext_lazy("answer", "同意")
    REFUSE = "refuse", pgettext_lazy("answer", "不同意")
    COUNTER = "counter", _lazy("另提要求")


class Options(models.QuerySet["Option"]):
    def standing(self) -> Self:
        """Not refused, withdrawn or carried out."""
        return self.exclude(state__in=OVER)


class Option(models.Model):
    """One option. `amount_fen`: the money value of everything in it; `goodwill_fen`: the part nobody is owed.

    `ladder_fen` and `level`: what the approval was asked for (the amount with the customer's other goodwill added, and
    the case's level then). `offered_no`: in which round of offers the customer saw it, from 1. `chosen`: ours, and why.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="options")
    round = models.PositiveSmallIntegerField()
    title = models.CharField(_lazy("方案"), max_length=120)
    kinds = ArrayField(models.CharField(max_length=20, choices=Kind.choices))
    what = models.TextField(_lazy("内容"))
    success = models.TextField(_lazy("成功标准"), blank=True, default="")
    lines = models.JSONField(default=list)
    amount_fen = models.BigIntegerField(_lazy("金额"), default=0)
    goodwill_fen = models.BigIntegerField(default=0)
    over_table = models.BooleanField(_lazy("超出标准"), default=False)
    over_reason = models.TextField(blank=True, default="")
    scores = models.JSONField(default=dict)
    chosen = models.BooleanField(_lazy("选定"), default=False)
    why = models.TextField(_lazy("选定理由"), blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    drafted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    submitted_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    ladder_fen = models.BigIntegerField(default=0)
    level = models.PositiveSmallIntegerField(null=True)
    offered_no = models.PositiveSmallIntegerField(null=True)
    offered_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=8, choices=Answer.choices, blank=True, default="")
    answer_words = models.TextField(blank=True, default="")
    answer_channel = models.CharField(max_length=16, blank=True, default="")
    answered_by = models.CharField(max_length=40, blank=True, default="")
    answered_at = models.DateTimeField(null=True)

    objects = Options.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gte=0, goodwill_fen__gte=0, goodwill_fen__lte=models.F("amount_fen")),
                name="cases_option_amounts",
            ),
            models.CheckConstraint(condition=Q(over_table=False) | ~Q(over_reason=""), name="cases_option_over_reason"),
            models.UniqueConstraint(
                fields=["case"], condition=Q(chosen=True) & ~Q(state="carried"), name="cases_option_one_chosen"
            ),
            models.CheckConstraint(
                condition=Q(chosen=False) | ~Q(state__in=["refused", "withdrawn"]), name="cases_option_chosen_stands"
            ),
        ]

    @property
    def quote(self) -> Quote:
        return Quote(tuple(Line.from_json(line) for line in self.lines))

    @property
    def score(self) -> int | None:
        """In hundredths, 100 to 500."""
        return weighted(self.scores)

    @property
    def is_signed(self) -> bool:
        return self.state in SIGNED

    @property
    def is_outgrown(self) -> bool:
        """The case became graver after this was approved, so that others must sign."""
        return self.level is not None and self.case.level < self.level

    @property
    def kind_words(self) -> str:
        return _("、").join(str(Kind(k).label) for k in self.kinds)

    @property
    def in_words(self) -> str:
        """What the customer gets, in words a customer may read: the description, then each amount on a line."""
        return "\n".join([self.what, *(line.words for line in self.quote.lines)])


def held(option: Option) -> Option:
    """The option as it is now, locked until this transaction ends, on the case the caller has in hand."""
    case = option.case
    fresh = Option.objects.select_for_update(of=("self",)).get(pk=option.pk)
    fresh.case = case
    return fresh


def move(option: Option, sources: Iterable[State], to: State, **changes: Any) -> None:
    """Change the state of an option that is still in one of `sources`; NotNow when it is not."""
    changes = {"state": to, **changes}
    if not Option.objects.filter(pk=option.pk, state__in=list(sources)).update(**changes):
        now = Option.objects.values_list("state", flat=True).get(pk=option.pk)
        raise NotNow(_("该方案「{state}」，请刷新后再试").format(state=State(now).label))
    for name, value in changes.items():
        setattr(option, name, value)


def void_approvals(option: Option, *, by: Any, at: datetime) -> None:
    """Nobody needs to sign this version any more: the waiting steps are skipped, their clocks end."""
    waiting = option.approvals.filter(state="waiting")
    for step in waiting:
        clock.stop(option.case, "approve", by=by, at=at, about=step.about, cancel=True)
    waiting.update(state="skipped")


# What the same customer is given elsewhere


def hold_family(case: Case) -> list[int]:
    """The ids of all records of this customer, held so that sums over their money stand until the transaction ends."""
    ids = family_ids(case.customer)
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    return ids


def cumulated(rows: Iterable[tuple[int, str, int]], case_id: int) -> int:
    """Goodwill that counts with a new option of case `case_id`; rows are (case, state, goodwill_fen) of other options.

    What was agreed counts in full. What is only proposed or offered are alternatives: of another case the dearest
    counts, of this case none.
    """
    agreed, pending = 0, dict[int, int]()
    for case, state, fen in rows:
        if state in {State.ACCEPTED, State.CARRIED}:
            agreed += fen
        elif case != case_id and state in {State.SUBMITTED, State.APPROVED, State.OFFERED}:
            pending[case] = max(pending.get(case, 0), fen)
    return agreed + sum(pending.values())


def goodwill_before(option: Option, family: list[int], *, at: datetime) -> int:
    """Fen of goodwill the same customer was given or is being offered within the pack's window. Source: FIELD §7."""
    return goodwill_beside(option, goodwill_of(option.case, family, at=at))


def goodwill_of(case: Case, family: list[int], *, at: datetime) -> list[tuple[int, int, str, int]]:
    """What was submitted for the same customer within the window: (option, case, state, goodwill_fen)."""
    since = at - timedelta(days=case.pack.thresholds.goodwill_window_days)
    given = Option.objects.filter(case__customer_id__in=family, submitted_at__gte=since, goodwill_fen__gt=0)
    return list(given.values_list("pk", "case_id", "state", "goodwill_fen"))


def goodwill_beside(option: Option, given: Iterable[tuple[int, int, str, int]]) -> int:
    """What of that counts together with this option."""
    return cumulated(((case, state, fen) for pk, case, state, fen in given if pk != option.pk), option.case_id)
