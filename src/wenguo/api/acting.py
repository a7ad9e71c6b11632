"""How an act becomes an operation: find among what this person may see, read a typed body, act, show.

    chapter = Chapter("triage")

    @chapter.act("classify")
    def classify(on: On, body: ClassifyIn) -> None:
        triage.classify(on.case, body.category, body.also, by=on.by, at=on.at)

registers `POST /cases/{number}/classify`. Nothing in here is a rule: whether it may be done says the act.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast, get_type_hints

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from ninja import Path, Query, Router, Status

from wenguo.api.shapes import CaseOut
from wenguo.cases.case import Case
from wenguo.cases.lifecycle import ACTS
from wenguo.cases.moved import moved_on
from wenguo.cases.number import parse
from wenguo.compiled import ask, run
from wenguo.errors import Invalid, NotFound, Overtaken
from wenguo.people.actor import permit
from wenguo.people.staff import Person
from wenguo.people.units import Unit

Number = Annotated[str, Path(max_length=60, description="投诉编号，如 TS-2611-0042-7", examples=["TS-2611-0042-7"])]
Version = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="读取时的 version；其间有他人变更则回答 409，不会覆盖")
]
RELATED = ("record", "customer", "owner", "first_responsible", "unit", "intake_unit")
_CASES = Case.objects.select_related(*RELATED, "stream")
OPERATIONS: dict[str, set[str]] = {}  # act of the lifecycle: the operations that do it


@dataclass(frozen=True)
class On:
    """What an act is about: the case as found, who acts, when."""

    request: HttpRequest
    case: Case
    by: Person
    at: datetime

    def row(self, rows: QuerySet[Any], pk: int | None, what: str) -> Any:
        """One of the case's own rows. NotFound: none of this case has that id."""
        found = rows.filter(pk=pk).first()
        if found is None:
            raise NotFound(_("这件投诉没有编号为 {id} 的{what}").format(id=pk, what=what))
        if hasattr(found, "case_id"):
            found.case = self.case
        return found

    def optional(self, rows: QuerySet[Any], pk: int | None, what: str) -> Any:
        """The same, or None when none is named."""
        return None if pk is None else self.row(rows, pk, what)

    def rows(self, rows: QuerySet[Any], pks: Sequence[int], what: str) -> list[Any]:
        return [self.row(rows, pk, what) for pk in dict.fromkeys(pks)]

    def unit(self, pk: int, field: str = "unit") -> Unit:
        """A unit that is named. Invalid: there is none."""
        found = Unit.objects.filter(pk=pk).first()
        if found is None:
            raise Invalid(_("没有这个机构"), fields={field: _("没有编号为 {id} 的机构").format(id=pk)})
        return found

    def person(self, pk: int, field: str = "person") -> Person:
        """A member of staff who is named. Invalid: there is none."""
        found = Person.objects.filter(pk=pk).first()
        if found is None:
            raise Invalid(_("没有这位员工"), fields={field: _("没有编号为 {id} 的员工").format(id=pk)})
        return found


def caller(request: HttpRequest) -> Person:
    """Whose token it is."""
    return cast(Person, request.user)


def visible(request: HttpRequest, at: datetime) -> Any:
    """The cases the caller may see. NotYours: none at all."""
    permit(caller(request), "case.see", at)
    return Case.objects.visible_to(caller(request), at)


def find(request: HttpRequest, number: str, version: int | None = None) -> Case:
    """The case among those the caller may see. NotFound: none; Overtaken: it moved on since `version`."""
    at, person = timezone.now(), caller(request)
    permit(person, "case.see", at)
    try:
        number = parse(number)
    except Invalid as wrong:
        raise NotFound(wrong.message) from None
    case = next(iter(ask("case by number", lambda number: _CASES.filter(number=number), number)), None)
    if case is None or not case.is_visible_to(person, at):
        raise NotFound(_("没有找到，或您无权查看"))
    if version is not None and version != case.version:
        raise Overtaken(
            _("「{number}」已被他人更新（当前版本 {version}），请重新读取后再试").format(
                number=case.number, version=case.version
            )
        )
    return case


def begin(request: HttpRequest, number: str, version: int | None = None) -> On:
    """The case and who acts on it, now."""
    case = find(request, number, version)
    return On(request, case, caller(request), timezone.now())


def shown(case: Case) -> Case:
    """The case as it stands after an act: the one in hand where nothing else has moved it on, else read again."""
    if run("SELECT version FROM cases_case WHERE id = %s", [case.pk]) == [(case.version,)]:
        return case
    return ask("case by id", lambda pk: _CASES.filter(pk=pk), case.pk)[0]


class Chapter:
    """The operations of one chapter of the case, under one tag."""

    def __init__(self, tag: str) -> None:
        self.router = Router(tags=[tag])

    def act(
        self, name: str, *, of: Sequence[str] = (), summary: Any = "", gives: Any = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """`POST /cases/{number}/<name>`, for the acts `of` the lifecycle (by default the one called `name`).

        Answers 200 with the case; with `gives` 201 with what the function returns. Its docstring is the description.
        """
        acts = tuple(of) or (name,)
        for act in acts:
            assert act in ACTS, act
            OPERATIONS.setdefault(act, set()).add(name)

        def register(do: Callable[..., Any]) -> Callable[..., Any]:
            body = get_type_hints(do, include_extras=True).get("body")
            with override(None):  # the description is in Chinese, whoever comes first
                title = str(summary or ACTS[acts[0]].title)
            self.router.add_api_operation(
                f"/{{number}}/{name}", ["POST"], _view(do, body, gives), operation_id=name, summary=title,
                response={201: gives} if gives else {200: CaseOut}, openapi_extra={"x-acts": list(acts)},
            )  # fmt: skip
            return do

        return register

    def rows(self, name: str, row: Any, summary: str) -> Callable[[Callable[[On], Any]], Callable[[On], Any]]:
        """`GET /cases/{number}/<name>`: the rows of one kind that the case has."""

        def register(read: Callable[[On], Any]) -> Callable[[On], Any]:
            def view(request: HttpRequest, number: Number) -> Any:
                return read(begin(request, number))

            _named(view, read)
            self.router.add_api_operation(
                f"/{{number}}/{name}", ["GET"], view, operation_id=f"list_{name}", summary=summary,
                response={200: list[row]},
            )  # fmt: skip
            return read

        return register


def _view(do: Callable[..., Any], body: Any, gives: Any) -> Callable[..., Any]:
    def view(request: HttpRequest, number: str, version: int | None, response: HttpResponse, **given: Any) -> Any:
        on = begin(request, number, version)
        read = on.case.version
        try:
            made = do(on, **given)
        except Overtaken:
            on = begin(request, number, version)
            if moved_on(on.case, read):
                raise
            made = do(on, **given)
        case = shown(made if isinstance(made, Case) else on.case)
        response["Case-Version"] = str(case.version)
        return Status(201, made) if gives else Status(200, case)

    parameters = [
        _parameter("request", HttpRequest),
        _parameter("number", Number),
        _parameter("response", HttpResponse),
        _parameter("version", Version, None),
    ]
    if body is not None:
        may_be_left_out = not any(field.is_required() for field in body.model_fields.values())
        parameters.append(_parameter("body", body, body() if may_be_left_out else inspect.Parameter.empty))
    view.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return _named(view, do)


def _parameter(name: str, type: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=type, default=default)


def _named(view: Callable[..., Any], do: Callable[..., Any]) -> Callable[..., Any]:
    view.__name__, view.__module__, view.__doc__ = do.__name__, do.__module__, do.__doc__
    return view
