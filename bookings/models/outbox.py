"""The outbox: what should be true elsewhere, and who should be told."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from .bookings import Booking, SchedulerRequest
from .calendars import Calendar
from .events import Event
from .hooks import Hook
from .tenancy import TenantModel


class Mirror(TenantModel):
    """What one target calendar should show of one event: a state, not a queue entry.

    `desired_revision` rises in the transaction that changes the event; `applied_revision` follows when the provider
    has it. Workers read the current event, so revisions in between are skipped and nothing arrives out of order.
    """

    class Desired(models.TextChoices):
        PRESENT = "present", "Present"
        ABSENT = "absent", "Absent"

    class State(models.TextChoices):
        IDLE = "idle", "Idle"
        CLAIMED = "claimed", "Being sent"
        UNCERTAIN = "uncertain", "Sent, answer unknown"
        BLOCKED = "blocked_auth", "Waiting for sign-in"
        NEEDS_CHECK = "needs_check", "Needs a look"
        FAILED = "failed", "Refused"

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="mirrors")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="mirrors")
    desired = models.CharField(max_length=8, choices=Desired, default=Desired.PRESENT)
    desired_revision = models.PositiveIntegerField(default=1)
    applied_revision = models.PositiveIntegerField(default=0)
    generation = models.PositiveIntegerField(default=1, help_text="Raised when a new remote object must be made")

    create_body = models.TextField(blank=True, editable=False, help_text="Frozen bytes of the first attempt")
    create_revision = models.PositiveIntegerField(default=0, editable=False)
    remote_id = models.CharField(max_length=1000, blank=True)
    remote_uid = models.CharField(max_length=512, blank=True)
    etag = models.CharField(max_length=512, blank=True)
    remote_fingerprint = models.CharField(max_length=64, blank=True)

    state = models.CharField(max_length=12, choices=State, default=State.IDLE)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_s = models.BigIntegerField(default=0, help_text="UTC seconds")
    failing_since = models.DateTimeField(null=True, blank=True)
    last_outcome = models.CharField(max_length=16, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    difference = models.JSONField(default=dict, blank=True, help_text="What the host changed there: {kind, …}")
    answers = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="The owner's answers still to be sent: {occurrence, rsvp, comment, notify, since, revision}",
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["event", "calendar"], name="mirror_once")]
        indexes = [
            models.Index(
                fields=["next_attempt_s"],
                name="mirror_due",
                condition=~models.Q(desired_revision=models.F("applied_revision")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.calendar}"

    @property
    def in_sync(self) -> bool:
        return self.applied_revision == self.desired_revision and not self.difference


class PushAttempt(TenantModel):
    """One call made for a mirror: what was tried and how it ended. No bodies, no secrets."""

    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="attempts")
    action = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status")
    detail = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=now)

    class Meta(TenantModel.Meta):
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.action}: {self.outcome}"


class Message(TenantModel):
    """Something to tell somebody, written with the change it tells of and sent by the worker."""

    class Kind(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        UNKNOWN = "unknown", "May have arrived"
        FAILED = "failed", "Failed"
        DROPPED = "dropped", "Dropped"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.MAIL)
    template = models.CharField(max_length=40)
    recipient = models.CharField(max_length=1000, help_text="Mail address or URL")
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, null=True, blank=True, related_name="messages")
    scheduler_request = models.ForeignKey(
        SchedulerRequest, on_delete=models.CASCADE, null=True, blank=True, related_name="messages"
    )
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, null=True, blank=True, related_name="messages")
    payload = models.JSONField(default=dict, blank=True)
    dedupe_key = models.CharField(max_length=200, help_text="One message per person and step")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_s = models.BigIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["organisation", "dedupe_key"], name="message_once")]
        indexes = [
            models.Index(fields=["next_attempt_s"], name="message_due", condition=models.Q(state="waiting")),
            models.Index(fields=["next_attempt_s"], name="message_underway", condition=models.Q(state="sending")),
            models.Index(fields=["organisation", "-created_at"], name="message_by_age"),
            models.Index(fields=["hook", "created_at"], name="message_of_hook", condition=models.Q(hook__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.template} to {self.recipient}"
