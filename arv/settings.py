"""All settings: read from the environment, once, with a loud failure when something is missing.

The table of variables is in README.md.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from arv import api_settings, errors, theme
from arv.logging import to_console

# Lets `ModelAdmin[Company]` and `QuerySet[Company]` work at run time on Django 5.2.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(str(BASE_DIR / ".env"))

VERSION = "0.1.0"
ENVIRONMENT = env.str("ENVIRONMENT", default="production")
if ENVIRONMENT not in {"production", "demo", "development", "test"}:
    raise ImproperlyConfigured(
        "ENVIRONMENT must be production, demo, development or test, not " + repr(ENVIRONMENT)
    )
THROW_AWAY = ENVIRONMENT in {"development", "test"}
DEBUG = env.bool("DEBUG", default=ENVIRONMENT == "development")


def secret(name: str, throw_away: str) -> str:
    """A secret from the environment; only development and tests may do without."""
    value: str = env.str(name, default=throw_away if THROW_AWAY else "")
    if not value:
        raise ImproperlyConfigured(
            f"Set {name} (see README.md), or ENVIRONMENT=development for a throw-away set-up."
        )
    return value


SECRET_KEY = secret("SECRET_KEY", "only-for-development-and-tests-0123456789-abcdefghijklmnop")
# Newest first; older ones stay readable until everything has been saved again.
ENCRYPTION_KEYS = secret("ENCRYPTION_KEYS", "b25seS1mb3ItZGV2ZWxvcG1lbnQtYW5kLXRlc3RzISE=").split(
    ","
)
API_TOKEN_PEPPER = secret("API_TOKEN_PEPPER", "only-for-development-and-tests")

# Where visitors reach the platform: the QR codes lead there.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000" if THROW_AWAY else "").rstrip(
    "/"
)
if not PUBLIC_URL:
    raise ImproperlyConfigured("Set PUBLIC_URL to the address that the QR codes shall lead to.")
IS_HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=sorted({urlsplit(PUBLIC_URL).hostname or "", "127.0.0.1", "localhost"}),
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
TRUSTED_PROXY_HOPS = env.int("TRUSTED_PROXY_HOPS", default=0)
# A limit for each network of clients (/24 or /48), so that a whole exhibition fits behind one.
PUBLIC_REQUESTS_PER_MINUTE = env.int("PUBLIC_REQUESTS_PER_MINUTE", default=1200)
# A limit for each content: events of its visitors, from wherever.
EVENTS_PER_CONTENT_PER_MINUTE = env.int("EVENTS_PER_CONTENT_PER_MINUTE", default=6000)
# A limit for each API token, and for each user of the API without one.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=600)

# Everything the platform writes on this machine.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces; and not by its default configuration, which
    # would also replace our admin site.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "arv.apps.ArvAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_celery_beat",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "simple_history",
    "companies",
    "content",
    "analytics",
]
MIDDLEWARE = [
    # Outermost: its times and statuses are those that leave.
    "arv.middleware.RequestMiddleware",
    # What visitors send goes no further.
    "analytics.api.short_way.ShortWay",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "arv.sessions.SlidingSessionMiddleware",
    "arv.languages.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "arv.urls"
WSGI_APPLICATION = "arv.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database -------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'arv.sqlite3'}")
}
_database = DATABASES["default"]
# What the address itself asks for, such as ?sslmode=require, wins over the defaults below.
_asked_options = _database.get("OPTIONS", {})
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a read that turns into a write fails at once under WAL instead of waiting.
    _database["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        **_asked_options,
    }
    # A file, because threads cannot share SQLite's in-memory database as they share a real one.
    _database["TEST"] = {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")}
else:
    # The server bounds each statement; that it is gone itself, TCP notices within about 15 s.
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": "-c statement_timeout=30000 -c lock_timeout=10000",
        **_asked_options,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- jobs and cache -------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="")
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
# Each task that beat sends is noted at once: the platform's readiness goes by that.
CELERY_BEAT_SYNC_EVERY = 1
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# Queues of their own, so that a long film holds up neither a marker nor a letter.
CELERY_TASK_ROUTES = {
    "content.tasks.generate_marker": {"queue": "markers"},
    "content.tasks.prepare_video": {"queue": "videos"},
}
# A publisher waits at most about a second: the row is already committed, the sweeper finds it.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0.1,
    "interval_max": 0.3,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "visibility_timeout": 900,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
    }
else:
    _broker = VAR_DIR / "broker"
    CELERY_BROKER_URL = "folder://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "queue"),
        "data_folder_out": str(_broker / "queue"),
        "control_folder": str(_broker / "control"),
        "polling_interval": 0.2,
    }
    for _folder in ("queue", "control"):
        (_broker / _folder).mkdir(parents=True, exist_ok=True)
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }

# --- files ----------------------------------------------------------------------------------

LOCAL_STORAGE_ROOT = Path(env.str("LOCAL_STORAGE_ROOT", default=str(VAR_DIR / "storage")))
# Staff type the endpoints of S3 storages: in production they shall not lead into our own network,
# unless the storage is there.
STORAGE_ALLOW_PRIVATE_ENDPOINTS = env.bool(
    "STORAGE_ALLOW_PRIVATE_ENDPOINTS", default=ENVIRONMENT != "production"
)
MEDIA_URL = "/media/"
# With nginx in front: the internal location that serves LOCAL_STORAGE_ROOT (X-Accel-Redirect).
MEDIA_ACCEL_LOCATION = env.str("MEDIA_ACCEL_LOCATION", default="")
IMAGE_MAX_BYTES = env.int("IMAGE_MAX_MB", default=25) * 1024 * 1024
VIDEO_MAX_BYTES = env.int("VIDEO_MAX_MB", default=200) * 1024 * 1024
# A zip of pictures and videos for many contents at once.
BULK_MAX_BYTES = env.int("BULK_MAX_MB", default=2048) * 1024 * 1024
FILE_UPLOAD_TEMP_DIR = str(VAR_DIR / "uploads")
Path(FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "companies.storage.router.TenantStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if THROW_AWAY
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = ENVIRONMENT == "development"

# Where visitors come from, by files in MaxMind's format; empty: not asked.
GEOIP_COUNTRY_FILE = env.str("GEOIP_COUNTRY_FILE", default="")
GEOIP_CITY_FILE = env.str("GEOIP_CITY_FILE", default="")

# --- people and security --------------------------------------------------------------------

AUTH_USER_MODEL = "companies.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if ENVIRONMENT == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
# Since the last use.
SESSION_ENGINE = "arv.sessions"
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

# Signing in is django-allauth's, with the pages of companies/sign_in/urls.py alone.
AUTHENTICATION_BACKENDS = ["companies.sign_in.backends.PasswordBackend"]
ACCOUNT_ADAPTER = "companies.sign_in.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "companies.accounts.PasswordTokens"  # noqa: S105
ACCOUNT_FORMS = {
    "login": "companies.sign_in.forms.LoginForm",
    "reset_password": "companies.sign_in.forms.PasswordLinkForm",
}
ACCOUNT_RATE_LIMITS = {
    # An office shares an address; an account is one person's.
    "login_failed": "30/10m/ip,5/5m/key",
    # Counted by the line above, which alone says when to try again.
    "login": None,
    "reset_password": "30/h/ip,5/h/key",
}
MFA_ADAPTER = "companies.sign_in.adapters.SecondStepAdapter"
MFA_FORMS = {
    "authenticate": "companies.sign_in.forms.CodeForm",
    "reauthenticate": "companies.sign_in.forms.ConfirmCodeForm",
}
MFA_TOTP_ISSUER = "ARV"
# Phones whose clock is half a minute off.
MFA_TOTP_TOLERANCE = 1
MFA_REQUIRED_FOR_SUPERUSERS = env.bool("MFA_REQUIRED_FOR_SUPERUSERS", default=False)

# EMAIL_HOST and the like, from one address.
globals().update(
    env.email_url(
        "EMAIL_URL",
        default={
            "production": "smtp://localhost:25",
            "test": "memorymail://",
        }.get(ENVIRONMENT, "consolemail://"),
    )
)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default=f"ARV <no-reply@{urlsplit(PUBLIC_URL).hostname}>"
)
# Without a token nothing goes to Telegram.
TELEGRAM_BOT_TOKEN = env.str("TELEGRAM_BOT_TOKEN", default="")
TELEGRAM_API_URL = env.str("TELEGRAM_API_URL", default="https://api.telegram.org").rstrip("/")
SECURE_SSL_REDIRECT = env.bool(
    "SECURE_SSL_REDIRECT", default=IS_HTTPS and ENVIRONMENT == "production"
)
SECURE_REDIRECT_EXEMPT = [r"^api/health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS and ENVIRONMENT == "production" else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = bool(SECURE_HSTS_SECONDS)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
if TRUSTED_PROXY_HOPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
PERMISSIONS_POLICY: dict[str, str | list[str]] = {
    "camera": "self",
    "microphone": [],
    "geolocation": [],
}

# Strict for every page; the admin's theme alone gets what Alpine needs (arv/admin_site.py).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "worker-src": [SELF],
        "connect-src": [SELF],
        "style-src": [SELF],
        "media-src": [SELF],
        "img-src": [SELF],
        "base-uri": [NONE],
        "form-action": [NONE],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {**api_settings.REST_FRAMEWORK, "NUM_PROXIES": TRUSTED_PROXY_HOPS}
SPECTACULAR_SETTINGS = {**api_settings.SPECTACULAR_SETTINGS, "VERSION": VERSION}

# --- languages and time ---------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
# Ours, and the texts of the admin's theme, which has no Russian of its own.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "theme"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

UNFOLD = theme.UNFOLD

# --- what it tells of itself ----------------------------------------------------------------

LOGGING = to_console(
    env.str("LOG_LEVEL", default="INFO"), as_json=env.bool("LOG_JSON", ENVIRONMENT == "production")
)
# Without a key there is no /metrics.
METRICS_KEY = env.str("METRICS_KEY", default="")
# Where the processes of one web server put their counters together; gunicorn's configuration
# chooses a folder when nobody does. Read by prometheus_client from the environment itself.
if multiprocess_folder := env.str("PROMETHEUS_MULTIPROC_DIR", default=""):
    Path(multiprocess_folder).mkdir(parents=True, exist_ok=True)
else:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
# Without an address errors are told of in the log alone.
if sentry_dsn := env.str("SENTRY_DSN", default=""):
    errors.report_to(sentry_dsn, environment=ENVIRONMENT, release=VERSION)
