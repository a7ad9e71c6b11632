"""Pages. The desk and the portal list their own."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from wenguo.web import language

shell = [path("language/", language.switch, name="language")]
if settings.DEBUG:
    from wenguo.web import styleguide

    shell.append(path("styleguide/", styleguide.show, name="styleguide"))

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((shell, "web"))),
    path("", include("wenguo.web.portal.urls")),
    path("desk/", include("wenguo.web.desk.urls")),
    path("login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
]
