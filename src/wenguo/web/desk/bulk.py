"""The same act on many cases: each case is its own transaction through the real act, each result in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_POST

from wenguo.cases import acceptance, handover
from wenguo.cases.case import Case
from wenguo.cases.lifecycle import ACTS
from wenguo.errors import Invalid, Refusal
from wenguo.web.desk.common import RELATED, chosen_person, chosen_unit, me
from wenguo.web.doors import by_htmx, desk, may, page
from wenguo.web.given import Given

MOST = 100  # cases at once
KEPT_DAYS = 7


class Done(models.Model):
    """One case that a press of a bulk button has done. `key` is of the form that was pressed: pressed twice, the row is
    there and the act is not done again.
    """

    key = models.CharField(max_length=80)
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    act = models.CharField(max_length=16)
    said = models.CharField(max_length=200)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Done]] = models.Manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "key", "act", "case"], name="web_bulk_done_once")
        ]
        indexes: ClassVar = [models.Index(fields=["person", "at"], name="web_bulk_done_old")]


@dataclass(frozen=True)
class Result:
    """What became of one case; `ok` False: `words` say why it was not done."""

    pk: int
    number: str
    subject: str
    ok: bool
    words: str


Doing = Callable[[Case, Any, datetime], str]
Reading = Callable[[Given], Doing]


@dataclass(frozen=True)
class Bulk:
    """An act one may do to many. `read` reads the fields of its form and gives what is done to each case."""

    name: str
    read: Reading
    symbol: str
    fields: tuple[str, ...] = ()

    @property
    def words(self) -> Any:
        return ACTS[self.name].title


def _take(given: Given) -> Doing:
    def do(case: Case, by: Any, at: datetime) -> str:
        handover.take(case, by=by, at=at)
        return _("已由您负责")

    return do


def _accept(given: Given) -> Doing:
    def do(case: Case, by: Any, at: datetime) -> str:
        acceptance.accept(case, by=by, at=at)
        return _("已受理")

    return do


def _appoint(given: Given) -> Doing:
    owner = chosen_person(given, "owner", _("负责人"))

    def do(case: Case, by: Any, at: datetime) -> str:
        if case.owner_id == owner.pk:
            return _("已由{name}负责，没有变动").format(name=owner.name)
        handover.appoint(case, owner, by=by, at=at)
        return _("已指定{name}负责").format(name=owner.name)

    return do


def _dispatch(given: Given) -> Doing:
    unit = chosen_unit(given, "unit", _("转往的部门"))
    words = given.text("dispatch_words", _("转办说明"), most=5000)

    def do(case: Case, by: Any, at: datetime) -> str:
        if case.unit_id == unit.pk:
            return _("已在「{unit}」，没有变动").format(unit=unit.title)
        handover.dispatch(case, unit, words, by=by, at=at)
        return _("已转给「{unit}」，等待签收").format(unit=unit.title)

    return do


def _remind(given: Given) -> Doing:
    words = given.text("remind_words", _("催办说明"), most=5000)

    def do(case: Case, by: Any, at: datetime) -> str:
        handover.remind(case, words, by=by, at=at)
        return _("已催办（第 {n} 次）").format(n=case.repeats)

    return do


def _supervise(given: Given) -> Doing:
    words = given.text("supervise_words", _("督办要求"), most=5000)

    def do(case: Case, by: Any, at: datetime) -> str:
        handover.supervise(case, words, by=by, at=at)
        return _("已下达督办")

    return do


ALL = {
    b.name: b
    for b in (
        Bulk("take", _take, "user-check"),
        Bulk("accept", _accept, "check"),
        Bulk("appoint", _appoint, "user-plus", ("owner",)),
        Bulk("dispatch", _dispatch, "send", ("unit", "dispatch_words")),
        Bulk("remind", _remind, "bell-ringing", ("remind_words",)),
        Bulk("supervise", _supervise, "eye", ("supervise_words",)),
    )
}
REASONS = {"dispatch_words": _lazy("转办说明"), "remind_words": _lazy("催办说明"), "supervise_words": _lazy("督办要求")}


def offered(person: Any) -> list[Bulk]:
    """The bulk acts that this person's roles permit at all."""
    return [b for name, b in ALL.items() if may(person, ACTS[name].permission)]


def new_key(person: Any, at: datetime) -> str:
    """For the next press of a bulk button."""
    return f"{person.pk}-{at.timestamp():.6f}"


def run(bulk: Bulk, do: Doing, ids: Sequence[int], *, key: str, by: Any, at: datetime) -> list[Result]:
    """Do it to each in the order given; what one refuses does not touch the others."""
    seen = Case.objects.visible_to(by, at)
    Done.objects.filter(person=by, at__lt=at - timedelta(days=KEPT_DAYS)).delete()
    return [_one(bulk, do, seen, pk, key, by, at) for pk in dict.fromkeys(ids)]


def _one(bulk: Bulk, do: Doing, seen: Any, pk: int, key: str, by: Any, at: datetime) -> Result:
    case = seen.select_related(*RELATED).filter(pk=pk).first()
    if case is None:
        return Result(pk, "", "", False, _("没有找到，或者它不在您可以查看的范围内"))
    try:
        with transaction.atomic():
            row, first = Done.objects.get_or_create(
                person=by, key=key, act=bulk.name, case=case, defaults={"at": at}
            )  # a second press waits here for the first, and then finds it done
            if first:
                row.said = do(case, by, at)[:200]
                row.save(update_fields=["said"])
            return Result(pk, case.number, case.subject, True, row.said)
    except Refusal as refusal:
        return Result(pk, case.number, case.subject, False, refusal.message)


@desk(permission="case.see")
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """A press of a button in the bar of the selection, or of `e` on a row (`one` names the only case)."""
    given = Given(request.POST)
    at, person = timezone.now(), me(request)
    bulk = ALL.get(given.raw("act"))
    ids = [int(pk) for pk in given.data.getlist("case") if pk.isdecimal() and len(pk) < 18]
    one = given.raw("one")
    if one.isdecimal() and len(one) < 18:
        bulk, ids = ALL["take"], [int(one)]
    if bulk is None:
        raise Invalid(_("请选择要做什么"))
    if not ids:
        raise Invalid(_("请先勾选投诉件"))
    if len(ids) > MOST:
        raise Invalid(_("一次最多 {most} 件，现在选了 {n} 件").format(most=MOST, n=len(ids)))
    do = bulk.read(given)
    given.check()
    results = run(bulk, do, ids, key=given.raw("key")[:80], by=person, at=at)
    context = {
        "act": bulk.words,
        "done": [r for r in results if r.ok],
        "refused": [r for r in results if not r.ok],
        "key": new_key(person, at),
        "at": at,
        "person": person,
    }
    if not by_htmx(request):
        return page(request, "desk/queue_bulk.html", context, here="queue")
    answer = HttpResponse(render_to_string("desk/queue_bulk_done.html", context, request=request))
    answer["HX-Trigger-After-Settle"] = "wenguo:relist"
    return answer
