"""Staff: persons and the posts they hold. Source: SY-1; FIELD 8.3 (a person may hold several posts)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import password_validation
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.actor import Actor, permit, record
from wenguo.people.permissions import CASE_WORK, PERMISSIONS, READING
from wenguo.text import pinyin

if TYPE_CHECKING:
    from wenguo.people.roles import Role
    from wenguo.people.standing import Standing
    from wenguo.people.units import Unit

HIRED = journal.define("staff.hired", gettext_lazy("建立账号"))
CHANGED = journal.define("staff.changed", gettext_lazy("修改资料"))
LEFT = journal.define("staff.left", gettext_lazy("停用账号"))
RETURNED = journal.define("staff.returned", gettext_lazy("恢复账号"))
POSTED = journal.define("staff.post_given", gettext_lazy("任职"))
RELIEVED = journal.define("staff.post_ended", gettext_lazy("离任"))
PASSWORD = journal.define("staff.password_set", gettext_lazy("设置密码"))

_USERNAME = re.compile(r"[\w.@+-]{1,64}")


class PersonSet(models.QuerySet["Person"]):
    def working(self) -> PersonSet:
        return self.filter(is_active=True)

    def holding(self, role_code: str, *, at: datetime, units: Iterable[Unit] | None = None) -> PersonSet:
        """Those with an active post of that role, at one of `units` if given."""
        return self.working().filter(pk__in=_active(at, units).filter(role__code=role_code).values("person"))

    def able(self, permission: str, *, at: datetime, units: Iterable[Unit] | None = None) -> PersonSet:
        """Those whose own active posts permit it, at one of `units` if given."""
        held = _active(at, units).filter(role__permissions__contains=[permission])
        return self.working().filter(pk__in=held.values("person"))

    def search(self, q: str) -> PersonSet:
        """By part of the name, the pinyin or initials, or the user name; an empty `q` finds everybody."""
        q = q.strip().lower()
        if not q:
            return self
        return self.filter(Q(name__icontains=q) | Q(pinyin__contains=" " + q) | Q(username__istartswith=q))


def _active(at: datetime, units: Iterable[Unit] | None) -> models.QuerySet[Post]:
    posts = Post.objects.active(at)
    return posts if units is None else posts.filter(unit__in=[unit.pk for unit in units])


class Persons(BaseUserManager.from_queryset(PersonSet)):  # type: ignore[misc]
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> Person:
        """A person without a post and without an event; `hire` is the act."""
        person = self.model(username=username, **fields)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser):
    username = models.CharField(gettext_lazy("用户名"), max_length=64, unique=True)
    name = models.CharField(gettext_lazy("姓名"), max_length=60)
    pinyin = models.TextField(default="", blank=True, editable=False)  # search forms, a space before each; kept by save
    phone = models.CharField(gettext_lazy("电话"), max_length=40, blank=True, default="")
    email = models.EmailField(gettext_lazy("邮箱"), blank=True, default="")
    is_active = models.BooleanField(gettext_lazy("在职"), default=True)
    failed_logins = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    must_change_password = models.BooleanField(default=False)
    language = models.CharField(gettext_lazy("界面语言"), max_length=10, default="zh-hans")
    joined_at = models.DateTimeField(default=timezone.now)

    objects = Persons()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    is_staff = False  # Django's admin is not used
    is_superuser = False
    # Set by `tokens.authenticate`: what the token in hand is good for; None when a person signed in themselves.
    token_scopes: frozenset[str] | None = None
    _as_of: datetime | None = None
    _standing: Standing | None = None
    stands_by: str | None = None  # the rows it is read from, where they were asked for along with the person

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name

    @property
    def journal_ref(self) -> str:
        return f"staff:{self.pk}"

    @property
    def standing(self) -> Standing:
        """Posts and deputyships, read once for this instance (two queries). `forget` after changing them."""
        if self._standing is None:
            from wenguo.people.standing import standing_of

            self._standing = standing_of(self, self.stands_by)
        return self._standing

    def forget(self) -> None:
        """Read posts and deputyships anew when next asked."""
        self._standing = self.stands_by = None

    def as_of(self, at: datetime | None) -> Person:
        """This person, asked without a moment, answers for `at` (a trial on the past). Returns self."""
        self._as_of = at
        return self

    def moment(self, at: datetime | None = None) -> datetime:
        """`at`, or the moment this instance answers for: `as_of`, else the present."""
        return at or self._as_of or timezone.now()

    def posts_at(self, at: datetime) -> list[Post]:
        """The posts held then, the primary first."""
        return self.standing.own(at)

    def may(self, permission: str, at: datetime | None = None) -> bool:
        """Whether a post held, or one held by a colleague this person stands in for, permits it; within the token's
        scopes if there is a token. An unknown permission is a mistake of the programmer: KeyError.
        """
        known = PERMISSIONS[permission]
        if not self.is_active or not self._token_allows(permission):
            return False
        own, lent = self.standing.permits(self.moment(at))
        return permission in (lent if known.lent else own)

    def _token_allows(self, permission: str) -> bool:
        if self.token_scopes is None:
            return True
        return (
            "write" in self.token_scopes
            or permission in self.token_scopes
            or ("read" in self.token_scopes and permission in READING)
        )

    def holds(self, role_code: str, unit: Unit | None = None, at: datetime | None = None) -> bool:
        """Whether this very person has an active post of the role; with `unit`, at that unit or one above it."""
        return any(
            post.role.code == role_code and (unit is None or unit.is_within(post.unit))
            for post in self.posts_at(self.moment(at))
        )

    @property
    def home(self) -> Unit | None:
        """The unit of the primary post, else of any post."""
        posts = self.posts_at(self.moment())
        return posts[0].unit if posts else None

    def sees_personal(self, at: datetime | None = None) -> bool:
        """Whether personal fields are shown in full, without a reveal."""
        return self.is_active and any(post.role.sensitive for post in self.posts_at(self.moment(at)))

    def save(self, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        if fields is None or "name" in fields:
            self.pinyin = "".join(f" {form}" for form in pinyin.forms(self.name))
            if fields is not None:
                kwargs["update_fields"] = {*fields, "pinyin"}
        super().save(*args, **kwargs)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self.forget()


class Posts(models.QuerySet["Post"]):
    def active(self, at: datetime) -> Posts:
        return self.filter(Q(until__isnull=True) | Q(until__gt=at), since__lte=at)


class Post(models.Model):
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="posts")
    unit = models.ForeignKey("people.Unit", on_delete=models.PROTECT, related_name="posts")
    role = models.ForeignKey("people.Role", on_delete=models.PROTECT, related_name="posts")
    since = models.DateTimeField(gettext_lazy("起"))
    until = models.DateTimeField(gettext_lazy("止"), null=True, blank=True)
    primary = models.BooleanField(gettext_lazy("主岗"), default=False)

    objects = Posts.as_manager()

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

    def active(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@transaction.atomic
def hire(
    username: str,
    name: str,
    *,
    by: Actor,
    at: datetime,
    password: str | None = None,
    phone: str = "",
    email: str = "",
    language: str = "zh-hans",
    must_change_password: bool = True,
) -> Person:
    """A new account, without a post yet. No password: it cannot sign in until one is set. Invalid: see `fields`."""
    permit(by, "people.manage", at)
    username, name = username.strip(), name.strip()
    wrong = _wrong(name=name, phone=phone, email=email)
    if not _USERNAME.fullmatch(username):
        wrong["username"] = _("用户名为 1–64 个字母、数字或 . @ + - _")
    elif Person.objects.filter(username__iexact=username).exists():
        wrong["username"] = _("用户名「{username}」已被使用").format(username=username)
    if wrong:
        raise Invalid(_("账号资料有误"), fields=wrong)
    person = Person(
        username=username, name=name, phone=phone.strip(), email=email.strip(), language=language, joined_at=at
    )
    if password is None:
        person.set_unusable_password()
    else:
        _check_password(password, person)
        person.set_password(password)
        person.must_change_password = must_change_password
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError:
        taken = _("用户名「{username}」已被使用").format(username=username)
        raise Invalid(taken, fields={"username": taken}) from None
    record("staff", person.pk, HIRED, by=by, at=at, private={"username": username, "name": name})
    return person


@transaction.atomic
def change_details(person: Person, *, by: Actor, at: datetime, **details: str) -> None:
    """Change name, phone, email or language: one's own phone, email and language, or with people.manage anything."""
    if unknown := details.keys() - {"name", "phone", "email", "language"}:
        raise TypeError(f"no such details: {unknown}")
    if "name" in details or by != person:
        permit(by, "people.manage", at)
    details = {field: value.strip() for field, value in details.items()}
    if wrong := _wrong(**{field: value for field, value in details.items() if field != "language"}):
        raise Invalid(_("账号资料有误"), fields=wrong)
    changed = {field: value for field, value in details.items() if getattr(person, field) != value}
    if not changed:
        return
    for field, value in changed.items():
        setattr(person, field, value)
    person.save(update_fields=list(changed))
    record("staff", person.pk, CHANGED, by=by, at=at, data={"fields": sorted(changed)}, private=changed)


def _wrong(**details: str) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for field, most in (("name", 60), ("phone", 40), ("email", 254)):
        if len(details.get(field, "").strip()) > most:
            wrong[field] = _("最多 {most} 个字").format(most=most)
    if "name" in details and not details["name"].strip():
        wrong["name"] = _("请填写姓名")
    if details.get("email", "").strip() and "email" not in wrong:
        try:
            validate_email(details["email"].strip())
        except ValidationError:
            wrong["email"] = _("邮箱格式不正确")
    return wrong


@transaction.atomic
def give_post(person: Person, unit: Unit, role: Role, *, by: Actor, at: datetime, primary: bool | None = None) -> Post:
    """Give a post from `at` on. `primary` None: the first post becomes the primary one.

    NotYours: to oneself. NotNow: held already, or managing people together with handling complaints.
    """
    permit(by, "people.manage", at)
    if by == person:
        raise NotYours(_("不能给自己任职，请由另一位管理员办理"))
    if not person.is_active:
        raise NotNow(_("该账号已停用"))
    if not unit.active:
        raise NotNow(_("「{unit}」已停用").format(unit=unit.title))
    Person.objects.select_for_update().get(pk=person.pk)
    held = person.posts.filter(until__isnull=True)
    if held.filter(unit=unit, role=role).exists():
        raise NotNow(_("{name}已在「{unit}」任{role}").format(name=person.name, unit=unit.title, role=role.title))
    permitted = {code for post in held.select_related("role") for code in post.role.permissions} | {*role.permissions}
    if "people.manage" in permitted and CASE_WORK & permitted:
        raise NotNow(_("管理人员的岗位不能与办理投诉的岗位由同一人兼任（职责分离）"))
    if primary is None:
        primary = not held.filter(primary=True).exists()
    elif primary:
        held.update(primary=False)
    post = Post.objects.create(person=person, unit=unit, role=role, since=at, primary=primary)
    data = {"post": post.pk, "unit": unit.pk, "role": role.code, "primary": primary}
    record("staff", person.pk, POSTED, by=by, at=at, data=data)
    person.forget()
    return post


@transaction.atomic
def end_post(post: Post, *, by: Actor, at: datetime) -> None:
    """The post ends at `at`; another post becomes the primary one if need be. NotNow: it has ended already."""
    permit(by, "people.manage", at)
    if not Post.objects.filter(pk=post.pk, until__isnull=True).update(until=max(at, post.since)):
        raise NotNow(_("该任职已结束"))
    post.until = max(at, post.since)
    if post.primary and (heir := Post.objects.filter(person=post.person_id, until__isnull=True).first()):
        Post.objects.filter(pk=heir.pk).update(primary=True)
    data = {"post": post.pk, "unit": post.unit_id, "role": post.role.code}
    record("staff", post.person_id, RELIEVED, by=by, at=at, data=data)
    post.person.forget()


@transaction.atomic
def change_post(post: Post, *, by: Actor, at: datetime, unit: Unit | None = None, role: Role | None = None) -> Post:
    """Move to another unit or role: the old post ends, the new one begins, and is primary if the old one was."""
    end_post(post, by=by, at=at)
    return give_post(post.person, unit or post.unit, role or post.role, by=by, at=at, primary=post.primary or None)


@transaction.atomic
def leave(person: Person, *, by: Actor, at: datetime, reason: str = "") -> None:
    """Close the account: posts and deputyships end, tokens stop. History stays. Nobody closes their own."""
    permit(by, "people.manage", at)
    if by == person:
        raise NotYours(_("不能停用自己的账号"))
    if not Person.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
        raise NotNow(_("该账号已停用"))
    person.is_active = False
    for post in person.posts.filter(until__isnull=True).select_related("role", "person"):
        end_post(post, by=by, at=at)
    person.stands_in.filter(until__gt=at).update(until=models.functions.Greatest("since", models.Value(at)))
    person.tokens.filter(revoked_at__isnull=True).update(revoked_at=at)
    record("staff", person.pk, LEFT, by=by, at=at, private={"reason": reason})
    person.forget()


@transaction.atomic
def come_back(person: Person, *, by: Actor, at: datetime) -> None:
    """Open a closed account again, without posts and without tokens."""
    permit(by, "people.manage", at)
    if not Person.objects.filter(pk=person.pk, is_active=False).update(is_active=True, failed_logins=0):
        raise NotNow(_("该账号未停用"))
    person.is_active, person.failed_logins = True, 0
    record("staff", person.pk, RETURNED, by=by, at=at)


@transaction.atomic
def set_password(person: Person, password: str, *, by: Actor, at: datetime) -> None:
    """Set a new password; one that somebody else set must be changed at the next sign-in. Ends a lock-out."""
    if by != person:
        permit(by, "people.manage", at)
    _check_password(password, person)
    if by == person and person.has_usable_password() and person.check_password(password):
        raise Invalid(_("新密码不能与原密码相同"), fields={"password": _("新密码不能与原密码相同")})
    person.set_password(password)
    person.must_change_password = by != person
    person.failed_logins, person.locked_until = 0, None
    person.save(update_fields=["password", "must_change_password", "failed_logins", "locked_until"])
    record("staff", person.pk, PASSWORD, by=by, at=at, data={"own": by == person})


def _check_password(password: str, person: Person) -> None:
    try:
        password_validation.validate_password(password, person)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), fields={"password": " ".join(error.messages)}) from None
