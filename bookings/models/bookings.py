"""Bookings, the people who make them, and the requests that lead to them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from .events import Event
from .hosts import Host
from .offers import EventType, GroupRule
from .tenancy import ApiKey, TenantModel


class Contact(TenantModel):
    """A customer."""

    email = models.EmailField(max_length=320, blank=True)
    name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["organisation", "email"], name="contact_by_email")]

    def __str__(self) -> str:
        return self.name or self.email


class SchedulerRequest(TenantModel):
    """An invitation to choose a time: one recipient, one link, at most one live booking.

    The link's token is derived from this row's id with a key outside the database and only its SHA-256 is stored.
    """

    class State(models.TextChoices):
        OPEN = "open", "Waiting for the recipient"
        BOOKED = "booked", "Booked"
        WITHDRAWN = "withdrawn", "Withdrawn"
        DECLINED = "declined", "Declined"

    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    host = models.ForeignKey(Host, on_delete=models.CASCADE, null=True, blank=True, related_name="scheduler_requests")
    group_rule = models.ForeignKey(
        GroupRule, on_delete=models.CASCADE, null=True, blank=True, related_name="scheduler_requests"
    )
    event_type = models.ForeignKey(
        EventType, on_delete=models.SET_NULL, null=True, blank=True, related_name="scheduler_requests"
    )
    recipient_email = models.EmailField(max_length=320)
    recipient_name = models.CharField(max_length=200, blank=True)
    summary = models.CharField(max_length=1024)
    description = models.TextField(blank=True)
    location = models.CharField(max_length=1024, blank=True)
    duration = models.PositiveIntegerField(default=30, help_text="Minutes")
    buffer_before = models.PositiveIntegerField(default=0, help_text="Minutes")
    buffer_after = models.PositiveIntegerField(default=0, help_text="Minutes")
    locale = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    surface = models.CharField(max_length=16, default="staff", help_text="staff, or the dialect it came through")
    raw = models.JSONField(default=dict, blank=True, help_text="Fields of the dialect that have no column here")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_with = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["organisation", "-created_at"], name="request_by_age")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(host__isnull=False, group_rule__isnull=True)
                | models.Q(host__isnull=True, group_rule__isnull=False),
                name="request_host_or_group",
            )
        ]

    def __str__(self) -> str:
        return f"{self.summary} → {self.recipient_name or self.recipient_email}"

    @property
    def is_expired(self) -> bool:
        return self.state == self.State.OPEN and self.expires_at <= now()


class Booking(TenantModel):
    """A slot that somebody has, wants or had. Its hosts are those of its claims."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Asked for"
        HELD = "held", "Held"
        CONFIRMED = "confirmed", "Confirmed"
        IN_PROGRESS = "in_progress", "In progress"
        COMPLETED = "completed", "Completed"
        DECLINED = "declined", "Declined"
        CANCELLED = "cancelled", "Cancelled"
        RESCHEDULED = "rescheduled", "Rescheduled"
        NO_SHOW = "no_show", "No-show"
        INVALID = "invalid", "Invalid"
        ERROR = "error", "Error"

    class By(models.TextChoices):
        HOST = "host", "Host"
        INVITEE = "invitee", "Customer"
        SYSTEM = "system", "System"

    LIVE = (State.HELD, State.CONFIRMED, State.IN_PROGRESS)
    """States that hold time."""

    MOVES: dict[str, frozenset[str]] = {
        State.REQUESTED: frozenset(
            {State.HELD, State.CONFIRMED, State.DECLINED, State.CANCELLED, State.INVALID, State.ERROR}
        ),
        State.HELD: frozenset(
            {State.REQUESTED, State.CONFIRMED, State.DECLINED, State.CANCELLED, State.INVALID, State.ERROR}
        ),
        State.CONFIRMED: frozenset(
            {
                State.IN_PROGRESS,
                State.COMPLETED,
                State.CANCELLED,
                State.RESCHEDULED,
                State.NO_SHOW,
                State.INVALID,
            }
        ),
        State.IN_PROGRESS: frozenset({State.COMPLETED, State.CANCELLED, State.NO_SHOW}),
        State.COMPLETED: frozenset({State.NO_SHOW}),
        State.NO_SHOW: frozenset({State.COMPLETED, State.CONFIRMED}),
        State.DECLINED: frozenset(),
        State.CANCELLED: frozenset({State.CONFIRMED}),
        State.RESCHEDULED: frozenset(),
        State.INVALID: frozenset({State.CONFIRMED, State.CANCELLED}),
        State.ERROR: frozenset({State.CONFIRMED, State.CANCELLED}),
    }
    """The lifecycle: from each state, the states it may move to."""

    event_type = models.ForeignKey(EventType, on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings")
    scheduler_request = models.ForeignKey(
        SchedulerRequest, on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings"
    )
    group_rule = models.ForeignKey(GroupRule, on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings")
    event = models.OneToOneField(Event, on_delete=models.SET_NULL, null=True, blank=True, related_name="booking")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings")

    title = models.CharField(max_length=1024)
    description = models.TextField(blank=True)
    location = models.CharField(max_length=1024, blank=True)
    start_s = models.BigIntegerField()
    end_s = models.BigIntegerField()
    timezone = models.CharField(max_length=64, help_text="The customer's zone")
    start_wall = models.BigIntegerField(help_text="Wall seconds in that zone, as chosen")
    state = models.CharField(max_length=12, choices=State, default=State.CONFIRMED)
    cancelled_by = models.CharField(max_length=8, choices=By, blank=True)
    cancel_reason = models.TextField(blank=True)
    successor = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="predecessors")
    series = models.UUIDField(null=True, blank=True)
    seats_taken = models.PositiveIntegerField(default=0)
    forced = models.BooleanField(default=False, help_text="Written over taken time on explicit request")
    answers = models.JSONField(default=dict, blank=True)
    notes = models.TextField(blank=True)
    assignment = models.JSONField(default=dict, blank=True, help_text="Why this host: the stored reason")
    conflict = models.JSONField(default=dict, blank=True, help_text="What landed on this booking later")
    manage_digest = models.CharField(max_length=64, blank=True, editable=False)
    surface = models.CharField(max_length=16, default="staff")
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        ordering = ["-start_s"]
        indexes = [
            models.Index(fields=["organisation", "start_s"], name="booking_by_start"),
            models.Index(fields=["series"], name="booking_series", condition=models.Q(series__isnull=False)),
            models.Index(fields=["manage_digest"], name="booking_manage", condition=~models.Q(manage_digest="")),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(end_s__gt=models.F("start_s")), name="booking_in_order"),
            models.UniqueConstraint(
                fields=["scheduler_request"],
                condition=models.Q(state__in=("held", "confirmed", "in_progress", "completed", "no_show")),
                name="one_live_booking_per_request",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def may_become(self, state: str) -> bool:
        return state in self.MOVES[self.state]


class Seat(TenantModel):
    """One place in a booking with capacity; the server chooses the number under the host's lock."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="seats")
    number = models.PositiveIntegerField()
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="seats")
    manage_digest = models.CharField(max_length=64, unique=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    token_seed = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["booking", "number"],
                condition=models.Q(cancelled_at__isnull=True),
                name="seat_number_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.booking} · {self.number}"
