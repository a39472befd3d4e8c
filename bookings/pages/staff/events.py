"""Events: make, look at, change, answer, delete and bring back. The page follows the event to its calendar.

An occurrence of a series is named by its event and `at`, its original start in wall seconds.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import calendar, rsvp
from bookings.domain import series as parts
from bookings.domain.audit import Actor
from bookings.domain.errors import DomainError, NotFound
from bookings.domain.event_rows import home_zone, recurs
from bookings.engine.zones import DAY, zone
from bookings.formats.event import EventData
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Calendar, Event, Host, Participant
from bookings.pages.staff import series
from bookings.pages.staff.event_forms import EventForm, RepeatsForm, initial_of
from bookings.pages.staff.moving import done, refused, wall_of
from bookings.pages.staff.week import state_of
from bookings.pages.zones import chosen as known_zone


@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """The form, prefilled from ?day=&time=&host=; a valid one leads to the event's page."""
    form = EventForm(request.organisation, request.POST or None, initial=_suggestion(request))
    if request.method == "POST" and form.is_valid():
        try:
            event = calendar.create(form.cleaned_data["calendar"], form.event_data(), actor=actor(request))
            return _to(request, reverse("event", args=[event.pk]))
        except DomainError as error:
            form.refuse(error)
    return _form(request, form, None)


@require_safe
@staff_required
def words(request: StaffRequest) -> HttpResponse:
    """What the chosen repetition means, in a sentence; ?event= names the event that is being changed."""
    event = _changing(request)
    base = calendar.data_of(event) if event else None
    form = RepeatsForm(request.organisation, request.GET, event=event, base=base, initial={"repeats": "custom"})
    form.is_valid()
    said = form.words(tuple(event.recurrence_rules) if event else ())
    return render(request, "staff/events/_words.html", {"words": said})


@require_safe
@staff_required
def detail(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """What the event says and what its calendars show; ?at= names one occurrence of a series."""
    root, at = _part(request, event_id, request.GET.get("at", ""))
    data = _said(root, at)
    return render(request, "staff/events/detail.html", _shown(root) | _told(root, data, at))


@require_safe
@staff_required
def state(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """The state at the calendars, asked for again and again while something is pending."""
    return render(request, "staff/events/_state.html", _shown(_one(request, event_id)))


@staff_required
def edit(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """The form with the event or one occurrence in it. A booking is moved on its own page."""
    root, at = _part(request, _editable(request, event_id).pk, request.POST.get("at") or request.GET.get("at", ""))
    base = _said(root, at)
    initial = initial_of(base, root.calendar, tuple(root.recurrence_rules))
    form = EventForm(request.organisation, request.POST or None, initial=initial, event=root, base=base)
    if request.method == "POST" and form.is_valid():
        try:
            changed = _change(root, at, base, form, actor(request))
            return _to(request, reverse("event", args=[changed.pk]))
        except DomainError as error:
            form.refuse(error)
    return _form(request, form, root, at)


@require_POST
@staff_required
def answer(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Answer an invitation in the name of the calendar's owner: `rsvp`, `comment`, and `at` for one occurrence."""
    root, at = _part(request, event_id, request.POST.get("at", ""))
    invited = _invited(root)
    if invited is None:
        raise Http404
    try:
        rsvp.answer(
            root,
            invited.email,
            request.POST.get("rsvp", ""),
            comment=request.POST.get("comment", ""),
            recurrence_wall=at if request.POST.get("scope") == "this" else None,
            actor=actor(request),
        )
        messages.success(request, _("Your answer is noted."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect(_address(root, at))


@require_POST
@staff_required
def delete(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Delete the event, or with `at` that occurrence of a series, or with `scope` following what follows too."""
    root, at = _part(request, _editable(request, event_id).pk, request.POST.get("at", ""))
    scope = request.POST.get("scope", "this") if at is not None else "all"
    day = dt.datetime.fromtimestamp(_start_of(root, at), dt.UTC).date().isoformat()
    week = f"{reverse('week')}?day={day}"
    try:
        if scope == "following" and at is not None:
            parts.delete_following(root, at, actor=actor(request))
            return done(request, _("This one and all that follow are taken out."), None, week)
        if scope != "all" and at is not None:
            calendar.exclude_occurrence(root, at, actor=actor(request))
            undo = {"url": reverse("event-include", args=[root.pk]), "fields": {"at": str(at)}}
            return done(request, _("This one is taken out; the others stay."), undo, reverse("event", args=[root.pk]))
        calendar.delete(root, actor=actor(request))
    except DomainError as error:
        return refused(request, error, reverse("event", args=[root.pk]))
    if request.accepts("text/html"):
        return redirect(f"{week}&deleted={root.pk}")
    undo = {"url": reverse("event-restore", args=[root.pk]), "fields": {}}
    return done(request, _("“%(title)s” is deleted.") % {"title": root.title or "–"}, undo, week)


@require_POST
@staff_required
def include(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Undo the deletion of an occurrence, named by `at`."""
    event = _editable(request, event_id)
    at = wall_of(request.POST.get("at", ""))
    if at is None:
        raise Http404
    try:
        calendar.include_occurrence(event, at, actor=actor(request))
    except DomainError as error:
        return refused(request, error, reverse("event", args=[event.pk]))
    return done(request, _("The event is back."), None, _address(event, at))


@require_POST
@staff_required
def restore(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Undo a deletion: the same event is made anew where it was."""
    found = Event.objects.for_tenant(request.organisation).exclude(origin=Event.Origin.BOOKING)
    event = get_object_or_404(found.select_related("calendar__account"), pk=event_id, deleted_at__isnull=False)
    try:
        again = _made_anew(event, actor(request))
    except DomainError as error:
        return refused(request, error, reverse("week"))
    return done(request, _("The event is back."), None, reverse("event", args=[again.pk]))


@transaction.atomic
def _made_anew(event: Event, who: Actor) -> Event:
    """The deleted event again; changed occurrences of a series come back as events of their own."""
    data = replace(calendar.data_of(event), uid="", status=Event.Status.CONFIRMED, sequence=0)
    changed = event.overrides.exclude(recurrence_wall__in=data.excluded_dates)
    walls = tuple(each.recurrence_wall for each in changed if each.recurrence_wall is not None)
    again = calendar.create(event.calendar, replace(data, excluded_dates=(*data.excluded_dates, *walls)), actor=who)
    for each in changed:
        if each.status != Event.Status.CANCELLED:
            alone = replace(calendar.data_of(each), uid="", sequence=0, recurrence_wall=None)
            calendar.create(event.calendar, alone, actor=who)
    return again


def _one(request: StaffRequest, event_id: uuid.UUID) -> Event:
    found = Event.objects.for_tenant(request.organisation).select_related("calendar__account__host", "booking")
    return get_object_or_404(found, pk=event_id, deleted_at__isnull=True)


def _editable(request: StaffRequest, event_id: uuid.UUID) -> Event:
    event = _one(request, event_id)
    if event.origin == Event.Origin.BOOKING:
        raise Http404
    return event


def _part(request: StaffRequest, event_id: uuid.UUID, at: str) -> tuple[Event, int | None]:
    """The event or series with that id, and which occurrence of it is meant, if one is: by `at`, or since it was
    changed and has an event of its own."""
    found = _one(request, event_id)
    if found.master_id is None:
        return found, wall_of(at) if recurs(found) else None
    return _one(request, found.master_id), found.recurrence_wall


def _said(root: Event, at: int | None) -> EventData:
    """What the event says, or its occurrence."""
    try:
        return calendar.data_of(root) if at is None else parts.occurrence(root, at)
    except NotFound:
        raise Http404 from None
    except DomainError:
        return calendar.data_of(root)


def _change(root: Event, at: int | None, base: EventData, form: EventForm, who: Actor) -> Event:
    """Write what the form says to the event, or as far as its scope goes over a series."""
    data = form.event_data()
    scope = form.cleaned_data["scope"] or "this"
    if at is None:
        return calendar.change(root, data, actor=who)
    if scope == "this":
        return parts.change_occurrence(root, at, data, actor=who)
    whole = parts.following(root, at) if scope == "following" else calendar.data_of(root)
    start = whole.start_wall + data.start_wall - base.start_wall
    data = replace(
        data,
        start_wall=start // DAY * DAY if data.all_day else start,
        recurrence_wall=None,
        recurrence_rules=form.rules(whole.recurrence_rules, tuple(root.recurrence_rules)),
        exclusion_rules=whole.exclusion_rules,
        recurrence_dates=whole.recurrence_dates,
        excluded_dates=whole.excluded_dates,
        raw=whole.raw,
    )
    return (
        parts.change_following(root, at, data, actor=who)
        if scope == "following"
        else calendar.change(root, data, actor=who)
    )


def _shown(event: Event) -> dict[str, Any]:
    mirrors = list(event.mirrors.select_related("calendar__account__host"))
    return {"event": event, "mirrors": mirrors, "state": state_of(mirrors)}


def _told(root: Event, data: EventData, at: int | None) -> dict[str, Any]:
    """What the page says of an event or an occurrence."""
    home = home_zone(root.calendar, root.calendar.account.host)
    tzid = home if data.all_day or data.floating else data.timezone
    start = zone(tzid).to_utc(data.start_wall)
    end = zone(tzid).to_utc(data.start_wall + data.duration) if data.all_day else start + data.duration
    return {
        "data": data,
        "at": at,
        "timezone": tzid,
        "start_s": start,
        "end_s": end,
        "last_s": max(start, end - 1),
        "free_busy": Event.Busy(data.free_busy_status).label,
        "guests": [(each, Participant.Rsvp(each.rsvp).label) for each in data.people if each.role == "attendee"],
        "repeats": series.in_words(tuple(root.recurrence_rules), root.timezone) if root.recurrence_rules else "",
        "invited": _invited(root),
        "answers": [(each.value, each.label) for each in Participant.Rsvp if each != Participant.Rsvp.NEEDS_ACTION],
        "editable": root.origin != Event.Origin.BOOKING and root.calendar.is_writable,
    }


def _invited(root: Event) -> Participant | None:
    """The owner of the calendar as a guest of the event, when somebody else invited them."""
    addresses = root.calendar.account.addresses
    people = [each for each in root.participants.all() if each.email.lower() in addresses]
    mine = [each for each in people if each.role == Participant.Role.ATTENDEE]
    organises = any(each.role == Participant.Role.OWNER for each in people)
    return mine[0] if mine and not organises and root.calendar.is_writable else None


def _start_of(root: Event, at: int | None) -> int:
    if at is None:
        return root.start_s
    home = home_zone(root.calendar, root.calendar.account.host)
    return zone(home if root.all_day or root.floating else root.timezone).to_utc(at)


def _address(root: Event, at: int | None) -> str:
    return reverse("event", args=[root.pk]) + (f"?at={at}" if at is not None else "")


def _changing(request: StaffRequest) -> Event | None:
    given = request.GET.get("event", "")
    try:
        return _one(request, uuid.UUID(given)) if given else None
    except ValueError:
        raise Http404 from None


def _form(request: StaffRequest, form: EventForm, event: Event | None, at: int | None = None) -> HttpResponse:
    template = "staff/events/_form.html" if request.htmx else "staff/events/form.html"
    rules = tuple(event.recurrence_rules) if event else ()
    said = series.in_words(rules, event.timezone) if event and rules else ""
    context = {"form": form, "event": event, "at": at, "words": said}
    return render(request, template, context, status=422 if form.errors else 200)


def _to(request: StaffRequest, url: str) -> HttpResponse:
    """A redirect that HTMX follows as a whole page."""
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _suggestion(request: StaffRequest) -> dict[str, Any]:
    """What the form begins with: the day and time clicked on, the host's booking calendar, the next full hour."""
    host = _host(request)
    tzid = host.timezone if host else request.organisation.timezone
    wall = zone(tzid).to_wall(int(now().timestamp())) // 3600 * 3600 + 3600
    start = dt.datetime.fromtimestamp(wall, dt.UTC)
    try:
        day = dt.date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        day = start.date()
    time = _clock(request.GET.get("time", "")) or start.time()
    end = (dt.datetime.combine(day, time) + dt.timedelta(hours=1)).time() if time.hour < 23 else dt.time(23, 59)
    given = _clock(request.GET.get("end", ""))
    end = given if given and given > time else end
    chosen = host.booking_calendar_id if host else None
    if chosen is None:
        first = (
            Calendar.objects.for_tenant(request.organisation).filter(is_writable=True).order_by("account__host__name")
        )
        chosen = first.values_list("pk", flat=True).first()
    return {
        "title": request.GET.get("title", "")[:1024],
        "day": day,
        "start": time,
        "end": end,
        "timezone": known_zone(request.GET.get("tz")) or tzid,
        "calendar": str(chosen or ""),
    }


def _clock(text: str) -> dt.time | None:
    try:
        return dt.time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _host(request: StaffRequest) -> Host | None:
    """The host clicked on, or else the member's own, or else the first."""
    try:
        wanted = uuid.UUID(request.GET.get("host", ""))
    except ValueError:
        wanted = None
    hosts = Host.objects.for_tenant(request.organisation).filter(is_active=True)
    found = hosts.filter(Q(pk=wanted) if wanted else Q(user=request.user)).first()
    return found or hosts.first()
