"""What leaves us: one row per letter or mail to send, with what became of it. The words stand in the journal's event.

A delivery is made in the transaction that needs it; a job sends it. Mail is plain text, so nothing in it can be markup.
Until SMTP is configured, deliveries wait and say so. Source: IN-2, SY-4 (mail).
"""

from __future__ import annotations

import logging
from datetime import datetime
from email.utils import parseaddr
from smtplib import SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from wenguo import journal
from wenguo.later import later, task
from wenguo.people.actor import SYSTEM
from wenguo.text.normal import one_line

log = logging.getLogger("wenguo.channels")


class State(models.TextChoices):
    WAITING = "waiting", _lazy("待发送")
    SENT = "sent", _lazy("已发出")
    REFUSED = "refused", _lazy("被退回")
    UNSET = "unset", _lazy("未配置发信服务，未发出")


class Delivery(models.Model):
    """One message to one address. `to` is personal and emptied on erasure."""

    event = models.ForeignKey("journal.Event", on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=12)
    to = models.CharField(max_length=320)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "created_at"], name="channels_delivery_state")]


def is_address(mail: str) -> bool:
    """Whether mail could go there."""
    try:
        validate_email(mail)
    except ValidationError:
        return False
    return True


def post(event: journal.Event, to: str, *, at: datetime) -> Delivery | None:
    """Send the event's words by mail, once this transaction commits. None: there is nowhere to send them."""
    if not is_address(to):
        return None
    delivery = Delivery.objects.create(event=event, channel="mail", to=to, created_at=at)
    later("channels.deliver", delivery_id=delivery.pk)
    return delivery


@task("channels.deliver")
def deliver(delivery_id: int) -> None:
    """Send one mail. Run twice, it is sent once: the row is held while the server takes it."""
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().select_related("event__stream").get(pk=delivery_id)
        if delivery.state == State.SENT or delivery.state == State.REFUSED:
            return
        if not settings.EMAIL_HOST:
            Delivery.objects.filter(pk=delivery.pk).update(state=State.UNSET)
            return
        _send(delivery)


def message_id(delivery: Delivery) -> str:
    """The same at every try: where a worker died between the server's word and ours, both copies are one message."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{delivery.pk}.{bytes(delivery.event.hash).hex()[:24]}@{host}>"


def _send(delivery: Delivery) -> None:
    words = delivery.event.private or {}
    mail = EmailMessage(
        subject=one_line(words.get("subject", ""), 150),
        body=words.get("body", ""),
        to=[delivery.to],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": message_id(delivery)},
    )
    delivery.attempts += 1
    try:
        mail.send()
    except SMTPRecipientsRefused as refused:
        code = next(iter(refused.recipients.values()))[0]
        if code < 500:
            raise
        _note(delivery, State.REFUSED, f"SMTP {code}")
        return
    except (SMTPException, OSError):
        log.warning("delivery.failed id=%s attempts=%s", delivery.pk, delivery.attempts)
        raise
    _note(delivery, State.SENT, "")


def _note(delivery: Delivery, state: State, error: str) -> None:
    at = timezone.now()
    delivery.state, delivery.error = state, error
    delivery.sent_at = at if state == State.SENT else None
    delivery.save()
    type_ = "message.delivered" if state == State.SENT else "message.failed"
    data = {"delivery": delivery.pk, "event": delivery.event.seq, "channel": delivery.channel}
    journal.append(delivery.event.stream_id, [journal.Entry(type_, by=SYSTEM.journal_ref, at=at, data=data)])


def resend_unsent() -> int:
    """After SMTP was configured: queue everything that is still waiting. Returns how many."""
    waiting = Delivery.objects.filter(state__in=[State.UNSET, State.WAITING]).values_list("pk", flat=True)
    for pk in waiting:
        later("channels.deliver", delivery_id=pk)
    return len(waiting)
