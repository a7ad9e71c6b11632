"""Views of one's own: filters, columns and order of the queue, kept under a name. Nobody else sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from wenguo.errors import Invalid, NotFound, NotNow
from wenguo.web.desk.asked import ASKED, OFFERED, ORDERS
from wenguo.web.desk.common import me
from wenguo.web.doors import desk, go
from wenguo.web.given import Given
from wenguo.web.jinja import url

if TYPE_CHECKING:
    from wenguo.people.staff import Person

MOST = 30  # views of one person


class SavedView(models.Model):
    """`asked`: what its address asks, as {field: value}. The one without a name says how this person's list looks while
    none of the others is open.
    """

    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40, blank=True, default="")
    asked = models.JSONField(default=dict)
    columns = ArrayField(models.CharField(max_length=16), default=list)
    order = models.CharField(max_length=16, blank=True, default="")

    objects: ClassVar[models.Manager[SavedView]] = models.Manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "name"], name="web_saved_view_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def href(self) -> str:
        return f"{url('desk:queue')}?{urlencode({**self.asked, 'own': self.pk})}"


def _asked(query: str) -> dict[str, str]:
    """What an address asks, as a view keeps it; unknown fields fall away."""
    pairs = dict(parse_qsl(query[:4000]))
    return {k: v[:200] for k in ASKED if (v := pairs.get(k, ""))}


def _mine(person: Person, pk: Any) -> SavedView:
    found = (
        SavedView.objects.filter(person=person, pk=int(pk)).exclude(name="").first() if str(pk).isdecimal() else None
    )
    if found is None:
        raise NotFound(_("没有这个视图，可能已经删除"))
    return found


def _named(name: str, view: SavedView) -> SavedView:
    """Save under this name. Invalid: another view of this person has it."""
    view.name = name
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as taken:
        message = _("您已有一个叫「{name}」的视图").format(name=name)
        raise Invalid(message, fields={"name": message}) from taken
    return view


@desk(permission="case.see")
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the list as it stands under a name."""
    given = Given(request.POST)
    name = given.text("name", _("视图名称"), most=40)
    given.check()
    if SavedView.objects.filter(person=me(request)).count() > MOST:
        raise NotNow(_("最多保存 {n} 个视图，请先删除不用的").format(n=MOST))
    layout = _layout_of(me(request), given.raw("own"))
    view = SavedView(person=me(request), asked=_asked(given.raw("query")))
    if layout is not None:
        view.columns, view.order = layout.columns, layout.order
    return go(request, _named(name, view).href, _("已保存视图「{name}」").format(name=name))


@desk(permission="case.see")
@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a view, take over the filters that are on now, or delete it (`do`: rename | update | delete)."""
    view, given = _mine(me(request), pk), Given(request.POST)
    do = given.choice("do", _("操作"), {"rename", "update", "delete"})
    name = given.text("name", _("视图名称"), most=40) if do == "rename" else view.name
    given.check()
    if do == "delete":
        view.delete()
        return go(request, url("desk:queue"), _("已删除视图「{name}」，投诉件没有变动").format(name=name))
    if do == "update":
        view.asked = _asked(given.raw("query"))
    _named(name, view)
    return go(request, view.href, _("已保存视图「{name}」").format(name=name))


@desk(permission="case.see")
@require_POST
def layout(request: HttpRequest) -> HttpResponse:
    """Which columns and which order: of the open view, else of this person's list at large."""
    given = Given(request.POST)
    columns = given.choices("columns", _("列"), set(OFFERED))
    order = given.choice("order", _("排列"), set(ORDERS), optional=True)
    given.check()
    own = given.raw("own")
    view = _mine(me(request), own) if own else SavedView.objects.get_or_create(person=me(request), name="")[0]
    view.columns, view.order = columns, order
    view.save(update_fields=["columns", "order"])
    asked = {k: v for k, v in _asked(given.raw("query")).items() if k != "order"}
    back = urlencode({**asked, **({"own": own} if own else {})})
    return go(request, f"{url('desk:queue')}?{back}", _("已保存列和排列，下次打开还是这样"))


def _layout_of(person: Person, own: str) -> SavedView | None:
    """The view that gives the list its columns at the moment."""
    return _mine(person, own) if own else SavedView.objects.filter(person=person, name="").first()
