"""Calendar events, in the shape of JSCalendar (RFC 8984)."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.timezone import now

from .calendars import Calendar
from .hosts import Host
from .tenancy import TenantModel


def new_uid() -> str:
    return f"{uuid.uuid4()}@convene"


class Event(TenantModel):
    """One event, a recurring master, or one changed occurrence of a master.

    People chose `start_wall` (seconds since 1970-01-01 of the wall clock) in `timezone`; `start_s` and `end_s` are
    the same first occurrence as UTC seconds, end exclusive. `until_s` is when the last occurrence has ended.
    """

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        TENTATIVE = "tentative", "Tentative"
        CANCELLED = "cancelled", "Cancelled"

    class Busy(models.TextChoices):
        BUSY = "busy", "Busy"
        FREE = "free", "Free"
        TENTATIVE = "tentative", "Tentative"
        AWAY = "away", "Out of office"

    class Privacy(models.TextChoices):
        PUBLIC = "public", "Public"
        PRIVATE = "private", "Private"
        SECRET = "secret", "Secret"

    class Origin(models.TextChoices):
        LOCAL = "local", "Made here"
        BOOKING = "booking", "A booking"
        PULLED = "pulled", "Read from the calendar"

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="events")
    uid = models.CharField(max_length=512, default=new_uid)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.LOCAL)

    title = models.CharField(max_length=1024, blank=True)
    description = models.TextField(blank=True)
    description_type = models.CharField(max_length=10, default="text/plain")
    location = models.CharField(max_length=1024, blank=True)
    locations = models.JSONField(default=dict, blank=True)
    conference = models.JSONField(default=dict, blank=True, help_text="{kind, url, state, request_id}")

    start_wall = models.BigIntegerField()
    timezone = models.CharField(max_length=64, default="UTC")
    duration = models.PositiveIntegerField(help_text="Seconds")
    all_day = models.BooleanField(default=False)
    floating = models.BooleanField(default=False, help_text="No zone was given; the calendar's zone is used")
    start_s = models.BigIntegerField()
    end_s = models.BigIntegerField()
    until_s = models.BigIntegerField(null=True, blank=True, help_text="Null: repeats without end")

    recurrence_rules = models.JSONField(default=list, blank=True, help_text="RFC 5545 RRULE texts")
    exclusion_rules = models.JSONField(default=list, blank=True, help_text="RFC 5545 EXRULE texts")
    recurrence_dates = models.JSONField(default=list, blank=True, help_text="Wall seconds")
    excluded_dates = models.JSONField(default=list, blank=True, help_text="Wall seconds")
    master = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="overrides")
    recurrence_wall = models.BigIntegerField(null=True, blank=True, help_text="Original start of this occurrence")

    status = models.CharField(max_length=10, choices=Status, default=Status.CONFIRMED)
    free_busy_status = models.CharField(max_length=10, choices=Busy, default=Busy.BUSY)
    privacy = models.CharField(max_length=10, choices=Privacy, default=Privacy.PUBLIC)
    alerts = models.JSONField(default=dict, blank=True)
    use_default_alerts = models.BooleanField(default=False)
    colour = models.CharField(max_length=32, blank=True)
    notify_guests = models.BooleanField(default=False)

    revision = models.PositiveIntegerField(default=1, help_text="Raised with every change made here")
    sequence = models.PositiveIntegerField(default=0, help_text="RFC 5545 SEQUENCE")
    remote_id = models.CharField(max_length=1000, blank=True, help_text="href or id at the service, when pulled")
    etag = models.CharField(max_length=512, blank=True)
    raw = models.JSONField(default=dict, blank=True)

    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["calendar", "start_s"], name="event_by_start"),
            models.Index(fields=["calendar", "uid"], name="event_by_uid"),
            models.Index(fields=["calendar", "remote_id"], name="event_by_remote"),
            models.Index(
                fields=["calendar", "until_s"],
                name="event_recurring",
                condition=~models.Q(recurrence_rules=[]),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(end_s__gte=models.F("start_s")), name="event_in_order")
        ]

    def __str__(self) -> str:
        return self.title or "(no title)"


class Participant(TenantModel):
    """Somebody in an event: the owner, a host, a guest."""

    class Role(models.TextChoices):
        OWNER = "owner", "Organiser"
        HOST = "host", "Host"
        ATTENDEE = "attendee", "Guest"

    class Rsvp(models.TextChoices):
        NEEDS_ACTION = "needs-action", "No answer yet"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        TENTATIVE = "tentative", "Maybe"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="participants")
    key = models.CharField(max_length=128, help_text="Id of the participant inside the event")
    email = models.EmailField(max_length=320, blank=True)
    name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.ATTENDEE)
    rsvp = models.CharField(max_length=12, choices=Rsvp, default=Rsvp.NEEDS_ACTION)
    comment = models.TextField(blank=True)
    host = models.ForeignKey(Host, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["event", "key"], name="participant_key_once")]

    def __str__(self) -> str:
        return self.name or self.email
