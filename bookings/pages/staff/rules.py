"""Group rules: how many of whom a meeting needs, who is asked first, and why the last ones went where they went."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.domain import availability, groups
from bookings.domain.errors import DomainError
from bookings.domain.terms import of_members
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Booking, GroupMember, GroupRule, Host
from bookings.pages.staff import preview, sentences
from bookings.pages.staff.assignments import why_in_words
from bookings.pages.staff.rule_forms import RuleForm

TRIED_MINUTES = 30
LAST = 10


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Every group rule in a sentence."""
    found = list(_rules(request).annotate(types=Count("event_types", distinct=True)))
    parts = _parts(found)
    rows = [{"rule": rule, "sentence": sentences.of_rule(rule, parts[rule.pk])} for rule in found]
    return render(request, "staff/rules/list.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """The form of a new group rule."""
    return _form_page(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def edit(request: StaffRequest, rule_id: uuid.UUID) -> HttpResponse:
    """The form of a group rule, and its last assignments."""
    return _form_page(request, _one(request, rule_id))


@require_POST
@staff_required
def show(request: StaffRequest) -> HttpResponse:
    """The sentence and next week's times of what is typed into the form; nothing is saved."""
    form = RuleForm(request.organisation, request.POST)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            context |= _tried(form, GroupRule(organisation=request.organisation))
        except DomainError as error:
            form.refuse(error)
    return render(request, "staff/settings/_preview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def delete(request: StaffRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Take a group rule away, after telling who goes by it."""
    rule = _one(request, rule_id)
    if request.method == "POST":
        try:
            groups.delete(rule, actor=actor(request))
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("rule-delete", rule_id=rule.pk)
        messages.success(request, _("“%s” is gone. What was booked by it stays.") % rule.name)
        return redirect("rules")
    context = {"rule": rule, "types": rule.event_types.all(), "open": _open_links(rule)}
    return render(request, "staff/rules/delete.html", context)


def _form_page(request: StaffRequest, rule: GroupRule | None) -> HttpResponse:
    form = RuleForm(request.organisation, request.POST or None, rule=rule)
    if request.method == "POST" and form.is_valid():
        try:
            saved = _save(request, rule, form)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved: the next booking goes by it."))
            return redirect("rule", rule_id=saved.pk)
    context: dict[str, Any] = {"rule": rule, "form": form, "wrong": request.method == "POST"}
    if rule is not None:
        context["last"] = _last(request, rule)
        if not form.is_bound:
            terms = availability.of_group(rule, minutes=TRIED_MINUTES)
            context |= {"sentence": sentences.of_rule(rule, groups.parts_of(rule)), "preview": preview.of(terms)}
    return render(request, "staff/rules/form.html", context, status=422 if context["wrong"] else 200)


def _save(request: StaffRequest, rule: GroupRule | None, form: RuleForm) -> GroupRule:
    if rule is None:
        return groups.create(request.organisation, actor=actor(request), **form.said())
    return groups.change(copy.copy(rule), actor=actor(request), **form.said())


def _tried(form: RuleForm, rule: GroupRule) -> dict[str, Any]:
    said = form.said()
    members = groups.draft(rule, **said)
    terms = of_members(rule, members, minutes=TRIED_MINUTES)
    return {"sentence": sentences.of_rule(rule, said["parts"]), "preview": preview.of(terms)}


def _last(request: StaffRequest, rule: GroupRule) -> list[dict[str, Any]]:
    """The last bookings by this rule, each with who took it and why."""
    by_rule = Q(group_rule=rule) | Q(event_type__group_rule=rule)
    found = list(Booking.objects.for_tenant(request.organisation).filter(by_rule).order_by("-created_at")[:LAST])
    names = {str(pk): name for pk, name in Host.objects.for_tenant(request.organisation).values_list("pk", "name")}
    return [{"booking": booking, "words": why_in_words(booking.assignment, names)} for booking in found]


def _parts(rules: Iterable[GroupRule]) -> dict[uuid.UUID, list[groups.Part]]:
    found: dict[uuid.UUID, list[groups.Part]] = {rule.pk: [] for rule in rules}
    rows = GroupMember.everywhere.filter(rule__in=list(found)).select_related("host")
    for row in rows.order_by("-priority", "host__name", "host"):
        found[row.rule_id].append(groups.Part(row.host, row.priority, row.weight, row.cap_per_day))
    return found


def _open_links(rule: GroupRule) -> int:
    return int(rule.scheduler_requests.filter(state="open").count())


def _rules(request: StaffRequest) -> QuerySet[GroupRule]:
    found: QuerySet[GroupRule] = GroupRule.objects.for_tenant(request.organisation)
    return found


def _one(request: StaffRequest, rule_id: uuid.UUID) -> GroupRule:
    return get_object_or_404(_rules(request), pk=rule_id)
