"""Every setting, read once. Nothing has to be set: `python manage.py up` works as it is."""

from __future__ import annotations

import base64
import zoneinfo
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from whitenoise.compress import Compressor

from config import keys

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# One version of the time zone data for everybody: the tzdata wheel, not what the machine has.
zoneinfo.reset_tzpath(to=())

# ── Where things are kept ──
DATA_DIR = Path(env.str("CONVENE_DATA", default=str(BASE_DIR / ".convene"))).resolve()  # database, keys, media
_KEYS = keys.load(DATA_DIR)

# ── Secrets: from the key file, or from the environment where several machines share them ──
SECRET_KEY = env.str("SECRET_KEY", default=_KEYS["secret_key"])
LINK_KEY = env.str("CONVENE_LINK_KEY", default=_KEYS["link_key"])  # derives the tokens of customers' links
DATA_KEYS = {  # {id: 32 bytes}; the highest id encrypts, all decrypt
    int(key_id): base64.b64decode(key)
    for key_id, key in env.dict("CONVENE_DATA_KEYS", default=_KEYS["data_keys"]).items()
}
DEMO_PASSWORDS = {"staff": _KEYS["staff_password"], "admin": _KEYS["admin_password"]}

# ── Where it is reached ──
ADDRESS_FILE = DATA_DIR / "address"  # where `up` serves this data folder, so that other commands make the right links
_SERVED_AT = ADDRESS_FILE.read_text().strip() if ADDRESS_FILE.exists() else "http://127.0.0.1:8000"
BASE_URL = env.str("CONVENE_BASE_URL", default=_SERVED_AT).rstrip("/")  # what links in answers begin with
_HOST = urlsplit(BASE_URL).hostname or "127.0.0.1"
ALLOWED_HOSTS = env.list("CONVENE_HOSTS", default=sorted({"127.0.0.1", "localhost", "[::1]", _HOST}))
HTTPS = BASE_URL.startswith("https://")
TRUST_PROXY = env.bool("CONVENE_TRUST_PROXY", default=False)  # believe X-Forwarded-Proto and X-Forwarded-For
JITSI_BASE_URL = env.str("CONVENE_JITSI_BASE_URL", default="https://meet.jit.si")  # where virtual rooms are opened
# Address of `python manage.py lab` on this machine: its doubles are called instead of the real services.
LAB = env.str("CONVENE_LAB", default="").rstrip("/")
if LAB and not LAB.startswith("http://127.0.0.1:"):
    raise ImproperlyConfigured("CONVENE_LAB is an address on this machine, such as http://127.0.0.1:8900")
# host:port in private networks that may be called
LAN_ALLOWED = env.list("CONVENE_LAN_ALLOWED", default=[]) + ([urlsplit(LAB).netloc] if LAB else [])
# Your registrations at the services that want one (README, "Connect a calendar"); without one they are not offered.
GOOGLE = {
    "client_id": env.str("GOOGLE_CLIENT_ID", default="lab" if LAB else ""),
    "client_secret": env.str("GOOGLE_CLIENT_SECRET", default="lab-secret" if LAB else ""),
}
MICROSOFT = {
    "client_id": env.str("MICROSOFT_CLIENT_ID", default="lab" if LAB else ""),
    "client_secret": env.str("MICROSOFT_CLIENT_SECRET", default="lab-secret" if LAB else ""),
    "tenant": env.str("MICROSOFT_TENANT", default="common"),
}
# Where the services are; other addresses are for doubles of them.
_GOOGLE = {
    "api": "https://www.googleapis.com/calendar/v3",
    "authorize": "https://accounts.google.com/o/oauth2/v2/auth",
    "token": "https://oauth2.googleapis.com/token",
    "revoke": "https://oauth2.googleapis.com/revoke",
}
_MICROSOFT = {"api": "https://graph.microsoft.com/v1.0", "login": "https://login.microsoftonline.com"}
if LAB:
    _GOOGLE = {"api": f"{LAB}/google"} | {name: f"{LAB}/google/oauth2/{name}" for name in list(_GOOGLE)[1:]}
    _MICROSOFT = {"api": f"{LAB}/microsoft/v1.0", "login": f"{LAB}/microsoft"}
GOOGLE_URLS = {name: env.str(f"GOOGLE_{name.upper()}_URL", default=url) for name, url in _GOOGLE.items()}
MICROSOFT_URLS = {name: env.str(f"MICROSOFT_{name.upper()}_URL", default=url) for name, url in _MICROSOFT.items()}
DEBUG = env.bool("CONVENE_DEBUG", default=False)

# ── What it is made of ──
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "config.apps.OperatorAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # the schema page's script and style, served from here
    "allauth",
    "allauth.account",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "bookings",
    "providers",
    "config.apps.Installation",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "bookings.members.OrganisationMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # a redirected POST loses its body
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
            ],
        },
    }
]

# ── Database: SQLite in the data folder, or DATABASE_URL=postgres://… ──
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'convene.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "config.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # one writer at a time, queued, instead of "database is locked"
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    # Statements that come again are planned once. Behind PgBouncer in transaction mode: at least its version 1.21.
    DATABASES["default"]["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 5}
    if pool := env.int("CONVENE_DB_POOL", default=0):  # at most so many connections for each process; 0: one a thread
        DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool}
    else:
        DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},  # beyond it entries are dropped, and counted limits with them
    }
}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

# ── Sign-in ──
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # such a mail would invite strangers to sign up
ACCOUNT_ADAPTER = "bookings.pages.accounts.ClosedSignup"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL

# ── Mail: by SMTP when EMAIL_URL=smtp://user:password@host:port is set, else none is sent ──
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
EMAIL_TIMEOUT = env.int("CONVENE_MAIL_TIMEOUT", default=20)  # seconds, of each step with the mail server
_MAIL_DOMAIN = _HOST if _HOST.rpartition(".")[2].isalpha() else "localhost"
DEFAULT_FROM_EMAIL = env.str("CONVENE_MAIL_FROM", default=f"bookings@{_MAIL_DOMAIN}")

# ── Security headers ──
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # limits count for the last address of X-Forwarded-For, which our proxy wrote
CSRF_TRUSTED_ORIGINS = [BASE_URL]
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# ── Language and time ──
LANGUAGE_CODE = "en"
LANGUAGES = [  # the languages of customers' pages, as each calls itself
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("pt", "Português"),
    ("it", "Italiano"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("ja", "日本語"),
    ("ar", "العربية"),
]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# ── Static files: hashed, served by the web process ──
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")  # only debuggers ask for them

# ── API ──
API_CALLS_PER_MINUTE = env.int("CONVENE_API_CALLS_PER_MINUTE", default=600)  # of one key, over all processes
API_WRONG_CREDENTIALS_PER_MINUTE = env.int("CONVENE_API_WRONG_CREDENTIALS_PER_MINUTE", default=20)  # from one address
REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
    "SERVE_PUBLIC": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATIONS": False,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # it takes all dialects for one API; tests/api/test_schemas.py looks at each
}

# ── Admin ──
UNFOLD = {
    "SITE_TITLE": "Convene",
    "SITE_HEADER": "Convene",
    "SITE_SYMBOL": "event_available",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 255)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(66% .185 257)",
            "600": "oklch(50% .2 260)",
            "700": "oklch(45% .19 261)",
            "800": "oklch(40% .17 262)",
            "900": "oklch(36% .14 263)",
            "950": "oklch(28.2% .091 267.9)",
        }
    },
    "STYLES": ["config.admin.stylesheet"],
    "SCRIPTS": ["config.admin.script"],
    "DASHBOARD_CALLBACK": "bookings.admin.dashboard.overview",
    "SIDEBAR": {"show_search": True, "navigation": "bookings.admin.navigation.sidebar"},
}

# ── Log ──
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"links": {"()": "config.logs.MaskLinks"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["links"]}},
    "root": {"handlers": ["console"], "level": env.str("CONVENE_LOG_LEVEL", default="INFO")},
}
