"""Organisations, their members, hosts with their hours, and customers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from bookings.domain import accounts, hosts
from bookings.models import Account, Contact, Host, Membership, Organisation, Override, Schedule

from .base import OperatorAdmin, actor_of
from .forms import OperatorForm, RowsOfParent

User = get_user_model()
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    fields = ("user", "role")
    tab = True


@admin.register(Organisation)
class OrganisationAdmin(OperatorAdmin):
    list_display = ("name", "slug", "timezone", "locale", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)


@admin.register(Membership)
class MembershipAdmin(OperatorAdmin):
    list_display = ("user", "organisation", "role", "created_at")
    list_filter = ("role", "organisation")
    list_select_related = ("user", "organisation")
    search_fields = ("user__username", "user__email", "organisation__name")
    autocomplete_fields = ("user", "organisation")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("bookings.delete_membership"))


admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin):
    """People who sign in. Their password is set here once, never shown."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_filter_sheet = False
    filter_horizontal = ()


def hours_text(blocks: list[list[int]]) -> str:
    """Blocks of minutes as “09:00-12:00, 13:00-17:00”."""
    return ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in blocks)


def hours_of(text: str) -> list[list[int]]:
    """The reverse of `hours_text`. Raises ValidationError saying what is wrong."""
    blocks = sorted(_block(part.strip()) for part in text.split(",") if part.strip())
    if any(later[0] < earlier[1] for earlier, later in pairwise(blocks)):
        raise ValidationError("These hours overlap each other.")
    return blocks


def _block(text: str) -> list[int]:
    start, _, end = text.replace("–", "-").partition("-")
    try:
        block = [_minutes(start), _minutes(end)]
    except ValueError:
        raise ValidationError(f"“{text}” is not like 09:00-17:00.") from None
    if not 0 <= block[0] < block[1] <= 1440:
        raise ValidationError(f"“{text}” does not end after it begins, within one day.")
    return block


def _minutes(clock: str) -> int:
    hours, minutes = clock.strip().split(":")
    if int(minutes) > 59 or int(hours) < 0 or int(minutes) < 0:
        raise ValueError(clock)
    return int(hours) * 60 + int(minutes)


class HoursField(forms.CharField):
    """Open hours of one weekday, typed as text, kept as blocks of minutes."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self) -> None:
        super().__init__(required=False, help_text="Such as 09:00-12:00, 13:00-17:00. Empty: closed.")

    def prepare_value(self, value: Any) -> Any:
        return hours_text(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[list[int]]:
        return hours_of(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(hours_text(initial or []) != (data or ""))


class ScheduleForm(OperatorForm):
    """Seven lines of hours instead of one of JSON."""

    monday = HoursField()
    tuesday = HoursField()
    wednesday = HoursField()
    thursday = HoursField()
    friday = HoursField()
    saturday = HoursField()
    sunday = HoursField()

    class Meta:
        model = Schedule
        fields = ("organisation", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update({day.lower(): self.instance.weekly[number] for number, day in enumerate(DAYS)})

    def save(self, commit: bool = True) -> Schedule:
        self.instance.weekly = [self.cleaned_data[day.lower()] for day in DAYS]
        saved: Schedule = super().save(commit)
        return saved


@admin.register(Schedule)
class ScheduleAdmin(OperatorAdmin):
    form = ScheduleForm
    list_display = ("name", "organisation", "week")
    list_filter = ("organisation",)
    list_select_related = ("organisation",)
    search_fields = ("name",)
    fieldsets = ((None, {"fields": ("organisation", "name")}), ("Hours", {"fields": [day.lower() for day in DAYS]}))

    @display(description="Week")
    def week(self, schedule: Schedule) -> str:
        return (
            " · ".join(f"{DAYS[n][:2]} {hours_text(day)}" for n, day in enumerate(schedule.weekly) if day) or "closed"
        )


class OverrideInline(TabularInline):
    model = Override
    form = OperatorForm
    formset = RowsOfParent
    fk_name = "host"
    extra = 0
    fields = ("kind", "first_day", "last_day", "blocks", "timezone", "note")
    tab = True


@admin.register(Host)
class HostAdmin(OperatorAdmin):
    list_display = ("name", "organisation", "kind", "timezone", "booking_calendar", "account_count", "is_active")
    list_filter = ("is_active", "kind", "organisation")
    list_select_related = ("organisation", "booking_calendar")
    search_fields = ("name", "email", "slug")
    autocomplete_fields = ("organisation", "user", "schedule")
    readonly_fields = ("booking_calendar",)
    prepopulated_fields = {"slug": ("name",)}
    inlines = (OverrideInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Host]:
        queryset: QuerySet[Host] = super().get_queryset(request)
        connected = ~Q(accounts__provider=Account.Provider.LOCAL)
        return queryset.annotate(account_total=Count("accounts", filter=connected))

    @display(description="Connected accounts", ordering="account_total")
    def account_count(self, host: Any) -> int:
        return int(host.account_total)

    def get_readonly_fields(self, request: HttpRequest, obj: Host | None = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "organisation") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            accounts.ensure_local(obj)  # bookable before anything is connected
        elif "timezone" in form.changed_data:
            hosts.move_to_zone(obj, obj.timezone, actor=actor_of(request))


@admin.register(Contact)
class ContactAdmin(OperatorAdmin):
    list_display = ("name", "email", "phone", "timezone", "organisation", "created_at")
    list_filter = ("organisation",)
    list_select_related = ("organisation",)
    search_fields = ("name", "email", "phone")
    fields = ("organisation", "name", "email", "phone", "timezone", "locale")
    autocomplete_fields = ("organisation",)
