"""The first page, the public notice of how to complain (公示), and the privacy notice. Source: PV-5, FIELD 2.4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from wenguo.policy.parts import ClockRule
from wenguo.policy.schema import Pack
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.web.portal.common import door, show

CHANNEL = "web"
# Named in what is stored with each submission; raised whenever the words of portal/privacy.html change.
PRIVACY_VERSION = "2026-11"


@dataclass(frozen=True)
class Promise:
    """What is promised for complaints of one level, in words: first answer and solution."""

    title: str
    meaning: str
    examples: Sequence[str]
    respond: str
    solve: str


def allowance_words(rule: ClockRule | None) -> str:
    """「24 小时」 as the policy states it, else the counted form; empty without a rule."""
    return told(rule.stated or rule.allowance.words) if rule else ""


def promises(pack: Pack) -> list[Promise]:
    """What the pack promises those who write here, the gravest level first."""
    return [
        Promise(
            _("{title}（{name}）").format(title=told(level.title), name=told(level.name)),
            told(level.for_customers or level.meaning),
            level.examples,
            allowance_words(pack.clock("respond", level=level.number, channel=CHANNEL)),
            allowance_words(pack.clock("solve", level=level.number, channel=CHANNEL)),
        )
        for level in sorted(pack.levels, key=lambda level: level.number)
    ]


def terms(at: datetime) -> dict[str, object]:
    """What the policy in force says to a customer, for pages that explain it."""
    pack = in_force(at).pack
    return {
        "promises": promises(pack),
        "acknowledge": allowance_words(pack.clock("acknowledge", channel=CHANNEL)),
        "hours_words": told(pack.clocks.hours_words),
        "reopen_days": pack.thresholds.reopen_days,
        "retention_years": pack.thresholds.retention_years,
        "callbacks": len(pack.followup.steps),
        "channels": [
            (c.code, told(c.title)) for c in pack.channels if not c.third_party and c.code not in {"api", "other"}
        ],
    }


@door
def home(request: HttpRequest) -> HttpResponse:
    return show(request, "portal/home.html", terms(now()))


@door
def notice(request: HttpRequest) -> HttpResponse:
    return show(request, "portal/notice.html", terms(now()))


@door
def privacy(request: HttpRequest) -> HttpResponse:
    return show(request, "portal/privacy.html", {**terms(now()), "version": PRIVACY_VERSION})
