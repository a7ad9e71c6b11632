"""What the queue is held against: fifty cases with their customers and owners, by session, instances and Django's
template, nothing more; as one would write it first."""

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

from wenguo.cases.case import Case  # noqa: E402

PAGE = Template(
    "<html><body><h1>{{ person.name }}</h1><table>{% for c in cases %}<tr><td><a href='/desk/cases/{{ c.number }}/'>"
    "{{ c.number }}</a></td><td>{{ c.subject }}</td><td>{{ c.get_stage_display }}</td><td>{{ c.level }}</td>"
    "<td>{{ c.customer.name }}</td><td>{{ c.owner.name }}</td><td>{{ c.unit.title }}</td>"
    "<td>{{ c.next_due_at|date:'Y-m-d H:i' }}</td><td>{{ c.received_at|date:'Y-m-d H:i' }}</td></tr>{% endfor %}"
    "</table></body></html>"
)


def queue(request: HttpRequest) -> HttpResponse:
    cases = Case.objects.open().select_related("customer", "owner", "unit").order_by("next_due_at", "pk")
    return HttpResponse(PAGE.render(Context({"person": request.user, "cases": cases[:50]})))


urlpatterns = [path("", queue)]
