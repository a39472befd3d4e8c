"""Who changed what, and what was answered to whom."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from .tenancy import ApiKey, TenantModel


class AuditEntry(TenantModel):
    """One change, with both identities when somebody acted as somebody else. Never edited."""

    at = models.DateTimeField(default=now, db_index=True)
    actor = models.CharField(max_length=200, help_text="Who acted, in words")
    acting_as = models.CharField(max_length=200, blank=True, help_text="As whom, when impersonating")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.UUIDField()
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["-at"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action}"


class IdempotencyKey(TenantModel):
    """What was answered the first time a client sent this key; kept a day, then pruned."""

    endpoint = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Null while the first run is under way")
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, db_index=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["organisation", "endpoint", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.key}"
