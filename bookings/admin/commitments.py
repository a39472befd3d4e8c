"""Bookings, the requests that lead to them, events, and the ledger. All read-only: verbs own them."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from bookings.domain import requests, reserve
from bookings.models import Booking, Busy, Claim, Event, Mirror, Participant, SchedulerRequest

from .base import ReadOnlyAdmin, ReadOnlyInline, actor_of, choice_pill, each, pill, question, stretch, this
from .outgoing import sync_state

BOOKING_COLOURS = {
    "requested": "info",
    "held": "info",
    "confirmed": "success",
    "in_progress": "success",
    "completed": "",
    "declined": "warning",
    "cancelled": "warning",
    "rescheduled": "warning",
    "no_show": "warning",
    "invalid": "danger",
    "error": "danger",
}
REQUEST_COLOURS = {"open": "info", "booked": "success", "withdrawn": "warning", "declined": "warning"}
CLAIM_COLOURS = {"booked": "success", "hold": "info", "released": ""}


class ClaimInline(ReadOnlyInline):
    model = Claim
    fields = ("host", "when", "state", "lane")
    readonly_fields = fields

    @display(description="When")
    def when(self, claim: Claim) -> str:
        return stretch(claim.start_s, claim.end_s, claim.host.timezone)


class CancelForm(BaseDialogForm):
    reason = forms.CharField(
        max_length=500, required=False, widget=UnfoldAdminTextInputWidget, help_text="Kept with the booking."
    )


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ("title", "state_pill", "when", "hosts", "contact", "organisation", "surface", "shown_there")
    list_filter = ("state", "surface", "forced", "organisation")
    list_select_related = ("contact", "organisation")
    search_fields = ("title", "contact__name", "contact__email")
    ordering = ("-start_s",)
    fieldsets = (
        ("Booking", {"fields": ("title", "state_pill", "when", ("contact", "event_type"), "location", "description")}),
        ("How it came about", {"fields": (("scheduler_request", "group_rule"), "surface", "assignment", "answers")}),
        (
            "What happened since",
            {"fields": (("cancelled_by", "cancel_reason"), "successor", "forced", "conflict", "notes", "event")},
        ),
        (None, {"fields": (("organisation", "revision"), ("created_at", "updated_at"))}),
    )
    inlines = (ClaimInline,)
    actions_detail = ("cancel_this",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        queryset: QuerySet[Booking] = super().get_queryset(request)
        claims = Claim.everywhere.select_related("host")
        return queryset.prefetch_related(
            Prefetch("claims", claims), Prefetch("event__mirrors", Mirror.everywhere.defer("create_body"))
        )

    @display(description="State", ordering="state")
    def state_pill(self, booking: Booking) -> SafeString:
        return choice_pill(booking, "state", BOOKING_COLOURS)

    @display(description="When", ordering="start_s")
    def when(self, booking: Booking) -> str:
        claims = list(booking.claims.all())
        return stretch(booking.start_s, booking.end_s, claims[0].host.timezone if claims else booking.timezone)

    @display(description="Hosts")
    def hosts(self, booking: Booking) -> str:
        return ", ".join(sorted({str(claim.host) for claim in booking.claims.all()})) or "–"

    @display(description="In the calendar")
    def shown_there(self, booking: Booking) -> SafeString:
        mirrors = list(booking.event.mirrors.all()) if booking.event else []
        worst = sorted((sync_state(mirror) for mirror in mirrors), key=_severity)
        return pill(*worst[0]) if worst else pill("", "Only here")

    @action(
        description="Cancel booking",
        icon="event_busy",
        permissions=["operate"],
        dialog=question(
            "Cancel this booking?", "Its time is free again and its event is withdrawn.", "Cancel it", CancelForm
        ),
    )
    def cancel_this(self, request: HttpRequest, form: CancelForm, object_id: str) -> HttpResponse:
        def cancel(booking: Booking) -> None:
            reserve.cancel(booking, by=Booking.By.HOST, actor=actor_of(request), reason=form.cleaned_data["reason"])

        return this(self, request, object_id, cancel, "cancelled")


def _severity(shown: tuple[str, str]) -> int:
    return ("danger", "warning", "info", "success", "").index(shown[0])


@admin.register(SchedulerRequest)
class SchedulerRequestAdmin(ReadOnlyAdmin):
    """The customer's link is a key to the request and is not shown here; staff copy it from their own pages."""

    list_display = ("summary", "state_pill", "recipient_email", "asked_of", "duration", "organisation", "created_at")
    list_filter = ("state", "surface", "organisation")
    list_select_related = ("host", "group_rule", "organisation")
    search_fields = ("summary", "recipient_email", "recipient_name")
    fieldsets = (
        (
            "Request",
            {"fields": ("summary", "state_pill", ("recipient_name", "recipient_email"), ("host", "group_rule"))},
        ),
        (
            "Terms",
            {
                "fields": (
                    "event_type",
                    ("duration", "buffer_before", "buffer_after"),
                    "location",
                    "description",
                    ("expires_at", "opened_at"),
                )
            },
        ),
        (None, {"fields": (("surface", "organisation"), ("created_by", "created_with"), ("created_at", "updated_at"))}),
    )
    actions = ("withdraw",)

    @display(description="State", ordering="state")
    def state_pill(self, asked: SchedulerRequest) -> SafeString:
        return pill("warning", "Expired") if asked.is_expired else choice_pill(asked, "state", REQUEST_COLOURS)

    @display(description="Asked of")
    def asked_of(self, asked: SchedulerRequest) -> str:
        return str(asked.host or asked.group_rule)

    @action(description="Withdraw", permissions=["operate"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[SchedulerRequest]) -> None:
        each(self, request, chosen, lambda asked: requests.withdraw(asked, actor=actor_of(request)), "withdrawn")


class ParticipantInline(ReadOnlyInline):
    model = Participant
    fields = ("name", "email", "role", "rsvp")
    readonly_fields = fields
    show_change_link = False


class MirrorInline(ReadOnlyInline):
    model = Mirror
    fields = ("calendar", "desired", "shown", "last_error", "last_ok_at")
    readonly_fields = fields

    @display(description="State")
    def shown(self, mirror: Mirror) -> SafeString:
        return pill(*sync_state(mirror))


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("title", "when", "calendar", "origin", "status", "free_busy_status", "repeats", "is_deleted")
    list_filter = ("origin", "status", "free_busy_status", "organisation")
    list_select_related = ("calendar",)
    search_fields = ("title", "uid", "calendar__name")
    ordering = ("-start_s",)
    fieldsets = (
        (
            "Event",
            {
                "fields": (
                    "title",
                    "when",
                    ("all_day", "timezone"),
                    ("status", "free_busy_status", "privacy"),
                    "location",
                    "description",
                )
            },
        ),
        (
            "Repeats",
            {"fields": ("recurrence_rules", "exclusion_rules", "recurrence_dates", "excluded_dates", "master")},
        ),
        (
            "Record",
            {
                "fields": (
                    ("organisation", "calendar"),
                    ("origin", "uid"),
                    ("revision", "sequence"),
                    ("created_at", "updated_at", "deleted_at"),
                )
            },
        ),
    )
    inlines = (ParticipantInline, MirrorInline)

    @display(description="When", ordering="start_s")
    def when(self, event: Event) -> str:
        return stretch(event.start_s, event.end_s, event.timezone)

    @display(description="Repeats", boolean=True)
    def repeats(self, event: Event) -> bool:
        return bool(event.recurrence_rules or event.recurrence_dates)

    @display(description="Deleted", boolean=True)
    def is_deleted(self, event: Event) -> bool:
        return event.deleted_at is not None


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ("host", "when", "state_pill", "lane", "booking", "organisation")
    list_filter = ("state", "lane", "organisation")
    list_select_related = ("host", "booking", "organisation")
    search_fields = ("host__name", "booking__title")
    ordering = ("-start_s",)
    fields = (("host", "organisation"), "when", "state_pill", "lane", "booking", "version", "created_at")

    @display(description="When", ordering="start_s")
    def when(self, claim: Claim) -> str:
        return stretch(claim.start_s, claim.end_s, claim.host.timezone)

    @display(description="State", ordering="state")
    def state_pill(self, claim: Claim) -> SafeString:
        return choice_pill(claim, "state", CLAIM_COLOURS)


@admin.register(Busy)
class BusyAdmin(ReadOnlyAdmin):
    list_display = ("host", "when", "kind", "calendar", "event", "organisation")
    list_filter = ("kind", "organisation")
    list_select_related = ("host", "calendar", "event", "organisation")
    search_fields = ("host__name", "calendar__name", "event__title")
    ordering = ("-start_s",)
    fields = (("host", "organisation"), "when", "kind", "calendar", "event")

    @display(description="When", ordering="start_s")
    def when(self, busy: Busy) -> str:
        return stretch(busy.start_s, busy.end_s, busy.host.timezone)
