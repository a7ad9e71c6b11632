"""What the screens of the stages share: sections shown anew after an act, choices of people, sums kept for a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db.models import Q, Value
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from wenguo.cases import payment
from wenguo.cases.case import Case, Channel, Involvement
from wenguo.cases.quote import Kind
from wenguo.compiled import ask
from wenguo.errors import Invalid, Overtaken
from wenguo.people.staff import Post
from wenguo.people.units import Unit
from wenguo.policy.told import told
from wenguo.web.desk.common import Context, again, case_panels, indented
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
    fresh = again(case)
    folder = Folder(fresh, request.user, timezone.now()).keep()
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


def people_and_units(folder: Folder) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Whom work of this case can be given to: people of its units and with a part in it, and all units. One query.

    ([(id, 「姓名 · 部门」)], [(id, title indented by its place in the tree)])
    """
    found: tuple[Any, Any] = kept(folder, "people_and_units", lambda: _people_and_units(folder.case, folder.at))
    return found


def _people_and_units(case: Case, at: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:

    def make(case: int, at: Any, units: Any) -> Any:
        near = Q(unit__in=units) | Q(person__in=Involvement.objects.filter(case=case).values("person"))
        posts = Post.objects.active(at).filter(near, person__is_active=True).order_by("unit__path", "person")
        here = posts.values_list("unit__path", "person_id", "person__name", "unit__title")
        all_units = Unit.objects.working().order_by().annotate(nobody=Value(""))
        return here[: COLLEAGUES * 2].union(all_units.values_list("path", "pk", "nobody", "title"), all=True)

    units = sorted({u.pk for u in (case.unit, case.intake_unit) if u})
    rows = ask("people and units", make, case.pk, at, units)
    rows.sort(key=lambda row: (row[0], row[1]))
    people: dict[int, str] = {}
    for _path, pk, name, title in rows:
        if name:
            people.setdefault(pk, f"{name} · {title}")
    tree = [(str(pk), indented(path, title)) for path, pk, name, title in rows if not name]
    return [(str(pk), words) for pk, words in list(people.items())[:COLLEAGUES]], tree


def cause_choices(case: Case) -> list[tuple[str, list[tuple[str, str]]]]:
    """The cause codes of the pack under their branches, for a select."""
    return [(told(b.title), [(f"{b.code}.{c.code}", told(c.title)) for c in b.causes]) for b in case.pack.causes]


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


def _solve_by(folder: Folder) -> datetime | None:
    """When the solution has to stand, while that is still to come: a measure is done by then unless said otherwise."""
    ends = [c.clock.due_at for c in folder.live_clocks if c.clock.kind == "solve" and c.clock.due_at]
    return min((end for end in ends if end > folder.at), default=None)


def measure_choices(folder: Folder) -> dict[str, Any]:
    """What the forms of a measure choose from; nothing where this person may not plan."""
    may = folder.can("execute") or folder.can("draft_option")
    people, units = people_and_units(folder) if may else ([], [])
    return {
        "measure_kinds": words_of(Kind.choices),
        "methods": words_of(payment.Method.choices),
        "channels": channel_choices(),
        "people": people,
        "units": units,
        "files": [(str(e.pk), e.name) for e in folder.evidence],
        "may_plan": may,
        "solve_by": _solve_by(folder) if may else None,
        "new_key": lambda: uuid4().hex,
    }
