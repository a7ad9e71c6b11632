"""What the pages are held against: fifty cases with their customers and owners, and one case with its record, clocks,
letters and story; by session, instances and Django's template, nothing more; as one would write it first."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
django.setup()
settings.MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
settings.ROOT_URLCONF = __name__
application = WSGIHandler()

from wenguo import journal  # noqa: E402
from wenguo.cases.case import Case  # noqa: E402

PAGE = Template(
    "<html><body><h1>{{ person.name }}</h1><table>{% for c in cases %}<tr><td><a href='/desk/cases/{{ c.number }}/'>"
    "{{ c.number }}</a></td><td>{{ c.subject }}</td><td>{{ c.get_stage_display }}</td><td>{{ c.level }}</td>"
    "<td>{{ c.customer.name }}</td><td>{{ c.owner.name }}</td><td>{{ c.unit.title }}</td>"
    "<td>{{ c.next_due_at|date:'Y-m-d H:i' }}</td><td>{{ c.received_at|date:'Y-m-d H:i' }}</td></tr>{% endfor %}"
    "</table></body></html>"
)

CASE = Template(
    "<html><body><h1>{{ person.name }}</h1><h2>{{ c.number }} {{ c.subject }}</h2><p>{{ c.customer.name }}</p>"
    "<p>{{ c.get_stage_display }} {{ c.level }} {{ c.owner.name }} {{ c.unit.title }}</p><dl>"
    "{% for name, value in told %}<dt>{{ name }}</dt><dd>{{ value|linebreaksbr }}</dd>{% endfor %}</dl><ul>"
    "{% for clock in clocks %}<li>"
    "{{ clock.title }} {{ clock.get_state_display }} {{ clock.due_at|date:'Y-m-d H:i' }}</li>{% endfor %}</ul><ul>"
    "{% for e in evidence %}<li>{{ e.name }}</li>{% endfor %}</ul><ol>{% for event in events %}<li>{{ event.type }} "
    "{{ event.by }} {{ event.at|date:'Y-m-d H:i' }} {{ event.private.subject }} {{ event.private.body|linebreaksbr }}"
    "</li>{% endfor %}</ol></body></html>"
)


def queue(request: HttpRequest) -> HttpResponse:
    cases = Case.objects.open().select_related("customer", "owner", "unit").order_by("next_due_at", "pk")
    return HttpResponse(PAGE.render(Context({"person": request.user, "cases": cases[:50]})))


def case(request: HttpRequest, number: str) -> HttpResponse:
    found = Case.objects.select_related("record", "customer", "owner", "unit").get(number=number)
    told = [(f.verbose_name, getattr(found.record, f.attname)) for f in found.record._meta.concrete_fields]
    events = journal.Event.objects.filter(stream=found.stream_id).order_by("-seq")[:60]
    rows = {"clocks": found.clocks.all(), "evidence": found.evidence.all(), "events": events}
    return HttpResponse(CASE.render(Context({"person": request.user, "c": found, "told": told, **rows})))


urlpatterns = [path("", queue), path("<str:number>/", case)]
