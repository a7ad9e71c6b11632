"""API tokens: a secret shown once, kept as a digest, with scopes and an end. Source: SY-1."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiToken(models.Model):
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(_("名称"), max_length=80)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the secret, hexadecimal
    prefix = models.CharField(max_length=16)  # the first letters of the secret, to recognise it by
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("范围"), default=list)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(_("有效期至"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
