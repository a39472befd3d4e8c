"""The ledger of time: what is claimed, and what is merely busy. All times are UTC seconds, end exclusive."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from .bookings import Booking
from .calendars import Calendar
from .events import Event
from .hosts import Host
from .tenancy import TenantModel

LONGEST_CLAIM = 31 * 86_400
"""No claim is longer, so a window is read with a lower bound on its start."""

LONGEST_BUSY = 2 * 86_400
"""Longer busy times are written as several rows, so that a window never reads history."""


class Claim(TenantModel):
    """A commitment of one host's time. In lane 0 the database refuses overlap (see guard.py).

    Padding is policy and lies outside the guarded core: two buffers may share a gap.
    """

    class State(models.TextChoices):
        HOLD = "hold", "Hold"
        BOOKED = "booked", "Booked"
        RELEASED = "released", "Released"

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="claims")
    lane = models.PositiveSmallIntegerField(default=0, help_text="Above 0: forced over taken time, on request")
    start_s = models.BigIntegerField()
    end_s = models.BigIntegerField()
    pad_before_s = models.PositiveIntegerField(default=0)
    pad_after_s = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State)
    expires_s = models.BigIntegerField(null=True, blank=True, help_text="For holds")
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, null=True, blank=True, related_name="claims")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["host", "start_s", "end_s"],
                name="claim_live",
                condition=models.Q(state__in=("hold", "booked")),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(start_s__lt=models.F("end_s")), name="claim_in_order"),
            models.CheckConstraint(
                condition=models.Q(end_s__lte=models.F("start_s") + LONGEST_CLAIM), name="claim_not_too_long"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.start_s}–{self.end_s}"


class Busy(TenantModel):
    """One stretch of a host's time taken by a calendar event. Rows may overlap each other."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="busy")
    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="busy")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="busy")
    start_s = models.BigIntegerField()
    end_s = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Event.Busy, default=Event.Busy.BUSY)

    class Meta(TenantModel.Meta):
        verbose_name_plural = "busy times"
        indexes = [models.Index(fields=["host", "start_s", "end_s", "kind", "calendar"], name="busy_cover")]
        constraints = [models.CheckConstraint(condition=models.Q(start_s__lt=models.F("end_s")), name="busy_in_order")]

    def __str__(self) -> str:
        return f"{self.start_s}–{self.end_s}"
