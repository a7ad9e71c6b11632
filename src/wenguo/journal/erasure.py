"""Forgetting the words while keeping the chain: private parts go, what happened and when stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from wenguo.errors import Invalid

from .chain import Entry, append
from .kinds import ERASED
from .models import Event, Stream


@transaction.atomic
def erase(stream: Stream, by: str, at: datetime, reason: str, only: Callable[[Event], bool] | None = None) -> list[int]:
    """Empty the private parts of a stream and say so in it. Returns the seqs emptied; none: no event is written.

    `only(event)` chooses; without it, everything but the reasons of earlier erasures. Invalid: no reason given.
    """
    if not reason.strip():
        raise Invalid(_("请填写清除原因"))
    Stream.objects.select_for_update(no_key=True).get(pk=stream.pk)
    kept = stream.events.filter(private__isnull=False).order_by("seq")
    chosen = [event.seq for event in kept.iterator() if (only(event) if only else event.type != ERASED)]
    if chosen:
        stream.events.filter(seq__in=chosen).update(private=None, salt=None)
        append(stream, [Entry(ERASED, by, at, data={"seqs": chosen}, private={"reason": reason})])
    return chosen
