"""客户留言: a word of the customer that waits for one of ours.

It is seen in the lists from the moment it came until somebody answers or says that it needs no answer. It changes
nothing in anybody's hands: the version of the case stays, so no open form is overtaken by a letter. Source: PO-1, TR-11
(long silence).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from wenguo.cases.case import Case, Channel, record, take
from wenguo.cases.lifecycle import require
from wenguo.errors import NotNow
from wenguo.journal import Event

IN_PERSON = frozenset({Channel.PHONE.value, Channel.COUNTER.value})  # who wrote it down has heard it


def unanswered() -> Q:
    return Q(unanswered_since__isnull=False)


def arrived(case: Case, *, at: datetime, channel: str = Channel.WEB) -> Mapping[str, Any]:
    """For `aside` of the event that brings a word of the customer: it waits from now, or since the first that waits."""
    if channel in IN_PERSON:
        return {}
    take(case)
    since = Case.objects.values_list("unanswered_since", flat=True).get(pk=case.pk)
    return {"unanswered_since": since or at}


def answered(case: Case, *, read_to: int | None = None) -> Mapping[str, Any]:
    """For `aside` of the event that answers. `read_to`: the last event that who answers had before their eyes; what
    came after it waits on.
    """
    if case.unanswered_since is None:
        return {}
    if read_to is None:
        return {"unanswered_since": None}
    take(case)
    later: QuerySet[Any] = Event.objects.filter(
        stream_id=case.stream_id, seq__gt=read_to, data__set__has_key="unanswered_since"
    )
    came = [e.at for e in later.order_by("seq") if e.data["set"]["unanswered_since"]]
    return {"unanswered_since": came[0] if came else None}


@transaction.atomic
def heed(case: Case, *, by: Any, at: datetime, read_to: int | None = None) -> Any:
    """不用回复: read, and no word of ours is needed. NotNow: nothing waits."""
    require(case, "heed", by=by, at=at)
    if case.unanswered_since is None:
        raise NotNow(_("没有等着回复的客户留言"))
    return record(case, "message.heeded", by=by, at=at, aside=answered(case, read_to=read_to))
