"""Put a job in the queue, in the transaction that makes it necessary.

    later("cases.acknowledge", case_id=case.pk)

The job is a row; it exists exactly when the surrounding transaction commits. Jobs may run twice, so each is an act
whose guarded change makes the second run harmless. Tasks are declared with `@task("cases.acknowledge")` in the
chapter they belong to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import connection
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from wenguo.breath import taken

# 10 s, 20 s, 40 s … about a day and a half in all, then the job waits in the tray of the failed for a person.
RETRY = RetryStrategy(max_attempts=14, exponential_wait=2, wait=8)


# What promises hang on, clocks and the rescue of jobs, is not kept waiting by ten thousand mails.
URGENT = 100


def task(
    name: str, *, queue: str = "default", lock: str | None = None, priority: int = 0
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a function as a job called `name`; it takes only JSON values as keyword arguments.

    Waiting jobs are taken by `priority`, the higher first, then in the order they came.
    """
    return lambda function: app.task(name=name, queue=queue, lock=lock, priority=priority, retry=RETRY)(function)


def later(name: str, *, at: datetime | None = None, unique: str | None = None, **kwargs: Any) -> None:
    """Enqueue job `name`. `at`: not before this moment. `unique`: at most one waiting job with this key."""
    if (breath := taken()) is not None:
        breath.jobs.append((name, kwargs))
        return
    with suppress(AlreadyEnqueued):
        try:
            app.configure_task(name, schedule_at=at, queueing_lock=unique, allow_unknown=False).defer(**kwargs)
        except ConnectorException as failed:  # told as of any other statement, so that the doors know a lost database
            with connection.wrap_database_errors:
                raise failed.__cause__ or failed from None


def as_row(name: str, kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The same job as a row for `procrastinate_defer_jobs_v1`, to be written with others; None: a breath has it."""
    if (breath := taken()) is not None:
        breath.jobs.append((name, kwargs))
        return None
    job = app.configure_task(name, allow_unknown=False).job
    return {
        "queue_name": job.queue, "task_name": name, "priority": job.priority, "lock": job.lock,
        "queueing_lock": job.queueing_lock, "args": kwargs, "scheduled_at": job.scheduled_at,
    }  # fmt: skip
