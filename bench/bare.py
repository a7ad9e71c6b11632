"""What our own acts are held against: Django and a pool, a view that inserts and changes rows, nothing more."""

from __future__ import annotations

import json
import os

import django
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
from wenguo.config import settings as ours

if not settings.configured:
    settings.configure(
        SECRET_KEY="bench", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DATABASES=ours.DATABASES, INSTALLED_APPS=[],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"], USE_TZ=True,
    )  # fmt: skip
    django.setup()
ROWS = int(os.environ.get("BENCH_ROWS", "17"))
CHANGES = int(os.environ.get("BENCH_CHANGES", "0"))  # so many rows are changed, each by its id


def take_in(request: HttpRequest) -> HttpResponse:
    body = json.loads(request.body)
    with transaction.atomic(), connection.cursor() as cursor:
        for row in range(ROWS):
            cursor.execute(
                "INSERT INTO bench_bare (kind, body, at) VALUES (%s, %s, now()) RETURNING id", [row, body["text"]]
            )
            number = cursor.fetchone()[0]
        for row in range(CHANGES):
            cursor.execute("UPDATE bench_bare SET kind = kind + 1, at = now() WHERE id = %s", [number - row])
    return HttpResponse(json.dumps({"number": number}), status=201, content_type="application/json")


urlpatterns = [path("", take_in)]

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
