"""Connected accounts and their calendars."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.timezone import now

from . import crypto
from .hosts import Host
from .tenancy import TenantModel


class Account(TenantModel):
    """Somebody's login at a calendar service. Its health is a fact of its own, told in plain words."""

    class Provider(models.TextChoices):
        LOCAL = "local", "On this server"
        CALDAV = "caldav", "CalDAV"
        ICSFEED = "icsfeed", "Calendar feed (read only)"
        GOOGLE = "google", "Google Calendar"
        MICROSOFT = "microsoft", "Microsoft 365"
        CRONOFY = "cronofy", "Cronofy"
        TIMEKIT = "timekit", "Timekit"
        MORGEN = "morgen", "Morgen"
        LEADCONNECTOR = "leadconnector", "LeadConnector"
        MORPH = "morph", "Morph"

    class Health(models.TextChoices):
        OK = "ok", "Working"
        FAILING = "failing", "Failing, trying again"
        REAUTH = "reauth", "Sign-in no longer works"
        PAUSED = "paused", "Paused"

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="accounts")
    provider = models.CharField(max_length=16, choices=Provider, default=Provider.LOCAL)
    label = models.CharField(max_length=200)
    external_id = models.CharField(max_length=512, blank=True, help_text="What the service calls this account")
    server_url = models.URLField(max_length=1000, blank=True)
    username = models.CharField(max_length=320, blank=True)
    sealed_credentials = models.BinaryField(null=True, editable=False)
    capabilities = models.JSONField(default=dict, blank=True, editable=False)

    health = models.CharField(max_length=10, choices=Health, default=Health.OK)
    last_error = models.CharField(max_length=500, blank=True, help_text="In plain words; never holds a secret")
    failing_since = models.DateTimeField(null=True, blank=True)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    next_pull_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["label"]
        indexes = [models.Index(fields=["next_pull_at"], name="account_next_pull")]

    def __str__(self) -> str:
        return self.label

    @property
    def addresses(self) -> set[str]:
        """Where its owner is invited, in lower case: the login's address, the host's, those the server says."""
        names = {self.username.lower(), self.host.email.lower(), *self.capabilities.get("addresses", ())}
        return {name for name in names if "@" in name}

    @property
    def _sealed_for(self) -> str:
        return f"{self.organisation_id}|{self.pk}|credentials"

    def set_credentials(self, value: dict[str, Any]) -> None:
        """Encrypt and keep; the caller saves."""
        self.sealed_credentials = crypto.seal(value, self._sealed_for)

    def credentials(self) -> dict[str, Any]:
        """The secrets in clear, for the provider adapter only. Raises crypto.Undecryptable."""
        sealed = self.sealed_credentials
        return crypto.unseal(bytes(sealed), self._sealed_for) if sealed else {}


class Calendar(TenantModel):
    """One calendar of an account: whether it blocks time, and how fresh what we know of it is."""

    class State(models.TextChoices):
        OK = "ok", "In sync"
        NEVER = "never", "Not read yet"
        STALE = "stale", "Could not be read lately"
        READ_ONLY = "readonly", "Read only"
        GONE = "gone", "No longer there"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="calendars")
    external_id = models.CharField(max_length=1000, help_text="URL or id at the service")
    name = models.CharField(max_length=300)
    colour = models.CharField(max_length=9, blank=True)
    timezone = models.CharField(max_length=64, blank=True, help_text="Empty: the host's zone")
    is_primary = models.BooleanField(default=False)
    is_writable = models.BooleanField(default=True)
    blocks = models.BooleanField(default=True, help_text="Events here make the host busy")
    tentative_blocks = models.BooleanField(default=True)
    free_blocks = models.BooleanField(default=False, help_text="Even events marked free make the host busy")
    away_blocks = models.BooleanField(default=True)

    state = models.CharField(max_length=10, choices=State, default=State.NEVER)
    last_error = models.CharField(max_length=500, blank=True)
    sync_token = models.TextField(blank=True, editable=False)
    last_verified_at = models.DateTimeField(null=True, blank=True)
    stale_since = models.DateTimeField(null=True, blank=True)
    quarantined = models.JSONField(
        default=list, blank=True, help_text="Objects that could not be read: [{href, reason}]"
    )
    expanded_until_s = models.BigIntegerField(
        default=0, editable=False, help_text="Busy rows exist for occurrences before this UTC second"
    )

    lease_owner = models.CharField(max_length=64, blank=True, editable=False)
    lease_until_s = models.BigIntegerField(default=0, editable=False, help_text="UTC seconds of the database clock")

    class Meta(TenantModel.Meta):
        ordering = ["-is_primary", "name"]
        constraints = [models.UniqueConstraint(fields=["account", "external_id"], name="calendar_once")]

    def __str__(self) -> str:
        return self.name
