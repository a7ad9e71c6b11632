"""The addresses of the API; whatever is not one of them is a problem document too."""

from django.urls import path, re_path

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

urlpatterns = [path("", (_patterns, _app, _namespace)), re_path(r"^.*$", nowhere)]
