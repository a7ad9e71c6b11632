"""Jobs live and die with the transaction that needs them; a worker killed in the middle loses nothing and doubles
nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.contrib.django.utils import connector_params
from procrastinate.psycopg_connector import PsycopgConnector

from wenguo.cases import intake
from wenguo.cases.intake import Complaint
from wenguo.worker import schedule  # noqa: F401  declares the jobs that rescue others

pytestmark = pytest.mark.django_db(transaction=True)
MATTER = Complaint(channel="web", text="门铃装上就不响,客服让我自己换电池。", name="王小明", mail="w@example.com")


@pytest.fixture(autouse=True)
def no_jobs(transactional_db):
    with connection.cursor() as cursor:  # the queue's own tables are not Django's to empty
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


def work() -> None:
    """A worker takes what is there and stops."""

    async def run() -> None:
        connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=4)
        with app.replace_connector(connector):
            async with app.open_async():
                await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)

    asyncio.run(run())
    connection.close()


def jobs(name: str, **state: str) -> int:
    return ProcrastinateJob.objects.filter(task_name=name, **state).count()


def test_a_complaint_that_is_not_kept_leaves_no_job(desk):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        intake.receive(MATTER, at=desk.now)
        assert jobs("cases.acknowledge") == 1
        raise ZeroDivisionError
    assert jobs("cases.acknowledge") == 0


def test_the_worker_acknowledges_and_a_killed_one_is_made_good(desk):
    case = intake.receive(MATTER, at=desk.now).case
    # A worker took the job and vanished before it was done.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        )
        gone = cursor.fetchone()[0]
        taken = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE task_name = 'cases.acknowledge'"
        cursor.execute(taken, [gone])
    app.configure_task("worker.rescue_jobs").defer(timestamp=0)
    work()
    work()
    assert desk.timeline(case).count("case.acknowledged") == 1
    assert jobs("cases.acknowledge", status="succeeded") == 1
    # The mail waits until sending is configured, and says so.
    delivery = case.stream.events.get(type="case.acknowledged").deliveries.get()
    assert delivery.state == "unset"
    # Run once more, it is not said again.
    app.configure_task("cases.acknowledge").defer(**ProcrastinateJob.objects.get(task_name="cases.acknowledge").args)
    work()
    assert desk.timeline(case).count("case.acknowledged") == 1


def test_clocks_do_not_wait_behind_ten_thousand_mails(desk):
    for n in range(3):
        intake.receive(replace(MATTER, external_id=f"m{n}", mail=f"w{n}@example.com"), at=desk.now)
    app.configure_task("worker.sweep_clocks").defer(timestamp=0)
    app.configure_task("worker.rescue_jobs").defer(timestamp=0)
    work()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id"
            " WHERE e.type = 'started' ORDER BY e.id"
        )
        begun = [name for (name,) in cursor.fetchall()]
    assert begun[:2] == ["worker.sweep_clocks", "worker.rescue_jobs"] and begun.count("cases.acknowledge") == 3
