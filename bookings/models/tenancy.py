"""Who owns what: organisations, their members, and the keys that programs show."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, ClassVar, Generic, TypeVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.timezone import now

M = TypeVar("M", bound=models.Model)


class TenantRequired(Exception):
    """A tenant's table was read without saying which tenant."""


class TenantManager(models.Manager[M], Generic[M]):
    """The door to a tenant's rows. It opens only with `for_tenant`; everything else raises TenantRequired.

    Code that rightly works across tenants (workers, migrations, the operator's admin) says so by using the
    manager called `everywhere`.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        raise TenantRequired(f"{self.model.__name__}.objects.for_tenant(organisation) is the way to these rows")

    def for_tenant(self, organisation: Organisation | uuid.UUID) -> models.QuerySet[M]:
        """Rows of one organisation, given as the object or its id."""
        key = organisation.pk if isinstance(organisation, Organisation) else organisation
        return super().get_queryset().filter(organisation_id=key)


class Installation(models.Model):
    """One row: what this installation is called in other people's calendars.

    The namespace must survive a restore from backup: every id that providers know us by derives from it.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    namespace = models.UUIDField(default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    @classmethod
    def current(cls) -> Installation:
        return cls.objects.get_or_create(pk=1)[0]


class Organisation(models.Model):
    """The tenant. Nothing of one organisation is ever visible to another."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60, unique=True)
    timezone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=16, default="en")
    frame_origins = models.JSONField(
        default=list, blank=True, help_text='Sites that may show the booking pages in a frame: ["https://example.com"]'
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TenantModel(models.Model):
    """Base of every table that belongs to an organisation: UUID inside, nothing sequential shown."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")

    objects: ClassVar[TenantManager[Any]] = TenantManager()
    everywhere: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True
        # Relations, forms and the admin follow the unscoped manager; `objects` is what code should type.
        default_manager_name = "everywhere"
        base_manager_name = "everywhere"


class Membership(TenantModel):
    """A person's place in an organisation."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        STAFF = "staff", "Staff"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.STAFF)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.organisation}"

    @property
    def manages(self) -> bool:
        """Whether this person decides about the organisation itself, such as which programs may enter."""
        return self.role in (self.Role.OWNER, self.Role.ADMIN)


class Grant(TenantModel):
    """What a host let an application do in their name (RFC 6749). Its tokens are keys, and end with it.

    The code that the application redeems for its first tokens is kept as SHA-256, works once and for minutes.
    """

    host = models.ForeignKey("Host", on_delete=models.CASCADE, related_name="grants")
    name = models.CharField(max_length=100, help_text="The application, as people know it")
    scopes = models.JSONField(default=list, blank=True)
    redirect_uri = models.CharField(max_length=1000, blank=True)
    code_digest = models.CharField(max_length=64, unique=True, editable=False)
    code_expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} for {self.host}"


class ApiKey(TenantModel):
    """A secret that a program shows. Only its SHA-256 is kept (256 bits of randomness need no slow hash)."""

    class Dialect(models.TextChoices):
        CRONOFY = "cronofy", "Cronofy"
        TIMEKIT = "timekit", "Timekit"
        MORGEN = "morgen", "Morgen"
        LEADCONNECTOR = "leadconnector", "LeadConnector"
        MORPH = "morph", "Morph"

    class Kind(models.TextChoices):
        CLIENT_SECRET = "client_secret", "Client secret"
        ACCESS_TOKEN = "access_token", "Access token of one host"
        APP_KEY = "app_key", "App key"
        WIDGET_KEY = "widget_key", "Widget key (public)"
        API_KEY = "api_key", "API key"
        BEARER = "bearer", "Bearer token"
        TOKEN = "token", "Private integration token"
        PUBLIC_KEY = "public_key", "Public key"
        SECRET_KEY = "secret_key", "Secret key"
        REFRESH_TOKEN = "refresh_token", "Refresh token"

    name = models.CharField(max_length=100)
    dialect = models.CharField(max_length=16, choices=Dialect)
    kind = models.CharField(max_length=16, choices=Kind)
    prefix = models.CharField(max_length=16, help_text="The first characters, so that people recognise it")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, blank=True)
    host = models.ForeignKey("Host", on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys")
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, null=True, blank=True, related_name="tokens")
    replaces = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def hash(secret: str) -> str:
        """Hex SHA-256 of a secret: what `digest` holds."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @property
    def is_live(self) -> bool:
        moment = now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > moment)


class ExternalRef(TenantModel):
    """What one of our objects is called on one surface, and what that surface said that we have no column for.

    The id is rendered once, when the object is first shown there, and then stored: never derived again.
    """

    surface = models.CharField(max_length=16, help_text="cronofy, timekit, morgen, leadconnector, morph")
    kind = models.CharField(max_length=24, help_text="host, calendar, booking, request, group_rule, …")
    external_id = models.CharField(max_length=512)
    object_id = models.UUIDField()
    raw = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["organisation", "surface", "kind", "external_id"], name="external_id_once"),
            models.UniqueConstraint(fields=["surface", "kind", "object_id"], name="external_ref_once"),
        ]

    def __str__(self) -> str:
        return f"{self.surface} {self.kind} {self.external_id}"
