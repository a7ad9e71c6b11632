"""The switch between Chinese and English, kept in a cookie and, for staff, with the person."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from wenguo.people.staff import Person


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Back to the page one came from, in the chosen language. An unknown one changes nothing."""
    person: Any = request.user
    referrer = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, request.is_secure())
    answer = HttpResponseRedirect(referrer if safe else "/")
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, chosen, max_age=365 * 86400, samesite="Lax")
        if person.is_authenticated:
            Person.objects.filter(pk=person.pk).update(language=chosen)
    return answer
