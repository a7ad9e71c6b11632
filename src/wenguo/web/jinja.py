"""The templates: escaping, translation, and the few globals a page may use.

Templates know neither the clock nor the database. `_("…")` returns plain text that is escaped where it is put; fill in
with `_("方案「{title}」").format(title=…)`, as in Python; what tells a number is `counted("共 {n} 件", …)`.

Each language has its templates compiled for itself, with its words and all else that never changes (icons, addresses)
already in them (`compiling.py`): while a page is made, a sentence of it is one piece of text with the markup around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.backends import jinja2 as backend
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext, ngettext, npgettext, pgettext
from jinja2 import Environment
from markupsafe import Markup, escape

from wenguo.spoken import counted
from wenguo.web.compiling import Compiling, written
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


@cache
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
    """The address of a page. The house stands at the root of its host, so an address once written stays the same."""
    return _address(settings.ROOT_URLCONF, name, args, tuple(kwargs.items()))


@lru_cache(maxsize=20_000)
def _address(urls: str, name: str, args: tuple[Any, ...], kwargs: tuple[tuple[str, Any], ...]) -> str:
    return reverse(name, urls, args=args or None, kwargs=dict(kwargs) or None)


def url_or(name: str, otherwise: str = "", *args: Any, **kwargs: Any) -> str:
    """The address of a page that may not be installed, or `otherwise`."""
    if not _installed(settings.ROOT_URLCONF, name, args, tuple(kwargs.items())):
        return otherwise
    return url(name, *args, **kwargs)


@lru_cache(maxsize=20_000)
def _installed(urls: str, name: str, args: tuple[Any, ...], kwargs: tuple[tuple[str, Any], ...]) -> bool:
    try:
        return bool(_address(urls, name, args, kwargs))
    except NoReverseMatch:
        return False


def attributes(given: dict[str, Any]) -> Markup:
    """HTML attributes from a mapping: None and False are left out, True stands alone, `_` reads as `-`."""
    parts = []
    for name, value in given.items():
        if value is not None and value is not False:
            said = written(name.replace("_", "-"))
            parts.append(f" {said}" if value is True else f' {said}="{written(value)}"')
    return Markup("".join(parts))


def choices(options: Iterable[tuple[Any, Any]], chosen: str) -> Markup:
    """The choices of a select: (value, words), or (words of a group, its choices). Given as a tuple of tuples they are
    written once and remembered.
    """
    return _remembered(options, chosen) if type(options) is tuple else _choices(options, chosen)


def _choices(options: Iterable[tuple[Any, Any]], chosen: str) -> Markup:
    parts = []
    for value, words in options:
        if isinstance(words, list | tuple) and not (words and isinstance(words[0], str)):
            parts.append(f'<optgroup label="{written(value)}">{_choices(words, chosen)}</optgroup>\n')
        else:
            own = str(value)
            selected = " selected" if own == chosen else ""
            parts.append(f'<option value="{written(own)}"{selected}>{written(words)}</option>\n')
    return Markup("".join(parts))


_remembered = lru_cache(maxsize=500)(_choices)


# ── the environment ───────────────────────────────────────────────────────────────────────────────────────────────

# What gives the same for the same arguments as long as the process lives, in one language.
CONSTANT: dict[str, Any] = {
    "_": gettext, "gettext": gettext, "ngettext": ngettext, "icon": icon, "static": static, "url": url,
    "url_or": url_or,
}  # fmt: skip
PLAIN: dict[str, Any] = {
    "url": url, "url_or": url_or, "icon": icon, "attributes": attributes, "choices_of": choices, "counted": counted,
}  # fmt: skip


def environment(**options: Any) -> Environment:
    """For one language: a template must be compiled and shown while the same one is active."""
    options.setdefault("extensions", ["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"])
    env = Compiling(trim_blocks=True, lstrip_blocks=True, **options)
    env.install_gettext_callables(gettext, ngettext, newstyle=False, pgettext=pgettext, npgettext=npgettext)  # type: ignore[attr-defined]
    env.filters.update(FILTERS)
    env.knows(CONSTANT, PLAIN)
    env.globals.update(
        escape=escape,
        get_language=get_language,
        messages_of=get_messages,
        languages=settings.LANGUAGES,
        debug=settings.DEBUG,
    )
    return env


class Templates(backend.Jinja2):
    """Django's engine, with an environment for each language (and each set of addresses: tests have their own)."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._known: dict[tuple[str | None, str], Environment] = {}
        super().__init__(params)

    @property
    def env(self) -> Environment:
        """That of the language of the moment."""
        which = get_language(), settings.ROOT_URLCONF
        found = self._known.get(which)
        if found is None:
            found = self._known[which] = self._first.overlay()
        return found

    @env.setter
    def env(self, first: Environment) -> None:
        self._first = first

    def get_template(self, template_name: str) -> Any:
        return _Template(super().get_template(template_name).template, self)


class _Template(backend.Template):
    """Django's template; but all forms of one answer carry the same token, as making it anew for each is dear."""

    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> Any:
        given = dict(context or {})
        if request is not None:
            token = vars(request).setdefault("_token_shown", _Token(request))
            given |= {"request": request, "csrf_token": token, "csrf_input": token.input}
        return self.template.render(given)


class _Token:
    """The token against forged posts. It is made when it is first shown: then the answer must carry its cookie."""

    def __init__(self, request: HttpRequest) -> None:
        self.request, self.input = request, _Input(self)

    @cached_property
    def text(self) -> str:
        return get_token(self.request)

    def __str__(self) -> str:
        return self.text


class _Input:
    def __init__(self, token: _Token) -> None:
        self.token = token

    def __html__(self) -> str:
        return f'<input type="hidden" name="csrfmiddlewaretoken" value="{self.token.text}">'
