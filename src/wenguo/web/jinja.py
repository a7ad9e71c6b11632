"""The one template environment: escaping, translation, and the few globals a page may use.

Templates know neither the clock nor the database. `_("…")` returns plain text that is escaped where it is put; fill in
with `_("共 {n} 件").format(n=…)`, as in Python.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext, ngettext, npgettext, pgettext
from jinja2 import Environment
from markupsafe import Markup, escape

from wenguo.web.filters import FILTERS

_ICONS = Path(__file__).parent / "static/vendor/icons.txt"


@cache
def _icons() -> dict[str, str]:
    """Inner SVG by name. Empty when the browser parts were not installed (`npm run assets`): pages still work."""
    try:
        lines = _ICONS.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("\t", 1) for line in lines)


def icon(name: str, size: int = 16, css: str = "") -> Markup:
    """A Tabler outline icon as inline SVG, hidden from screen readers: a word always stands beside it."""
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"not the name of an icon: {name!r}")
    drawn = _icons()
    if drawn and name not in drawn and settings.DEBUG:
        raise LookupError(f"there is no icon {name!r}; see the names in static/vendor/icons.txt")
    inner = drawn.get(name) or drawn.get("square-dashed", "")
    return Markup(
        '<svg class="ico {css}" width="{size}rem" height="{size}rem" viewBox="0 0 24 24" fill="none"'
        ' stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
        ' aria-hidden="true">{inner}</svg>'
    ).format(css=css, size=f"{size / 16:g}", inner=Markup(inner))


def url(name: str, *args: Any, **kwargs: Any) -> str:
    return reverse(name, args=args or None, kwargs=kwargs or None)


def url_or(name: str, otherwise: str = "", *args: Any, **kwargs: Any) -> str:
    """The address of a page that may not be installed, or `otherwise`."""
    try:
        return url(name, *args, **kwargs)
    except NoReverseMatch:
        return otherwise


def attributes(given: dict[str, Any]) -> Markup:
    """HTML attributes from a mapping: None and False are left out, True stands alone, `_` reads as `-`."""
    written = [
        Markup(" {}").format(name.replace("_", "-"))
        if value is True
        else Markup(' {}="{}"').format(name.replace("_", "-"), value)
        for name, value in given.items()
        if value is not None and value is not False
    ]
    return Markup("").join(written)


def environment(**options: Any) -> Environment:
    options.setdefault("extensions", ["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"])
    env = Environment(trim_blocks=True, lstrip_blocks=True, **options)
    env.install_gettext_callables(gettext, ngettext, newstyle=False, pgettext=pgettext, npgettext=npgettext)  # type: ignore[attr-defined]
    env.filters.update(FILTERS)
    env.globals.update(
        static=static,
        url=url,
        url_or=url_or,
        icon=icon,
        attributes=attributes,
        escape=escape,
        get_language=get_language,
        messages_of=get_messages,
        languages=settings.LANGUAGES,
        debug=settings.DEBUG,
    )
    return env
