"""What every screen of the desk shares: finding a case, panels of the stages, forms of the acts.

A panel is `(request, folder) -> (template, context) | None`; the template begins with `<section id=…>` and finds in its
context what the panel gives, beside `case`, `folder`, `person` and `at`. A module of a stage fills the slots at import:

    @stage_panel("investigation")                    # shown open while the case is in that stage
    @earlier_panel(_("调查"), from_stage="investigation")   # folded and readable in all later stages

An act is a form of its own with its own address, `desk:act number name`; without script it is a page, with script it
opens in the panel 「下一步」:

    @act_form("pause", "desk/case/acts/pause.html", context=reasons)
    def pause(request, folder, given) -> str | Done: …      # reads, checks, acts; returns what to say
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from markupsafe import Markup

from wenguo.cases.case import Case
from wenguo.cases.events import LOOKS
from wenguo.cases.lifecycle import ACTS, Stage
from wenguo.cases.moved import moved_on
from wenguo.compiled import ask
from wenguo.errors import Invalid, NotFound, Overtaken
from wenguo.journal import Event, title_of
from wenguo.people.scope import Reach, reach
from wenguo.people.staff import Person
from wenguo.web.desk.folder import Folder, marked
from wenguo.web.doors import go, panels
from wenguo.web.filters import local_time
from wenguo.web.given import Given
from wenguo.web.jinja import url

Panel = Callable[[HttpRequest, Folder], tuple[str, dict[str, Any]] | None]
Context = Callable[[HttpRequest, Folder], dict[str, Any]]

# What a case page reads in one go.
RELATED = (
    "record",
    "record__received_by",
    "customer",
    "owner",
    "first_responsible",
    "unit",
    "intake_unit",
    "stream",
    "merged_into",
    "continues",
    "split_from",
)

stage_panels: dict[str, list[Panel]] = defaultdict(list)
earlier_panels: dict[str, tuple[Any, tuple[str, ...], Panel]] = {}  # by stage: title, what there must be, panel


def stage_panel(*stages: str) -> Callable[[Panel], Panel]:
    """Show this panel in the middle of the page while the case is in one of these stages."""

    def keep(panel: Panel) -> Panel:
        for stage in stages:
            stage_panels[stage].append(panel)
        return panel

    return keep


def earlier_panel(title: Any, from_stage: str, has: tuple[str, ...]) -> Callable[[Panel], Panel]:
    """Keep this panel readable under `title` in every stage after `from_stage`, if the case has any of `has`.

    It is made when somebody unfolds it.
    """

    def keep(panel: Panel) -> Panel:
        earlier_panels[from_stage] = (title, has, panel)
        return panel

    return keep


# ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────────


def me(request: HttpRequest) -> Any:
    """The member of staff who is signed in; every screen of the desk has one."""
    return request.user


def find_case(request: HttpRequest, number: str) -> Case:
    """The case among those this person may see, for reading or for an act.

    NotFound: no such case, or not for this person. Overtaken: the page posted is older than the case (`version`), and
    not only by what the program did to its clock.
    """
    found = _seen(number, reach(me(request), timezone.now()), with_marks=request.method == "GET")
    if not found:
        raise NotFound(_("没有找到投诉件「{number}」，或者它不在您可以查看的范围内").format(number=number))
    case: Case = found[0]
    read = request.POST.get("version", "")
    version = int(read) if read.isdecimal() and len(read) < 10 else 0
    if read and version != case.version and moved_on(case, version):
        raise Overtaken(_overtaken(case))
    return case


def _seen(number: str, span: Reach, *, with_marks: bool) -> list[Any]:
    """The case of this number, if it lies within what somebody sees."""

    def make(number: str, *reach: Any) -> Any:
        found = Case.objects.within(span.like(*reach)).select_related(*RELATED).filter(number=number)
        return marked(found) if with_marks else found

    return ask(("case", with_marks, span.everything), make, number, *span.values)


def _overtaken(case: Case) -> str:
    """Who did what since the page was opened, and where the case is now."""
    last = Event.objects.filter(stream_id=case.stream_id).exclude(type__in=LOOKS).order_by("-seq").first()
    words = _("「{number}」在您打开之后已有更新，请刷新后再做一次；您填写的内容仍在").format(number=case.number)
    if last is None:
        return words
    who = _("系统") if last.by == "system" else _("客户")
    if last.by.startswith("staff:"):
        who = Person.objects.values_list("name", flat=True).get(pk=int(last.by[6:]))
    told = _("现在是「{stage}」，最近一次：{who} {time} {what}").format(
        stage=case.get_stage_display(), who=who, time=local_time(last.at), what=title_of(last.type)
    )
    return f"{words}。{told}"


def again(case: Case) -> Case:
    """The same case as it is now, with what a page shows of it."""
    fresh: Case = marked(Case.objects.select_related(*RELATED)).get(pk=case.pk)
    return fresh


def of_case(rows: Any, pk: str, what: str) -> Any:
    """The row of a case's own set that a form names; NotFound when it is not there."""
    found = rows.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 18 else None
    if found is None:
        raise NotFound(_("没有找到这项{what}").format(what=what))
    return found


# ── the forms of the acts ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Done:
    """What an act form answers: what to say, and where to go if not back to the case."""

    said: str
    to: str = ""


Doing = Callable[[HttpRequest, Folder, Given], "str | Done"]
Why = Callable[[Folder], str]


@dataclass(frozen=True)
class Form:
    """The form of one act. `why`: what besides stage and permission stands in its way, "" if nothing; `template` ""
    for an act without a form: it is a button. `group`: under which heading of 「更多操作」."""

    name: str
    template: str
    do: Doing
    context: Context | None
    why: Why | None
    group: Any
    symbol: str
    title: Any
    danger: bool

    @property
    def words(self) -> Any:
        return self.title or ACTS[self.name].title


forms: dict[str, Form] = {}


def act_form(
    name: str,
    template: str = "",
    *,
    context: Context | None = None,
    why: Why | None = None,
    group: Any = "",
    symbol: str = "",
    title: Any = "",
    danger: bool = False,
) -> Callable[[Doing], Doing]:
    """Declare the form of the act `name` of the lifecycle."""
    assert name in ACTS, name

    def keep(do: Doing) -> Doing:
        forms[name] = Form(name, template, do, context, why, group, symbol, title, danger)
        return do

    return keep


def form_of(name: str) -> Form:
    """NotFound: no such act, or it is done elsewhere."""
    if name not in forms:
        raise NotFound(_("没有这项操作"))
    return forms[name]


# ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def rendered(request: HttpRequest, folder: Folder, panel: Panel) -> Markup:
    """A panel as HTML; empty when it has nothing to show."""
    shown = panel(request, folder)
    if shown is None:
        return Markup("")
    template, context = shown
    return Markup(render_to_string(template, {**frame(request, folder), **context}, request=request))


def frame(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    """What the template of every panel of a case finds."""
    return {"case": folder.case, "folder": folder, "at": folder.at, "person": me(request)}


def middle(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    """The panels of this stage, open, and the titles of those of the stages before: [(stage, title)]."""
    now = stage_panels.get(folder.case.stage, [])
    return {"stage_now": [html for p in now if (html := rendered(request, folder, p))], "stage_past": past(folder)}


def past(folder: Folder) -> list[tuple[str, str]]:
    """The stages this case has behind it that left something to read, in their order, with their titles."""
    order = [s.value for s in Stage]
    now = stage_panels.get(folder.case.stage, [])
    return [
        (stage, str(earlier_panels[stage][0]))
        for stage in order[: order.index(folder.case.stage)]
        if stage in earlier_panels and earlier_panels[stage][2] not in now and folder.has(*earlier_panels[stage][1])
    ]


# The parts of the page that any act may have changed; they ride along behind the panel that was worked in.
ALONG = (
    "desk/case/_head.html",
    "desk/case/_letter.html",
    "desk/case/_next.html",
    "desk/case/_timeline.html",
)


def case_panels(
    request: HttpRequest, case: Case, *templates: str, context: Mapping[str, Any] | None = None, said: str = ""
) -> HttpResponse:
    """After an act that left the stage as it is: these sections, then head, next step and timeline.

    `templates` find `case`, `folder`, `person`, `at` and `context`. Without htmx: back to the case page.
    """
    to = url("desk:case", case.number)
    if request.headers.get("HX-Request") != "true":
        return panels(request, context={}, to=to, said=said)
    fresh = case if case.kept is not None else again(case)
    folder = Folder(fresh, me(request), timezone.now()).keep()
    given = {**frame(request, folder), **folder.parts(), **(context or {})}
    return panels(request, *templates, *ALONG, context=given, to=to, said=said)


def case_again(request: HttpRequest, case: Case, said: str = "") -> HttpResponse:
    """After a move: the whole case page anew."""
    return go(request, url("desk:case", case.number), said)


def answer(
    request: HttpRequest, case: Case, stage_before: str, panel: Panel | None = None, *, said: str = ""
) -> HttpResponse:
    """After any act of a stage panel: the panel anew and what rides along; the whole page when the stage moved."""
    if case.stage != stage_before or panel is None:
        return case_again(request, case, said)
    fresh = again(case)
    shown = panel(request, Folder(fresh, me(request), timezone.now()).keep())
    if shown is None:
        return case_again(request, fresh, said)
    return case_panels(request, fresh, shown[0], context=shown[1], said=said)


def spelt(choices: Any) -> list[tuple[Any, str]]:
    """Choices with their words in the language of the moment; a list of choices must not hold lazy words."""
    return [(value, str(label)) for value, label in choices]


def units_to_choose(exclude: Sequence[int | None] = ()) -> list[tuple[str, str]]:
    """Working units as choices, indented by their place in the tree."""
    from wenguo.people.units import Unit

    rows = Unit.objects.working().order_by("path").values_list("pk", "title", "path")
    return [(str(pk), indented(path, title)) for pk, title, path in rows if pk not in exclude]


def indented(path: str, title: str) -> str:
    """The title of a unit, indented by its place in the tree."""
    return "　" * (len([p for p in path.split("/") if p]) - 1) + title


def chosen_unit(given: Given, field: str, label: str, *, optional: bool = False) -> Any:
    """The unit a form names; None when optional and left out, or already refused."""
    from wenguo.people.units import Unit

    written = given.raw(field)
    if not written and optional:
        return None
    unit = Unit.objects.working().filter(pk=int(written)).first() if written.isdecimal() and len(written) < 18 else None
    if unit is None:
        given.refuse(field, _("请选择{label}").format(label=label))
    return unit


def chosen_person(given: Given, field: str, label: str, *, optional: bool = False) -> Any:
    """The member of staff a form names by id; None when optional and left out, or already refused."""
    written = given.raw(field)
    if not written and optional:
        return None
    person = (
        Person.objects.working().filter(pk=int(written)).first() if written.isdecimal() and len(written) < 18 else None
    )
    if person is None:
        given.refuse(field, _("请选择{label}").format(label=label))
    return person


def files_of(request: HttpRequest, field: str = "files") -> list[Any]:
    """The files of a form, stored: what is refused stops the whole form, before anything is kept."""
    from wenguo.cases.evidence import store

    found = request.FILES.getlist(field)
    if any(not f.name for f in found):
        raise Invalid(_("有文件没有名字，请重新选择"), fields={field: _("请重新选择文件")})
    return [store(str(f.name), f.chunks()) for f in found]
