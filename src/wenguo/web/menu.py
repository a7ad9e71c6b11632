"""The desk's left menu. A screen that is not installed, or not for this person, is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wenguo.web.jinja import url_or


@dataclass(frozen=True)
class Item:
    """One line: `key` names it for `here` and for the counts; `to` is a URL name; `needs`: any of these permissions."""

    key: str
    word: str | Promise
    icon: str
    to: str
    needs: tuple[str, ...] = ()


SIGN = ("case.approve", "case.override", "case.reply_review", "case.legal_review", "case.report_review")
ADMIN = ("people.manage", "token.manage", "jobs.repair", "journal.see", "system.health")
MENU = (
    Item("today", _("今日"), "sun", "desk:today"),
    Item("queue", _("队列"), "inbox", "desk:queue", ("case.see",)),
    Item("review", _("分类复核"), "tags", "desk:review", ("case.triage",)),
    Item("mine", _("我的"), "user-check", "desk:mine", ("case.see",)),
    Item("approvals", _("待审批"), "rubber-stamp", "desk:approvals", SIGN),
    Item("followups", _("回访"), "phone-call", "desk:followups", ("case.followup",)),
    Item("customers", pgettext_lazy("heading", "客户"), "users", "desk:customers", ("customer.see",)),
    Item("insight", _("分析"), "chart-bar", "desk:insight", ("insight.see",)),
    Item("risk", _("升级风险"), "trending-up", "desk:risk", ("insight.see",)),
    Item("policy", _("政策"), "book-2", "desk:policy", ("policy.see",)),
    Item("admin", _("管理"), "settings", "desk:admin", ADMIN),
)


def menu_for(may: Callable[[str], bool], here: str, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The lines to show, as {key, word, icon, url, count, current}."""
    return [
        {
            "key": item.key,
            "word": item.word,
            "icon": item.icon,
            "url": address,
            "count": counts.get(item.key, 0),
            "current": item.key == here,
        }
        for item in MENU
        if (address := url_or(item.to)) and (not item.needs or any(map(may, item.needs)))
    ]
