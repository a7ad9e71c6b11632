"""API tokens: a secret shown once, kept as a digest, with scopes and an end. Source: SY-1."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.compiled import made, run
from wenguo.errors import Invalid, NotNow
from wenguo.people.actor import Actor, permit, record
from wenguo.people.permissions import unknown
from wenguo.people.staff import Person
from wenguo.people.standing import ROWS

ISSUED = journal.define("staff.token_issued", gettext_lazy("签发接口令牌"))
REVOKED = journal.define("staff.token_revoked", gettext_lazy("撤销接口令牌"))

USE_NOTED_EVERY = timedelta(minutes=1)  # how fresh `last_used_at` is kept; not a write per request


class ApiToken(models.Model):
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(gettext_lazy("名称"), max_length=80)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the secret, hexadecimal
    prefix = models.CharField(max_length=16)  # the first letters of the secret, to recognise it by
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=gettext_lazy("范围"), default=list)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(gettext_lazy("有效期至"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_good(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@transaction.atomic
def issue(
    person: Person, name: str, scopes: Iterable[str], expires_at: datetime | None, *, by: Actor, at: datetime
) -> str:
    """A new secret for `person`, returned once and kept nowhere.

    `scopes`: "read" (look only), "write" (all the person may), or permissions by name; never more than the person
    may. One's own, or with token.manage anybody's. Invalid: see `fields`.
    """
    if by != person:
        permit(by, "token.manage", at)
    name, chosen = name.strip(), sorted(set(scopes))
    wrong: dict[str, str] = {}
    if not name or len(name) > 80:
        wrong["name"] = _("请填写用途，最多 80 个字")
    if not chosen:
        wrong["scopes"] = _("请选择至少一项范围")
    elif strange := unknown([scope for scope in chosen if scope not in {"read", "write"}]):
        wrong["scopes"] = _("没有这些范围：{scopes}").format(scopes="、".join(strange))
    if expires_at is not None and expires_at <= at:
        wrong["expires_at"] = _("有效期须晚于现在")
    if wrong:
        raise Invalid(_("令牌设置有误"), fields=wrong)
    if not person.is_active:
        raise NotNow(_("该账号已停用"))
    raw = f"wg_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        person=person,
        name=name,
        digest=_digest(raw),
        prefix=raw[:10],
        scopes=chosen,
        created_at=at,
        created_by_id=by.pk,
        expires_at=expires_at,
    )
    data = {"token": token.pk, "scopes": chosen, "expires_at": expires_at}
    record("staff", person.pk, ISSUED, by=by, at=at, data=data, private={"name": name})
    return raw


def authenticate(raw: str, at: datetime, *also: Aside) -> tuple[Person, ApiToken] | None:
    """Whose secret it is, or None if unknown, over, revoked, or the account is closed.

    The person returned is bound to the token: `may` answers within its scopes. One query, where they stand included;
    a second once a minute. `also`: what else is asked with it.
    """
    rows = run(_held(also), [_digest(raw)])
    if not rows:
        return None
    row = rows[0]
    own, all = len(_TOKEN), len(_TOKEN) + len(_PERSON)
    token, person = made(ApiToken, _TOKEN, row[:own]), made(Person, _PERSON, row[own:all])
    token.person, person.stands_by = person, row[all] or ""
    for (_sql, hear), answer in zip(also, row[all + 1 :], strict=True):
        hear(answer)
    if not token.is_good(at) or not person.is_active:
        return None
    if token.last_used_at is None or at - token.last_used_at >= USE_NOTED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=at)
        token.last_used_at = at
    token.person.token_scopes = frozenset(token.scopes)
    return token.person, token


# With every call of the API: written out, for putting it together would cost more than asking.
_TOKEN, _PERSON = ([f.attname for f in model._meta.concrete_fields] for model in (ApiToken, Person))
Aside = tuple[str, Callable[[Any], object]]  # a question with one answer, and who hears it


@cache
def _held(also: tuple[Aside, ...]) -> str:
    columns = [*(f'token."{name}"' for name in _TOKEN), *(f'person."{name}"' for name in _PERSON)]
    columns += [f"({ROWS.format(id='person.id')})", *(f"({sql})" for sql, _hear in also)]
    return f"""
        SELECT {", ".join(columns)} FROM people_apitoken token JOIN people_person person ON person.id = token.person_id
        WHERE token.digest = %s
    """


@transaction.atomic
def revoke(token: ApiToken, *, by: Actor, at: datetime) -> None:
    """The secret is worthless from now on. One's own, or with token.manage anybody's. NotNow: revoked already."""
    if by != token.person:
        permit(by, "token.manage", at)
    if not ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=at):
        raise NotNow(_("该令牌已撤销"))
    token.revoked_at = at
    record("staff", token.person_id, REVOKED, by=by, at=at, data={"token": token.pk})


def _digest(raw: str) -> str:
    return sha256(raw.encode(errors="replace")).hexdigest()
