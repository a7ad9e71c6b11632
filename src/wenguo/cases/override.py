"""越级审批: an option let through in an emergency, and the written justification owed for it. Source: RS-9."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock
from wenguo.cases.approval import Approval, signed, signers
from wenguo.cases.authority import name_for, ranks_from, ranks_of_day, units_above
from wenguo.cases.case import add_words, flag, record, unflag
from wenguo.cases.evidence import Evidence
from wenguo.cases.lifecycle import require
from wenguo.cases.notice import tell
from wenguo.cases.option import Option, State, held
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.staff import Person
from wenguo.policy.versions import in_force
from wenguo.text.normal import clean

OWED = "override_owed"  # flag: the justification of an override is not in yet


class Override(models.Model):
    """越级审批: an option let through in an emergency, and the justification owed for it. Source: RS-9."""

    option = models.ForeignKey(Option, on_delete=models.CASCADE, related_name="overrides")
    attempt = models.PositiveSmallIntegerField()
    rule = models.CharField(max_length=40)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    in_name_of = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.TextField()
    justified_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    justified_at = models.DateTimeField(null=True)
    words = models.TextField(blank=True, default="")
    evidence = models.ManyToManyField(Evidence, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["option", "attempt"], name="cases_override_once")]

    @property
    def about(self) -> str:
        return f"override:{self.pk}"


@transaction.atomic
def override(option: Option, reason: str, *, by: Person, at: datetime) -> Override:
    """越级审批: let the option through now; the written justification is owed within its clock. Source: RS-9.

    By the roles of the policy, never on one's own proposal. NotNow: it does not wait for anybody.
    """
    case = option.case
    require(case, "override", by=by, at=at)
    reason = clean(reason, 5000)
    if not reason:
        raise Invalid(_("请写明紧急情形"), fields={"reason": _("请写明紧急情形")})
    option = held(option)
    rule = in_force(at).pack.approval.override
    step = option.approvals.filter(attempt=option.attempt, state="waiting").first()
    if option.state != State.SUBMITTED or step is None:
        raise NotNow(_("该方案不在审批中，无须越级"))
    step.option = option
    units = units_above([step.unit, case.unit, case.intake_unit])
    authors = {option.drafted_by_id, step.proposed_by_id}
    name = name_for(rule.roles, units, authors, by, at)
    if name is None:
        if by.pk in authors:
            raise NotYours(_("不能越级批准自己提出的方案"))
        titles = "、".join(in_force(at).pack.role_title(r) for r in rule.roles)
        raise NotYours(_("只有本部门或上级的{roles}可以越级处置").format(roles=titles))
    passed = _pass_over(option, name, by=by, at=at)
    signed(option)
    made = Override.objects.create(
        option=option, attempt=option.attempt, rule=rule.id, by=by, in_name_of=name, at=at, reason=reason
    )
    record(
        case, "approval.overridden", by=by, at=at, because=rule.id,
        data={"option": option.pk, "override": made.pk, "in_name_of": name.pk, "amount_fen": option.amount_fen},
        private={"reason": reason}, set={"flags": flag(case, OWED)},
    )  # fmt: skip
    clock.start(case, "override", by=by, at=at, about=made.about, rule=case.pack.clock_rule(rule.clock))
    words, others = _noop("「{title}」已由{name}越级处置"), {p for p in passed if p.pk != by.pk}
    tell(case, others, "approval.overridden", words, at=at, title=option.title, name=by.name)
    return made


def _pass_over(option: Option, name: Person, *, by: Person, at: datetime) -> set[Person]:
    """Mark the waiting steps as passed over; returns those who would have signed them."""
    passed: set[Person] = set()
    for step in option.approvals.filter(attempt=option.attempt, state="waiting"):
        step.option = option
        passed |= set(signers(step, at=at))
        step.state, step.decided_by, step.in_name_of, step.decided_at = Approval.State.OVERRIDDEN, by, name, at
        step.save()
        clock.stop(option.case, "approve", by=by, at=at, about=step.about, cancel=True)
    return passed


@transaction.atomic
def justify(override: Override, words: str, evidence: Iterable[Evidence], *, by: Person, at: datetime) -> None:
    """补交越级说明, in writing and with evidence of the case. By whoever passed over, or a superior."""
    case = override.option.case
    require(case, "justify", by=by, at=at)
    words, proofs = clean(words, 10_000), list(evidence)
    wrong = {
        "words": ""
        if words
        else _("请写明：{needs}").format(needs="；".join(in_force(at).pack.approval.override.needs)),
        "evidence": "" if proofs and all(e.case_id == case.pk for e in proofs) else _("请附上本案的证明材料"),
    }
    if any(wrong.values()):
        raise Invalid(_("越级说明还不完整"), fields={k: v for k, v in wrong.items() if v})
    units = units_above([case.unit, case.intake_unit])
    if by.pk != override.by_id and name_for(ranks_from("manager", ranks_of_day(at)), units, set(), by, at) is None:
        raise NotYours(_("须由越级处置人或其上级补交说明"))
    if not Override.objects.filter(pk=override.pk, justified_at=None).update(
        justified_by=by, justified_at=at, words=words
    ):
        raise NotNow(_("该越级说明已补交"))
    override.refresh_from_db(fields=["justified_by", "justified_at", "words"])
    override.evidence.set(proofs)
    clear = not Override.objects.filter(option__case=case, justified_at=None).exists()
    record(
        case, "override.justified", by=by, at=at, because=override.rule,
        data={"override": override.pk, "evidence": [e.pk for e in proofs]}, private={"words": words},
        set={"flags": unflag(case, [OWED])} if clear else None,
    )  # fmt: skip
    add_words(case, words)
    clock.stop(case, "override", by=by, at=at, about=override.about)


def owed_overrides() -> models.QuerySet[Override]:
    """Overrides whose justification is still owed, the oldest first; filter by `option__case__in` what one may see."""
    return Override.objects.filter(justified_at=None).select_related("option__case", "by").order_by("at")
