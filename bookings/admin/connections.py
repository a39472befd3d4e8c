"""Connected accounts and their calendars: how they are, and since when."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from bookings.domain import hosts, outbox
from bookings.models import Account, Calendar

from .base import ReadOnlyAdmin, ReadOnlyInline, actor_of, choice_pill, each, question, this

HEALTH = {"ok": "success", "failing": "danger", "reauth": "danger", "paused": "warning"}
FRESHNESS = {"ok": "success", "never": "info", "stale": "danger", "readonly": "", "gone": "danger"}


class CalendarInline(ReadOnlyInline):
    model = Calendar
    fields = ("name", "state", "blocks", "is_writable", "last_verified_at", "last_error")
    readonly_fields = fields


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = (
        "label",
        "health_pill",
        "provider",
        "host",
        "organisation",
        "last_error",
        "failing_since",
        "last_ok_at",
    )
    list_filter = ("health", "provider", "organisation")
    list_select_related = ("host", "organisation")
    search_fields = ("label", "username", "server_url", "host__name", "last_error")
    ordering = ("-consecutive_failures", "label")
    fieldsets = (
        (
            "Health",
            {
                "fields": (
                    "health_pill",
                    "last_error",
                    ("failing_since", "consecutive_failures"),
                    ("last_ok_at", "next_pull_at"),
                )
            },
        ),
        (
            "Account",
            {
                "fields": (
                    ("organisation", "host"),
                    ("label", "provider"),
                    "server_url",
                    "username",
                    "sealed",
                    "created_at",
                )
            },
        ),
    )
    inlines = (CalendarInline,)
    actions = ("resync",)
    actions_detail = ("resync_this",)

    @display(description="Health", ordering="health")
    def health_pill(self, account: Account) -> SafeString:
        return choice_pill(account, "health", HEALTH)

    @display(description="Credentials")
    def sealed(self, account: Account) -> str:
        return "Stored, encrypted" if account.sealed_credentials else "None"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        queryset: QuerySet[Account] = super().get_queryset(request)
        # On a list not even the ciphertext is read.
        return queryset if self._is_one(request) else queryset.defer("sealed_credentials", "capabilities")

    @staticmethod
    def _is_one(request: HttpRequest) -> bool:
        return bool(request.resolver_match and request.resolver_match.kwargs)

    @action(description="Read these accounts' calendars again now", permissions=["operate"])
    def resync(self, request: HttpRequest, chosen: QuerySet[Account]) -> None:
        each(self, request, chosen, lambda account: outbox.resync(account, actor_of(request)), "will be read again now")

    @action(
        description="Read again",
        icon="sync",
        permissions=["operate"],
        dialog=question("Read this account again?", "All its calendars are read from the beginning.", "Read again now"),
    )
    def resync_this(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        return this(
            self,
            request,
            object_id,
            lambda account: outbox.resync(account, actor_of(request)),
            "will be read again now",
        )


@admin.register(Calendar)
class CalendarAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "state_pill",
        "account",
        "host",
        "organisation",
        "blocks",
        "is_writable",
        "last_verified_at",
        "stale_since",
        "unreadable",
    )
    list_filter = ("state", "blocks", "organisation")
    list_select_related = ("account__host", "organisation")
    search_fields = ("name", "account__label", "account__host__name")
    fieldsets = (
        (
            "Freshness",
            {"fields": ("state_pill", "last_error", ("last_verified_at", "stale_since"), "quarantined")},
        ),
        (
            "Calendar",
            {
                "fields": (
                    ("organisation", "account"),
                    ("name", "timezone"),
                    "external_id",
                    ("is_primary", "is_writable"),
                    ("blocks", "tentative_blocks", "free_blocks", "away_blocks"),
                )
            },
        ),
    )

    @display(description="State", ordering="state")
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "timezone" in form.changed_data:
            hosts.move_calendar_to_zone(obj, obj.timezone, actor=actor_of(request))

    def state_pill(self, calendar: Calendar) -> SafeString:
        return choice_pill(calendar, "state", FRESHNESS)

    @display(description="Host", ordering="account__host__name")
    def host(self, calendar: Calendar) -> str:
        return str(calendar.account.host)

    @display(description="Unreadable objects")
    def unreadable(self, calendar: Calendar) -> int:
        return len(calendar.quarantined)
