"""Settings, read from the environment only. A bad setting stops the start with one clear sentence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured

from wenguo.config.embedded import Server
from wenguo.inside import inside

PACKAGE = Path(__file__).resolve().parent.parent


def _env(name: str, default: str = "") -> str:
    return os.environ.get(f"WENGUO_{name}", default).strip()


def _flag(name: str, default: bool) -> bool:
    value = _env(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no", "on", "off"}:
        raise ImproperlyConfigured(f"WENGUO_{name}={value}: 请写 1 或 0 (write 1 or 0)")
    return value in {"1", "true", "yes", "on"}


def _number(name: str, default: int, low: int, high: int) -> int:
    raw = _env(name, str(default))
    if not raw.isdigit() or not low <= int(raw) <= high:
        raise ImproperlyConfigured(f"WENGUO_{name}={raw}: 请写 {low} 到 {high} 的整数 (a whole number {low}–{high})")
    return int(raw)


def _one_of(name: str, default: str, allowed: Collection[str], hint: str) -> str:
    value = _env(name) or default
    if value not in allowed:
        raise ImproperlyConfigured(f"WENGUO_{name}={value}: {hint}")
    return value


def _web_address(name: str, default: str) -> str:
    value = (_env(name) or default).rstrip("/")
    if value and (not value.startswith(("http://", "https://")) or not urlsplit(value).hostname):
        raise ImproperlyConfigured(f"WENGUO_{name}={value}: 请写 https://主机 (write https://host)")
    return value


# A server that has gone without a word (cable, power, firewall) is noticed within half a minute, not after hours.
# Over a Unix socket these say nothing; in DATABASE_URL they can be given otherwise.
_NOTICED = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def _database(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/dir&sslmode=… as Django's settings."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL 以 {parts.scheme or '空'} 开头；请写 postgresql://用户:密码@主机:端口/库名 "
            "(it must start with postgresql://)"
        )
    try:
        parts.port  # noqa: B018 - raises when it is no number
    except ValueError as error:
        raise ImproperlyConfigured("DATABASE_URL 里的端口不是数字 (the port is not a number)") from error
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or parts.hostname or ""
    user = options.pop("user", None) or unquote(parts.username or "")
    port = options.pop("port", None) or parts.port or ""
    return {
        "ENGINE": "wenguo.postgres",
        "NAME": unquote(parts.path.lstrip("/")) or "wenguo",
        "USER": user,
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_NOTICED,
            **options,
            # After an outage the pool would wait twice as long before each new try; so a request asks anew at once.
            "pool": {"min_size": 1, "max_size": _number("DB_POOL", 8, 1, 200), "timeout": 8, "reconnect_timeout": 5},
        },
    }


DEBUG = _flag("DEBUG", False)
HOME = Path(_env("HOME") or Path.home() / ".local/share/wenguo").expanduser().absolute()
HOST = _env("HOST") or "127.0.0.1"
PORT = _number("PORT", 8000, 1, 65535)
LIVE_PORT = _number("LIVE_PORT", PORT + 1, 1, 65535)
PUBLIC_URL = _web_address("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
LIVE_URL = _web_address("LIVE_URL", "")  # behind a proxy: the address of the live endpoint; empty: host, LIVE_PORT

# What `wenguo up` starts, and how wide.
WEB_WORKERS = _number("WEB_WORKERS", 1, 1, 64)
WEB_THREADS = _number("WEB_THREADS", 8, 1, 200)
WORKERS = _number("WORKERS", 1, 0, 64)
WORKER_JOBS = _number("WORKER_JOBS", 4, 1, 100)
DEMO = _flag("DEMO", False)  # an empty database becomes a demonstration company
DEMO_CASES = _number("DEMO_CASES", 2000, 0, 1_000_000)

DATABASE_URL = os.environ.get("DATABASE_URL", "").strip()  # empty: the embedded PostgreSQL of HOME
DATABASES = {"default": _database(DATABASE_URL or Server(HOME).url)}


def _secret() -> str:
    """WENGUO_SECRET_KEY, or one made once and kept beside the data, readable by its owner only."""
    given = _env("SECRET_KEY")
    if given:
        if len(given) < 32:
            raise ImproperlyConfigured("WENGUO_SECRET_KEY 太短：至少 32 个字符 (at least 32 characters)")
        return given
    import secrets
    import tempfile

    kept = HOME / "secret_key"
    try:
        HOME.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            with tempfile.NamedTemporaryFile("w", dir=HOME) as file:  # made with mode 0600
                file.write(secrets.token_urlsafe(48))
                file.flush()
                with contextlib.suppress(FileExistsError):  # another process was first
                    os.link(file.name, kept)
        return kept.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"不能读写 WENGUO_HOME={HOME}：{error.strerror} (cannot read or write this directory)"
        ) from error


SECRET_KEY = _secret()
ALLOWED_HOSTS = [h for h in _env("ALLOWED_HOSTS", "*").split(",") if h]
CSRF_TRUSTED_ORIGINS = [o for o in _env("TRUSTED_ORIGINS", PUBLIC_URL).split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "procrastinate.contrib.django",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "wenguo.journal",
    "wenguo.people",
    "wenguo.customers",
    "wenguo.policy",
    "wenguo.channels",
    "wenguo.cases",
    "wenguo.insight",
    "wenguo.web",
    "wenguo.api",
    "wenguo.worker",
    "wenguo.demo",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "wenguo.web.doors.SecurityHeaders",
    "wenguo.web.doors.Refusals",
]
CSRF_FAILURE_VIEW = "wenguo.web.doors.csrf_failure"
ROOT_URLCONF = "wenguo.config.urls"
WSGI_APPLICATION = "wenguo.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "wenguo.web.jinja.Templates",
        "DIRS": [PACKAGE / "web/templates"],
        "APP_DIRS": False,
        "OPTIONS": {"environment": "wenguo.web.jinja.environment", "auto_reload": DEBUG},
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]

AUTH_USER_MODEL = "people.Person"
AUTHENTICATION_BACKENDS = ["wenguo.web.account.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/desk/"
ACCOUNT_ADAPTER = "wenguo.web.account.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
# An office signs in at nine from one address; who guesses is stopped by the lock of the account (people.signin).
ACCOUNT_RATE_LIMITS = {"login": "1200/m/ip", "login_failed": "300/m/ip,10/5m/key"}
MFA_ADAPTER = "wenguo.web.account.SecondFactor"
MFA_TOTP_ISSUER = "闻过"
SESSION_ENGINE = "wenguo.web.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PUBLIC_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _one_of("TIME_ZONE", "Asia/Shanghai", available_timezones(), "没有这个时区 (no such time zone)")

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "web/static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Files: a directory beside the data, or an S3-compatible bucket.
MEDIA_ROOT = Path(_env("FILES") or HOME / "files")
UPLOAD_MAX_MIB = _number("UPLOAD_MAX_MIB", 50, 1, 4096)
UPLOAD_MAX_FILES = _number("UPLOAD_MAX_FILES", 20, 1, 500)
UPLOAD_MAX_TOTAL_MIB = _number("UPLOAD_MAX_TOTAL_MIB", max(200, UPLOAD_MAX_MIB), UPLOAD_MAX_MIB, 65536)
if _env("S3_BUCKET"):
    _evidence: dict[str, Any] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _env("S3_BUCKET"),
            "endpoint_url": _env("S3_ENDPOINT") or None,
            "access_key": _env("S3_ACCESS_KEY") or None,
            "secret_key": _env("S3_SECRET_KEY") or None,
            "region_name": _env("S3_REGION") or None,
            "file_overwrite": False,
            "default_acl": None,
        },
    }
else:
    _evidence = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": MEDIA_ROOT}}
STORAGES = {
    "default": _evidence,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = UPLOAD_MAX_FILES * 5  # up to here the pages name the files that were too many
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "wenguo.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700  # what customers send is for us alone

# Mail goes out by SMTP once WENGUO_SMTP_HOST is set; until then it is kept in the outbox and shown as not sent.
EMAIL_HOST = _env("SMTP_HOST")
EMAIL_PORT = _number("SMTP_PORT", 465, 1, 65535)
EMAIL_HOST_USER = _env("SMTP_USER")
EMAIL_HOST_PASSWORD = _env("SMTP_PASSWORD")
EMAIL_USE_SSL = _flag("SMTP_SSL", EMAIL_PORT == 465)
EMAIL_USE_TLS = _flag("SMTP_STARTTLS", EMAIL_PORT == 587)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = _env("MAIL_FROM", "闻过投诉中心 <no-reply@localhost>")

# A language model beside the program: off unless an address is set. Nothing here depends on it.
LLM_URL = _web_address("LLM_URL", "")
LLM_KEY = _env("LLM_KEY")
LLM_MODEL = _env("LLM_MODEL")
LLM_TIMEOUT = _number("LLM_TIMEOUT", 30, 1, 300)
LLM_DAILY_REQUESTS = _number("LLM_DAILY_REQUESTS", 200, 1, 1_000_000)
LLM_DAILY_TOKENS = _number("LLM_DAILY_TOKENS", 400_000, 1, 1_000_000_000)
if LLM_URL and not LLM_MODEL:
    raise ImproperlyConfigured("WENGUO_LLM_MODEL: 请写模型名称 (write the name of the model)")
if LLM_URL.startswith("http://") and not inside(urlsplit(LLM_URL).hostname or ""):
    raise ImproperlyConfigured("WENGUO_LLM_URL: 外部地址请用 https:// (an address outside needs https://)")

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_level = _one_of("LOG_LEVEL", "INFO", _LEVELS, "请写 DEBUG、INFO、WARNING 或 ERROR (write one of these)")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "wenguo.config.logs.Discreet", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": max(_level, "WARNING", key=_LEVELS.index)},
    "loggers": {"wenguo": {"level": _level}},
}
