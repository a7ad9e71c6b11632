"""The addresses of the API; whatever is not one of them is a problem document too."""

from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import Any

from django.urls import Resolver404, URLResolver, re_path
from django.urls.resolvers import ResolverMatch, RoutePattern

from wenguo.api import (
    acts_causes,
    acts_clock,
    acts_evidence,
    acts_execution,
    acts_followup,
    acts_group,
    acts_handover,
    acts_intake,
    acts_investigation,
    acts_letters,
    acts_reply,
    acts_resolution,
    acts_triage,
    cases,
    customers,
    house,
    submissions,
)
from wenguo.api.door import answered, api, nowhere

CHAPTERS = (
    acts_intake, acts_triage, acts_group, acts_handover, acts_letters, acts_evidence, acts_clock, acts_investigation,
    acts_causes, acts_resolution, acts_execution, acts_reply, acts_followup,
)  # fmt: skip

api.add_router("/submissions", submissions.router)
api.add_router("/cases", cases.router)
for chapter in CHAPTERS:
    api.add_router("/cases", chapter.chapter.router)
api.add_router("/customers", customers.router)
api.add_router("", house.router)

_patterns, _app, _namespace = api.urls
for _pattern in _patterns:
    assert _pattern.callback is not None
    _pattern.callback = answered(_pattern.callback)


class ByLastWord(URLResolver):
    """Addresses that end in a word, as acts do, are looked for among those that end in it, not among a hundred."""

    @cached_property
    def endings(self) -> dict[str, URLResolver]:
        found: dict[str, list[Any]] = defaultdict(list)
        for one in _patterns:
            found[str(one.pattern).rpartition("/")[2]].append(one)
        words = [word for word in found if "<" not in word]
        return {word: URLResolver(_HERE, found[word], None, _app, _namespace) for word in words}

    def resolve(self, path: Any) -> ResolverMatch:
        if (few := self.endings.get(str(path).rpartition("/")[2])) is not None:
            with suppress(Resolver404):
                return few.resolve(path)
        return super().resolve(path)


_HERE = RoutePattern("", is_endpoint=False)
urlpatterns = [ByLastWord(_HERE, _patterns, None, _app, _namespace), re_path(r"^.*$", nowhere)]
