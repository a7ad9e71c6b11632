"""What the background could not do: failed jobs, letters not sent; to be tried again or given up. Source: SY-4."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST

from wenguo import journal
from wenguo.channels.outbox import Delivery, State
from wenguo.customers.masking import mask_email
from wenguo.errors import NotFound, NotNow
from wenguo.later import later
from wenguo.people.actor import Actor, permit, record
from wenguo.spoken import counted
from wenguo.web.desk.admin import admin_page
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import desk, go
from wenguo.web.jinja import url

RETRIED = journal.define("job.retried", _lazy("重试失败任务"))
GIVEN_UP = journal.define("job.given_up", _lazy("放弃失败任务"))
RESENT = journal.define("delivery.resent", _lazy("重发邮件"))

MOST = 200
TITLES = {
    "channels.deliver": _lazy("发送邮件"), "cases.acknowledge": _lazy("发送受理回执"),
    "cases.read": _lazy("读懂投诉内容"), "cases.look_for_major": _lazy("看是否重大投诉"),
    "journal.fold": _lazy("日志存证"),
    "cases.invite_survey": _lazy("发出评价邀请"), "worker.sweep_clocks": _lazy("时限预警与升级"),
    "worker.rescue_jobs": _lazy("接手中断的任务"), "worker.tidy": _lazy("夜间清理"),
    "worker.train": _lazy("训练分类模型"),
    "insight.check_journal": _lazy("校验全部日志"),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A failed job. `about`: ids and numbers of its arguments; words are never among them."""

    pk: int
    task: str
    title: str
    about: str
    attempts: int
    since: datetime | None
    failed_at: datetime | None


def failed_jobs() -> list[Job]:
    """The newest failures first, at most MOST. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT j.id, j.task_name, j.args, j.attempts, min(e.at), max(e.at) FILTER (WHERE e.type = 'failed')"
            " FROM procrastinate_jobs j LEFT JOIN procrastinate_events e ON e.job_id = j.id"
            " WHERE j.status = 'failed' GROUP BY j.id ORDER BY j.id DESC LIMIT %s", [MOST],
        )  # fmt: skip
        rows = cursor.fetchall()
    return [
        Job(pk, task, str(TITLES.get(task, task)), _about(args), attempts, since, failed)
        for pk, task, args, attempts, since, failed in rows
    ]


def _about(args: Any) -> str:
    """`case_id=17`: numbers only; whatever else an argument holds may be personal."""
    facts = json.loads(args) if isinstance(args, str) else args  # Django leaves jsonb of a plain cursor as text
    plain = {k: v for k, v in facts.items() if isinstance(v, int) and not isinstance(v, bool) and k != "timestamp"}
    return " ".join(f"{k}={v}" for k, v in sorted(plain.items()))


@transaction.atomic
def retry(job: int, *, by: Actor, at: datetime) -> None:
    """Queue a failed job once more, at once. NotNow: it is no longer failed, or its like waits already."""
    permit(by, "jobs.repair", at)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs j SET status = 'todo', attempts = 0, scheduled_at = %s, worker_id = NULL"
            " WHERE id = %s AND status = 'failed' AND NOT EXISTS (SELECT FROM procrastinate_jobs o"
            " WHERE o.queueing_lock = j.queueing_lock AND o.status = 'todo') RETURNING task_name", [at, job],
        )  # fmt: skip
        row = cursor.fetchone()
    if row is None:
        raise NotNow(_("该任务已不在失败之列，或同样的任务已在排队"))
    record("system", "jobs", RETRIED, by=by, at=at, data={"job": job, "task": row[0]})


@transaction.atomic
def give_up(job: int, *, by: Actor, at: datetime) -> None:
    """Stop trying; the row stays as cancelled. NotNow: it is no longer failed."""
    permit(by, "jobs.repair", at)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'cancelled' WHERE id = %s AND status = 'failed'"
            " RETURNING task_name", [job],
        )  # fmt: skip
        row = cursor.fetchone()
    if row is None:
        raise NotNow(_("该任务已不在失败之列"))
    record("system", "jobs", GIVEN_UP, by=by, at=at, data={"job": job, "task": row[0]})


@transaction.atomic
def resend(delivery: Delivery, *, by: Actor, at: datetime) -> None:
    """Try to send a letter again. NotNow: it was sent, its address was erased, or no mail service is set up."""
    permit(by, "jobs.repair", at)
    if not settings.EMAIL_HOST:
        raise NotNow(_("还没有配置发信服务，配置后会自动补发"))
    if not delivery.to:
        raise NotNow(_("收件地址已随个人信息删除，不能重发"))
    if not Delivery.objects.filter(pk=delivery.pk).exclude(state=State.SENT).update(state=State.WAITING, error=""):
        raise NotNow(_("该邮件已发出"))
    record("system", "jobs", RESENT, by=by, at=at, data={"delivery": delivery.pk})
    later("channels.deliver", delivery_id=delivery.pk)


# ── the page ──────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="jobs.repair")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    rows = Delivery.objects.exclude(state=State.SENT).select_related("event__stream").order_by("-pk")
    letters = [
        {
            "pk": d.pk, "to": mask_email(d.to) or "—", "about": d.event.stream.ref, "kind": d.event.stream.kind,
            "state": d.state, "words": d.get_state_display(), "error": d.error, "attempts": d.attempts,
            "created_at": d.created_at,
        }
        for d in rows[:MOST]
    ]  # fmt: skip
    context = {"jobs": failed_jobs(), "letters": letters, "mail": bool(settings.EMAIL_HOST), "most": MOST}
    return admin_page(request, "desk/admin/jobs.html", "jobs", context)


@desk(permission="jobs.repair")
@require_POST
def act(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    """Try a failed job again, or give it up."""
    at = timezone.now()
    if name == "retry":
        retry(pk, by=request.user, at=at)
        return go(request, url("desk:jobs"), _("已重新排队"))
    if name == "give-up":
        give_up(pk, by=request.user, at=at)
        return go(request, url("desk:jobs"), _("已放弃，不再重试"))
    raise NotFound(_("没有这项操作"))


@desk(permission="jobs.repair")
@require_POST
def retry_all(request: StaffRequest) -> HttpResponse:
    """Every failed job once more; those whose like waits already stay where they are."""
    at, n = timezone.now(), 0
    for job in failed_jobs():
        try:
            retry(job.pk, by=request.user, at=at)
            n += 1
        except NotNow:
            continue
    return go(request, url("desk:jobs"), counted("{n} 个任务已重新排队", n))


@desk(permission="jobs.repair")
@require_POST
def letter(request: StaffRequest, pk: int) -> HttpResponse:
    """Send a letter again."""
    found = Delivery.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这封邮件"))
    resend(found, by=request.user, at=timezone.now())
    return go(request, url("desk:jobs"), _("已重新排队发送"))
