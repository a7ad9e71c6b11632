"""Signing in: allauth's flows with our rules. No public sign-up, lock-out after five failures, nothing said of whether
a name exists, the second factor if the person has one. Source: SY-1, FIELD 2.5.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo.compiled import ask
from wenguo.people import signin, staff
from wenguo.people.staff import Person
from wenguo.spoken import counted


class Backend(AuthenticationBackend):
    def get_user(self, user_id: Any) -> Person | None:
        """Who is signed in: asked by every request."""
        found = ask("signed in", lambda pk: Person.objects.filter(pk=pk, is_active=True), int(user_id))
        return found[0] if found else None


class Adapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": format_lazy(
            gettext_lazy("用户名或密码不正确；连续 {n} 次不正确将锁定 {minutes} 分钟"),
            n=signin.LOCK_AFTER,
            minutes=signin.LOCK_MINUTES,
        ),
        "incorrect_password": gettext_lazy("密码不正确"),
        "enter_current_password": gettext_lazy("请填写现在的密码"),
        "too_many_login_attempts": gettext_lazy("尝试次数过多，请过几分钟再试"),
        "rate_limited": gettext_lazy("操作过于频繁，请稍后再试"),
        "account_inactive": gettext_lazy("该账号已停用，请联系管理员"),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        at = timezone.now()
        username = str(credentials.get("username") or "")
        person = _named(username)
        until = person.locked_until if person and signin.is_locked(person, at) else None
        if until is None and person is None:
            until = _locked_stranger(username, at)
        if until is not None:
            raise _locked(until, at)
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        at = timezone.now()
        username = str(credentials.get("username") or "")
        person = _named(username)
        if person is not None:
            until = person.locked_until if signin.failed(person, at) else None
        else:
            until = _count_stranger(username, at)
        if until is not None:
            raise _locked(until, at)

    def login(self, request: HttpRequest, user: Person) -> None:
        super().login(request, user)
        signin.succeeded(user, timezone.now())

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, max_age=365 * 86400, samesite="Lax")
        return response

    def set_password(self, user: Person, password: str) -> None:
        """One's own new password, as an act of the people's room: journalled, and the order to change it is lifted."""
        staff.set_password(user, password, by=user, at=timezone.now())

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """To work: who has just chosen a password is not shown the form again."""
        return reverse("desk:today")

    def clean_password(self, password: str, user: Any = None) -> str:
        if user is not None and user.pk and user.has_usable_password() and user.check_password(password):
            raise ValidationError(_("新密码不能与原密码相同"))
        cleaned: str = super().clean_password(password, user)
        return cleaned

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *rest: Any, **more: Any
    ) -> None:
        """allauth also speaks of signing in and out; only a change is worth a notice."""
        words = {
            "account/messages/password_changed.txt": _("密码已修改"),
            "mfa/messages/totp_activated.txt": _("两步验证已开启"),
            "mfa/messages/totp_deactivated.txt": _("两步验证已关闭"),
            "mfa/messages/recovery_codes_generated.txt": _("新的备用码已生成，旧的作废"),
        }.get(message_template or "")
        if words:
            messages.add_message(request, level, words)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Staff accounts have no mail of their own; what the house sends leaves by `channels`."""


class SecondFactor(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("验证码不正确，请看一眼手机上的时间是否准确后再试"),
    }


def _locked(until: datetime, at: datetime) -> ValidationError:
    minutes = max(1, -int((at - until).total_seconds() // 60))
    return ValidationError(
        counted("连续多次不正确，已锁定；请 {n} 分钟后再试，或请管理员重设密码", minutes), code="locked"
    )


def _named(username: str) -> Person | None:
    """The account allauth would try: as written, else the only one that differs in case alone."""
    alike = list(Person.objects.filter(username__iexact=username.replace("\x00", ""))[:2])
    return next((p for p in alike if p.username == username), alike[0] if len(alike) == 1 else None)


# A name nobody has is counted and locked like any other, or the lock would tell which names exist. The count lives in
# the session table: shared by all processes, and swept with it. The key cannot be guessed, and opens nothing.


def _stranger_key(username: str) -> str:
    return salted_hmac("wenguo.web.account.stranger", username.casefold(), algorithm="sha256").hexdigest()[:40]


def _locked_stranger(username: str, at: datetime) -> datetime | None:
    row = Session.objects.filter(session_key=_stranger_key(username), expire_date__gt=at).first()
    if row is None or row.session_data != str(signin.LOCK_AFTER):
        return None
    return row.expire_date


@transaction.atomic
def _count_stranger(username: str, at: datetime) -> datetime | None:
    """One more failure; the moment the lock ends when this was the last one allowed."""
    key = _stranger_key(username)
    ends = at + timedelta(minutes=signin.LOCK_MINUTES)
    row, _made = Session.objects.select_for_update().get_or_create(
        session_key=key, defaults={"session_data": "0", "expire_date": ends}
    )
    so_far = int(row.session_data) if row.expire_date > at and row.session_data != str(signin.LOCK_AFTER) else 0
    row.session_data, row.expire_date = str(so_far + 1), ends
    row.save(update_fields=["session_data", "expire_date"])
    return ends if so_far + 1 >= signin.LOCK_AFTER else None
