"""What the screens of the stages share: sections shown anew after an act, choices of people, sums kept for a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from wenguo.cases.case import Case, Channel
from wenguo.errors import Invalid, Overtaken
from wenguo.people.staff import Post
from wenguo.web.desk.common import RELATED, Context, case_panels
from wenguo.web.desk.folder import Chip, Folder
from wenguo.web.doors import by_htmx, panels
from wenguo.web.given import Given
from wenguo.web.jinja import url

REASON = "desk/case/acts/reason.html"  # the form of an act that asks for nothing but a reason
COLLEAGUES = 200  # a longer list is not chosen from; whole units are asked instead


def kept(folder: Folder, key: str, make: Callable[[], Any]) -> Any:
    """What was read once for this folder, for panels that show the same thing."""
    store: dict[str, Any] = folder.__dict__.setdefault("_kept", {})
    if key not in store:
        store[key] = make()
    return store[key]


def shown(
    request: HttpRequest, case: Case, sections: Sequence[str], context: Context, *, said: str, anchor: str = ""
) -> HttpResponse:
    """After an act that left the stage as it is: these sections anew. Without script: the case page, at `anchor`."""
    if not by_htmx(request):
        to = url("desk:case", case.number) + (f"#{anchor}" if anchor else "")
        return panels(request, context={}, to=to, said=said)
    fresh = Case.objects.select_related(*RELATED).get(pk=case.pk)
    folder = Folder(fresh, request.user, timezone.now())
    return case_panels(request, fresh, *sections, context=context(request, folder), said=said)


def chip_of(folder: Folder, about: str) -> Chip | None:
    """The clock of one request, approval or call-back, running or over."""
    return next((c for c in folder.clocks if c.clock.about == about), None)


def as_read(given: Given, field: str, now: int) -> int:
    """The version of a row the form was made from; the act's own guard does the rest. Overtaken: no number."""
    written = given.raw(field)
    if not written:
        return now
    if not written.isdecimal() or len(written) > 9:
        raise Overtaken(_("页面已过期，请刷新后再试"))
    return int(written)


def colleagues(case: Case, at: Any, exclude: int | None = None) -> list[tuple[str, str]]:
    """People of the units that have the case, and those who have a part in it: [(id, 「姓名 · 部门」)]."""
    units = {u.pk for u in (case.unit, case.intake_unit) if u}
    near = Q(unit__in=units) | Q(person__in=case.involvements.values("person"))
    posts = Post.objects.active(at).filter(near, person__is_active=True).exclude(person=exclude)
    rows = posts.order_by("unit__path", "person").values_list("person_id", "person__name", "unit__title")[
        : COLLEAGUES * 2
    ]
    found: dict[int, str] = {}
    for pk, name, unit in rows:
        found.setdefault(pk, f"{name} · {unit}")
    return [(str(pk), words) for pk, words in list(found.items())[:COLLEAGUES]]


def cause_choices(case: Case) -> list[tuple[str, list[tuple[str, str]]]]:
    """The cause codes of the pack under their branches, for a select."""
    return [(b.title, [(f"{b.code}.{c.code}", c.title) for c in b.causes]) for b in case.pack.causes]


def channel_choices() -> list[tuple[str, str]]:
    return words_of(Channel.choices)


def yes_no(given: Given, field: str) -> bool | None:
    """ "yes", "no" or nothing; Invalid for anything else."""
    written = given.raw(field)
    if written not in {"", "yes", "no"}:
        raise Invalid(_("请选择是或否"), fields={field: _("请选择")})
    return {"yes": True, "no": False}.get(written)


def words_of(choices: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Choices of a model as a select shows them: (value, words in the reader's language)."""
    return [(str(value), str(words)) for value, words in choices]
