"""All addresses: pages at the root, the API under /api/v1/, sign-in under /accounts/, and what monitoring asks."""

from django.conf import settings
from django.urls import include, path

from wenguo.config import health

urlpatterns = [
    path("healthz", health.web, name="healthz"),
    path("healthz/worker", health.worker, name="healthz-worker"),
    path("accounts/", include("wenguo.web.signin")),
    path("api/v1/", include("wenguo.api.urls")),
    path("", include("wenguo.web.urls")),
]
if settings.DEMO:
    urlpatterns.insert(0, path("", include(("wenguo.demo.page", "demo"))))

handler400 = "wenguo.web.doors.bad_request"
handler403 = "wenguo.web.doors.forbidden"
handler404 = "wenguo.web.doors.not_found"
handler500 = "wenguo.web.doors.server_error"
