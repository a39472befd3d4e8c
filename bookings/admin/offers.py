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
from .forms import OperatorForm, RowsOfParent


class QuestionInline(StackedInline):
    model = Question
    form = OperatorForm
    formset = RowsOfParent
    extra = 0
    fields = (("label", "key"), ("kind", "required", "position"), "options")
    prepopulated_fields = {"key": ("label",)}
    tab = True


class MemberInline(TabularInline):
    model = GroupMember
    form = OperatorForm
    formset = RowsOfParent
    extra = 0
    fields = ("host", "priority", "weight", "cap_per_day")
    autocomplete_fields = ("host",)
    tab = True


@admin.register(EventType)
class EventTypeAdmin(OperatorAdmin):
    list_display = ("name", "organisation", "group_rule", "question_count", "is_active", "is_public")
    list_filter = ("is_active", "is_public", "organisation")
    list_select_related = ("organisation", "group_rule")
    search_fields = ("name", "slug")
    autocomplete_fields = ("organisation", "hosts", "group_rule", "schedule", "calendars")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (QuestionInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organisation",) if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventType]:
        queryset: QuerySet[EventType] = super().get_queryset(request)
        return queryset.annotate(question_total=Count("questions"))

    @display(description="Questions", ordering="question_total")
    def question_count(self, event_type: Any) -> int:
        return int(event_type.question_total)


@admin.register(GroupRule)
class GroupRuleAdmin(OperatorAdmin):
    list_display = ("name", "organisation", "mode", "required", "member_count")
    list_filter = ("mode", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("name",)
    autocomplete_fields = ("organisation",)
    inlines = (MemberInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organisation",) if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupRule]:
        queryset: QuerySet[GroupRule] = super().get_queryset(request)
        return queryset.annotate(member_total=Count("members"))

    @display(description="Members", ordering="member_total")
    def member_count(self, rule: Any) -> int:
        return int(rule.member_total)
