"""What the worker does for the journal; when, stands in worker/schedule.py."""

from __future__ import annotations

from django.utils import timezone

from wenguo.later import task

from .merkle import fold


@task("journal.fold", lock="journal.fold")
def fold_heads(timestamp: int | None = None) -> None:
    """Fold until nothing is left. `timestamp`: what the scheduler passes to periodic jobs, not needed here."""
    while fold(timezone.now()):
        pass
