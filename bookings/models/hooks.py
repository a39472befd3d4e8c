"""Whom we call when something happens."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from .tenancy import TenantModel


class Hook(TenantModel):
    """A program's address that is told of what happens to bookings and requests.

    What it is to be told of is read from the audit trail, so that a booking costs nothing more for it; `seen_at` is
    until when that was done.
    """

    name = models.CharField(max_length=100)
    url = models.CharField(max_length=1000)
    events = models.JSONField(default=list, blank=True, help_text="Names such as booking.created; empty: all")
    seen_at = models.DateTimeField(default=now, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
