"""Is it alive? For load balancers and monitoring: no session, no sign-in, no names."""

from __future__ import annotations

from datetime import datetime

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

SILENT_AFTER_SECONDS = 60  # procrastinate's workers write a heartbeat every ten


def last_heartbeat() -> datetime | None:
    """When a worker last showed itself; None if none is at work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
        row = cursor.fetchone()
    return row[0] if row else None


def jobs_by_state() -> dict[str, int]:
    """{"todo": n, "failed": n, …}; `todo` counts only what is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status::text, count(*) FROM procrastinate_jobs WHERE status IN ('doing', 'failed')"
            " OR (status = 'todo' AND coalesce(scheduled_at, now()) <= now()) GROUP BY 1"
        )
        return dict(cursor.fetchall())


def web(request: HttpRequest) -> JsonResponse:
    """200 while pages can be served: the database answers. The worker's state is told beside it."""
    try:
        beat = last_heartbeat()
    except Error:
        return JsonResponse({"database": "away"}, status=503)
    return JsonResponse({"database": "ok", "worker": "ok" if _fresh(beat) else "silent"})


def worker(request: HttpRequest) -> JsonResponse:
    """200 while some worker is at work."""
    try:
        beat = last_heartbeat()
    except Error:
        return JsonResponse({"database": "away"}, status=503)
    fresh = _fresh(beat)
    return JsonResponse({"worker": "ok" if fresh else "silent"}, status=200 if fresh else 503)


def _fresh(beat: datetime | None) -> bool:
    return beat is not None and (timezone.now() - beat).total_seconds() < SILENT_AFTER_SECONDS
