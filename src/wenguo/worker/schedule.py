"""All that happens unasked: one list. Each line is a job, when it runs, and the act behind it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from django.db import connection
from procrastinate import JobContext
from procrastinate.contrib.django import app

from wenguo.cases import alike, assist, group, links, risk, unsent
from wenguo.cases.sweep import sweep
from wenguo.insight.escalation import check_job
from wenguo.journal.tasks import fold_heads
from wenguo.later import URGENT, task
from wenguo.policy.versions import in_force


@app.periodic(cron="* * * * *")
@task("worker.sweep_clocks", lock="sweep", priority=URGENT)
def sweep_clocks(timestamp: int) -> None:
    """Warn, breach and escalate what is due. Every minute, until nothing is."""
    now = datetime.now(UTC)
    while sweep(at=now):
        pass


@app.periodic(cron="* * * * *")
@task("worker.weigh_risks", lock="risk")
def weigh_risks(timestamp: int) -> None:
    """Weigh the escalation risk of the cases that have changed, or whose signs grow with time. Every minute."""
    now = datetime.now(UTC)
    while risk.sweep(at=now):
        pass


@app.periodic(cron="7 * * * *")
@task("worker.weigh_all_risks", lock="risk")
def weigh_all_risks(timestamp: int) -> None:
    """Weigh anew what another policy or model weighs otherwise. Every hour."""
    now = datetime.now(UTC)
    while risk.sweep_all(at=now):
        pass


# At night: compare the escalation risk with what happened, and fit a model when there are outcomes enough.
app.periodic(cron="47 3 * * *")(check_job)

# Fold the new heads of all journals into a Merkle root, so that receipts can be checked.
app.periodic(cron="*/10 * * * *")(fold_heads)


@app.periodic(cron="* * * * *")
@app.task(name="worker.rescue_jobs", pass_context=True, priority=URGENT)
async def rescue_jobs(context: JobContext, timestamp: int) -> None:
    """Take up again the jobs of a worker that vanished in the middle; every job may run twice."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        await manager.retry_job(job)


@app.periodic(cron="37 2 * * *")
@task("worker.compare_texts", lock="compare")
def compare_texts(timestamp: int) -> None:
    """At night: count how common words are here, throw away traces too old to matter, make those that are missing."""
    now = datetime.now(UTC)
    alike.count_words(at=now)
    since = now - alike.horizon(in_force(now).pack)
    alike.sweep(before=since)
    while group.catch_up(since=since, at=now):
        pass
    while alike.catch_up_meaning():
        pass


@app.periodic(cron="17 3 * * *")
@task("worker.tidy")
def tidy(timestamp: int) -> None:
    """At night: throw away what no longer counts."""
    now = datetime.now(UTC)
    links.forget_lookups(before=now - timedelta(days=1))
    assist.tidy(before=now)
    unsent.sweep(before=now - timedelta(days=2))  # a form brings its files back for a day: web/portal/files.py
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'succeeded' AND id IN (SELECT job_id FROM"
            " procrastinate_events GROUP BY job_id HAVING max(at) < now() - interval '14 days')"
        )


@app.periodic(cron="41 2 * * *")
@task("worker.train", lock="train")
def train(timestamp: int) -> None:
    """At night: a candidate model from what was decided since the last one. In a process of its own and at low
    priority, so that no clock waits for it; too few cases are no failure (exit code 1, said in its output)."""
    command = [sys.executable, "-m", "wenguo.config.cli", "train", "--if-news"]
    done = subprocess.run(["nice", "-n", "15", *command], check=False, timeout=3600)
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"wenguo train ended with {done.returncode}")
