"""The line over the desk while the company is still being made."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET

from wenguo.demo import growth
from wenguo.web.doors import desk, render

NO_MORE = 286  # tells htmx to stop asking


@desk
@require_GET
def growing(request: HttpRequest) -> HttpResponse:
    """How far it is; nothing when it is done, or when nobody works on it."""
    far = growth.how_far()
    if far is None:
        return HttpResponse(status=NO_MORE)
    done, total = far
    return render(request, "desk/_growing.html", {"done": done, "total": total})


urlpatterns = [path("desk/growing/", growing, name="growing")]
