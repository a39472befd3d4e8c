"""The outbox: what should be true elsewhere, what was tried, who is told."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from bookings.domain import outbox
from bookings.models import Message, Mirror, PushAttempt

from .base import ReadOnlyAdmin, ReadOnlyInline, actor_of, choice_pill, each, instant, pill, question, this

TROUBLED = (Mirror.State.FAILED, Mirror.State.BLOCKED, Mirror.State.NEEDS_CHECK)
SENDING = {"waiting": "info", "sent": "success", "failed": "danger", "dropped": ""}


def sync_state(mirror: Mirror) -> tuple[str, str]:
    """Colour and words for what a target calendar shows: in sync, pending, failing."""
    if mirror.state in TROUBLED:
        return "danger", str(mirror.get_state_display())
    if mirror.difference:
        return "warning", "Changed there"
    if mirror.in_sync:
        return "success", "In sync"
    if mirror.failing_since:
        return "danger", "Failing, trying again"
    return "info", "Pending"


class SyncFilter(admin.SimpleListFilter):
    title = "sync"
    parameter_name = "sync"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("pending", "Pending"), ("failing", "Failing"), ("ok", "In sync")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mirror]) -> QuerySet[Mirror]:
        in_sync = {"desired_revision": F("applied_revision")}
        if self.value() == "ok":
            return queryset.filter(**in_sync)
        if self.value() == "failing":
            return queryset.exclude(state__in=("idle", "claimed"), failing_since=None).exclude(**in_sync)
        return queryset.exclude(**in_sync) if self.value() == "pending" else queryset


class AttemptInline(ReadOnlyInline):
    model = PushAttempt
    fields = ("at", "action", "outcome", "status", "detail", "duration_ms")
    readonly_fields = fields
    show_change_link = False
    per_page = 20


@admin.register(Mirror)
class MirrorAdmin(ReadOnlyAdmin):
    list_display = (
        "event",
        "sync",
        "calendar",
        "organisation",
        "desired",
        "revisions",
        "attempt",
        "last_error",
        "next_attempt",
    )
    list_filter = (SyncFilter, "state", "desired", "organisation")
    list_select_related = ("event", "calendar", "organisation")
    search_fields = ("event__title", "calendar__name", "last_error")
    ordering = ("-failing_since", "-created_at")
    fieldsets = (
        (
            "State",
            {
                "fields": (
                    "sync",
                    "last_error",
                    ("last_outcome", "attempt"),
                    ("failing_since", "last_ok_at"),
                    "next_attempt",
                )
            },
        ),
        (
            "What should be there",
            {
                "fields": (
                    ("event", "calendar"),
                    ("desired", "revisions"),
                    ("state", "generation"),
                    "remote_id",
                    "difference",
                )
            },
        ),
    )
    inlines = (AttemptInline,)
    actions = ("retry",)
    actions_detail = ("retry_this",)

    @display(description="State")
    def sync(self, mirror: Mirror) -> SafeString:
        return pill(*sync_state(mirror))

    @display(description="Revision there / here")
    def revisions(self, mirror: Mirror) -> str:
        return f"{mirror.applied_revision} / {mirror.desired_revision}"

    @display(description="Next attempt", ordering="next_attempt_s")
    def next_attempt(self, mirror: Mirror) -> str:
        return (
            "–"
            if mirror.in_sync
            else (instant(mirror.next_attempt_s) if mirror.next_attempt_s else "as soon as possible")
        )

    @action(description="Try again now", permissions=["operate"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Mirror]) -> None:
        chosen = chosen.select_related("calendar__account")
        each(self, request, chosen, lambda mirror: outbox.retry(mirror, actor_of(request)), "will be tried again now")

    @action(
        description="Try again",
        icon="refresh",
        permissions=["operate"],
        dialog=question("Try this again?", "The worker sends the event as it is now.", "Try again now"),
    )
    def retry_this(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        return this(
            self, request, object_id, lambda mirror: outbox.retry(mirror, actor_of(request)), "will be tried again now"
        )


@admin.register(PushAttempt)
class PushAttemptAdmin(ReadOnlyAdmin):
    list_display = ("at", "action", "outcome", "status", "detail", "duration_ms", "event", "calendar")
    list_filter = ("outcome", "action", "organisation")
    list_select_related = ("mirror__event", "mirror__calendar")
    search_fields = ("mirror__event__title", "mirror__calendar__name", "detail")
    date_hierarchy = "at"
    fields = ("at", ("action", "outcome"), "status", "detail", "duration_ms", "mirror")

    @display(description="Event")
    def event(self, attempt: PushAttempt) -> str:
        return str(attempt.mirror.event)

    @display(description="Calendar")
    def calendar(self, attempt: PushAttempt) -> str:
        return str(attempt.mirror.calendar)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Payloads hold customers' links and are not shown."""

    list_display = ("template", "state_pill", "kind", "to", "organisation", "attempt", "last_error", "created_at")
    list_filter = ("state", "kind", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("template", "recipient")
    fields = (
        ("kind", "template"),
        ("state_pill", "attempt"),
        "to",
        "last_error",
        ("created_at", "sent_at"),
        ("booking", "scheduler_request"),
    )

    @display(description="State", ordering="state")
    def state_pill(self, message: Message) -> SafeString:
        return choice_pill(message, "state", SENDING)

    @display(description="To")
    def to(self, message: Message) -> str:
        if message.kind == Message.Kind.MAIL:
            return str(message.recipient)
        return urlsplit(message.recipient).hostname or "–"  # the rest of a webhook's address may be a secret
