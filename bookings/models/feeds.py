"""Private calendar feeds."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from .hosts import Host
from .tenancy import TenantModel


class Feed(TenantModel):
    """An address at which calendar programs read a host's bookings. Whoever has it may; ending it is deleting this.

    The token is derived from this row's id with a key outside the database, and only its SHA-256 is stored.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="feeds")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"Feed of {self.host}"
