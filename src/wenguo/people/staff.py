"""Staff: persons and the posts they hold. Source: SY-1; FIELD 8.3 (a person may hold several posts)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Persons(BaseUserManager["Person"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> Person:
        """A person without a post. Used by Django's own machinery and tests; `acts.hire` records as well."""
        person = self.model(username=username, **fields)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser):
    username = models.CharField(_("用户名"), max_length=64, unique=True)
    name = models.CharField(_("姓名"), max_length=60)
    pinyin = models.TextField(default="", blank=True, editable=False)  # search forms of the name, one space between
    phone = models.CharField(_("电话"), max_length=40, blank=True, default="")
    email = models.EmailField(_("邮箱"), blank=True, default="")
    is_active = models.BooleanField(_("在职"), default=True)
    failed_logins = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    must_change_password = models.BooleanField(default=False)
    language = models.CharField(_("界面语言"), max_length=10, default="zh-hans")
    joined_at = models.DateTimeField(default=timezone.now)

    objects = Persons()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    is_staff = False  # Django's admin is not used
    is_superuser = False

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="posts")
    unit = models.ForeignKey("people.Unit", on_delete=models.PROTECT, related_name="posts")
    role = models.ForeignKey("people.Role", on_delete=models.PROTECT, related_name="posts")
    since = models.DateTimeField(_("起"))
    until = models.DateTimeField(_("止"), null=True, blank=True)
    primary = models.BooleanField(_("主岗"), default=False)

    class Meta:
        ordering = ("-primary", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="people_post_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=("person", "unit", "role"), condition=Q(until__isnull=True), name="people_post_once"
            ),
            models.UniqueConstraint(
                fields=("person",), condition=Q(until__isnull=True, primary=True), name="people_one_primary_post"
            ),
        )

    def __str__(self) -> str:
        return f"{self.unit_id}:{self.role_id}"
