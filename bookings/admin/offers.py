"""What can be booked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import display

from bookings.models import EventType, GroupMember, GroupRule, Question

from .base import OperatorAdmin


class QuestionInline(StackedInline):
    model = Question
    extra = 0
    fields = (("label", "key"), ("kind", "required", "position"), "options")
    prepopulated_fields = {"key": ("label",)}
    tab = True


class MemberInline(TabularInline):
    model = GroupMember
    extra = 0
    fields = ("host", "priority", "weight", "cap_per_day")
    autocomplete_fields = ("host",)
    tab = True


class WithTenantInlines(OperatorAdmin):
    """Rows edited inside another object belong to the same organisation."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            row.organisation_id = form.instance.organisation_id
            row.save()
        for gone in formset.deleted_objects:
            gone.delete()
        formset.save_m2m()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organisation",) if obj else ()


@admin.register(EventType)
class EventTypeAdmin(WithTenantInlines):
    list_display = ("name", "organisation", "group_rule", "question_count", "is_active", "is_public")
    list_filter = ("is_active", "is_public", "organisation")
    list_select_related = ("organisation", "group_rule")
    search_fields = ("name", "slug")
    autocomplete_fields = ("organisation", "hosts", "group_rule", "schedule")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (QuestionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventType]:
        queryset: QuerySet[EventType] = super().get_queryset(request)
        return queryset.annotate(question_total=Count("questions"))

    @display(description="Questions", ordering="question_total")
    def question_count(self, event_type: Any) -> int:
        return int(event_type.question_total)


@admin.register(GroupRule)
class GroupRuleAdmin(WithTenantInlines):
    list_display = ("name", "organisation", "mode", "required", "member_count")
    list_filter = ("mode", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("name",)
    autocomplete_fields = ("organisation",)
    inlines = (MemberInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupRule]:
        queryset: QuerySet[GroupRule] = super().get_queryset(request)
        return queryset.annotate(member_total=Count("members"))

    @display(description="Members", ordering="member_total")
    def member_count(self, rule: Any) -> int:
        return int(rule.member_total)
