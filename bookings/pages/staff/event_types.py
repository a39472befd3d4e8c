"""Event types: the list, the form with its sentence and preview, pausing, copying, taking away."""

from __future__ import annotations

import copy
import uuid
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.domain import availability, offers, questions
from bookings.domain.availability import Terms
from bookings.domain.errors import DomainError
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Booking, EventType, GroupRule, Schedule
from bookings.pages.staff import preview, sentences
from bookings.pages.staff.type_forms import EventTypeForm, QuestionRows, presses, stored
from bookings.pages.staff.weekly import copied_down

_GONE_STATES = (Booking.State.CANCELLED, Booking.State.DECLINED, Booking.State.RESCHEDULED, Booking.State.INVALID)


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Every event type with what it offers, in a sentence."""
    found = list(_types(request).annotate(coming=_coming()).order_by("-is_active", "name"))
    teams = offers.teams_of(found)
    rows = [_row(each, [member.host for member in teams[each.pk].members]) for each in found]
    return render(request, "staff/types/list.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """The form of a new event type."""
    return _form_page(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def edit(request: StaffRequest, type_id: uuid.UUID) -> HttpResponse:
    """The form of an event type."""
    return _form_page(request, _one(request, type_id))


@require_POST
@staff_required
def show(request: StaffRequest) -> HttpResponse:
    """The sentence and next week's times of what is typed into the form; nothing is saved."""
    form = EventTypeForm(request.organisation, request.POST)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        stored_one = next((each for each in _types(request) if str(each.pk) == request.POST.get("type")), None)
        try:
            context |= _shown(form, stored_one or EventType(organisation=request.organisation))
        except DomainError as error:
            form.refuse(error)
    return render(request, "staff/settings/_preview.html", context)


@require_POST
@staff_required
def pause(request: StaffRequest, type_id: uuid.UUID) -> HttpResponse:
    """Take no more bookings of this kind, or take them again."""
    event_type = _one(request, type_id)
    offers.change(event_type, is_active=not event_type.is_active, actor=actor(request))
    if event_type.is_active:
        messages.success(request, _("“%s” can be booked again.") % event_type.name)
    else:
        messages.success(request, _("“%s” is paused: nobody can book it, what is booked stays.") % event_type.name)
    return redirect("types")


@require_POST
@staff_required
def duplicate(request: StaffRequest, type_id: uuid.UUID) -> HttpResponse:
    """A copy, paused until it is looked at."""
    event_type = _one(request, type_id)
    name = _("%s (copy)") % event_type.name[:180]
    made = offers.duplicate(event_type, name=name, actor=actor(request))
    messages.success(request, _("This is the copy. It is paused until you let it be booked."))
    return redirect("type", type_id=made.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def delete(request: StaffRequest, type_id: uuid.UUID) -> HttpResponse:
    """Take an event type away, after telling what becomes of its bookings."""
    event_type = get_object_or_404(_types(request).annotate(coming=_coming(), ever=Count("bookings")), pk=type_id)
    if request.method == "POST":
        offers.delete(event_type, actor=actor(request))
        messages.success(request, _("“%s” is gone. What was booked stays in the calendars.") % event_type.name)
        return redirect("types")
    return render(request, "staff/types/delete.html", {"type": event_type})


# ── The form ──


def _form_page(request: StaffRequest, event_type: EventType | None) -> HttpResponse:
    if request.method != "POST":
        initial = stored(event_type) if event_type else None
        form = EventTypeForm(request.organisation, initial=initial)
        rows = QuestionRows.stored(event_type) if event_type else QuestionRows([], judged=False)
        return _render(request, event_type, form, rows)
    if presses(request.POST):
        form = EventTypeForm(request.organisation, copied_down(request.POST, request.POST.get("copy", "")))
        form.quiet()
        return _render(request, event_type, form, QuestionRows.changed(request.POST))
    form, rows = EventTypeForm(request.organisation, request.POST), QuestionRows.typed(request.POST)
    if all([form.is_valid(), rows.are_valid()]):
        try:
            saved = _save(request, event_type, form, rows)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved: customers see it this way from now on."))
            return redirect("type", type_id=saved.pk)
    return _render(request, event_type, form, rows, status=422)


def _render(
    request: StaffRequest, event_type: EventType | None, form: EventTypeForm, rows: QuestionRows, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"type": event_type, "form": form, "rows": rows}
    context["link"] = public_link(event_type) if event_type else ""
    context["wrong"] = status == 422
    if event_type is not None and not form.is_bound:
        context |= _of_stored(event_type)
    return render(request, "staff/types/form.html", context, status=status)


@transaction.atomic
def _save(request: StaffRequest, event_type: EventType | None, form: EventTypeForm, rows: QuestionRows) -> EventType:
    who, given = actor(request), form.cleaned_data
    told: dict[str, Any] = {**form.settings(), "name": given["name"], "weekly": form.weekly(), "actor": who}
    if event_type is None:
        event_type = offers.create(request.organisation, slug=given["slug"], **told)
    else:
        told |= {"slug": given["slug"]} if given["slug"] else {}
        offers.change(event_type, **told)
    rule = form.chosen_rule()
    offers.give(event_type, group_rule=rule, calendars=form.chosen_calendars(), actor=who)
    if rule is None:
        offers.change(event_type, team=form.chosen_team(), actor=who)
    questions.ask(event_type, rows.asked(), actor=who)
    return event_type


# ── What it means ──


def _shown(form: EventTypeForm, event_type: EventType) -> dict[str, Any]:
    """Sentence and times of what is typed, as if it were saved."""
    tried = copy.copy(event_type)
    tried.name = form.cleaned_data["name"]
    offers.draft(tried, **form.settings())
    tried.schedule = Schedule(weekly=form.weekly()) if form.cleaned_data["own_hours"] else None
    tried.group_rule = form.chosen_rule()
    terms = availability.of_event_type(
        tried, hosts=form.chosen_hosts(), calendars=[each.pk for each in form.chosen_calendars()]
    )
    if tried.group_rule is None and form.chosen_team().everybody:
        terms = replace(terms, required=len(terms.hosts))
    return _told(tried, terms)


def _of_stored(event_type: EventType) -> dict[str, Any]:
    return _told(event_type, availability.of_event_type(event_type))


def _told(event_type: EventType, terms: Terms) -> dict[str, Any]:
    sentence = sentences.of_event_type(event_type, terms.hosts, terms.required)
    return {"sentence": sentence, "preview": preview.of(terms)}


def _row(event_type: EventType, hosts: list[Any]) -> dict[str, Any]:
    rule = event_type.group_rule
    required = 1 if rule is None or rule.mode == GroupRule.Mode.ANY else rule.required
    required = len(hosts) if rule is not None and rule.mode == GroupRule.Mode.ALL else required
    sentence = sentences.of_event_type(event_type, hosts, required)
    return {"type": event_type, "sentence": sentence, "hosts": hosts, "link": public_link(event_type)}


def public_link(event_type: EventType) -> str:
    """Where customers book it."""
    path = reverse("public-type", args=[event_type.organisation.slug, event_type.slug])
    return f"{settings.BASE_URL}{path}"


# ── Finding ──


def _types(request: StaffRequest) -> QuerySet[EventType]:
    found: QuerySet[EventType] = EventType.objects.for_tenant(request.organisation)
    return found.select_related("group_rule", "schedule", "organisation")


def _one(request: StaffRequest, type_id: uuid.UUID) -> EventType:
    return get_object_or_404(_types(request), pk=type_id)


def _coming() -> Count:
    moment = int(now().timestamp())
    return Count("bookings", filter=Q(bookings__end_s__gte=moment) & ~Q(bookings__state__in=_GONE_STATES))
