"""The customer's way from a link to a booking. GET changes nothing; a chosen time and a submit are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_safe

from bookings.domain import availability, calendar, requests
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed, SlotTaken
from bookings.formats.icalendar import render as render_ics
from bookings.models import Booking, Host, SchedulerRequest
from bookings.pages.customer.forms import ConfirmForm
from bookings.pages.customer.months import Choice
from bookings.pages.zones import chosen as known_zone
from bookings.pages.zones import grouped

ZONE_COOKIE = "tz"
_A_YEAR = 365 * 86_400
_FURTHEST = 366 * 86_400

View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """A page behind a secret link: not stored, not indexed, its address told to nobody. Closed links look all alike."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except LinkClosed:
            response = render(request, "customer/closed.html", status=404)
        # Other sites learn nothing of this address. “no-referrer” would also make browsers send “Origin: null” with the
        # form, which the CSRF protection rightly refuses.
        response["Referrer-Policy"] = "same-origin"
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


@require_http_methods(["GET", "HEAD", "POST"])
@private
def select(request: HttpRequest, token: str) -> HttpResponse:
    """Days and times to choose from; with ?start= the chosen one to confirm; POST books it."""
    found = requests.find(token)
    if request.method == "POST":
        return _confirm(request, token, found)
    if requests.booking_of(found) is not None:
        return redirect("booked", token=token)
    return _page(request, token, found)


@require_safe
@private
def booked(request: HttpRequest, token: str) -> HttpResponse:
    """What was booked with the link, and how to keep it."""
    found = requests.find(token)
    booking = requests.booking_of(found)
    if booking is None:
        return redirect("select", token=token)
    context = _invitation(token, found) | {
        "booking": booking,
        "timezone": booking.timezone,
        "hosts": _hosts_of(booking),
        "add_links": _add_links(booking),
    }
    return render(request, "customer/booked.html", context)


@require_safe
@private
def ics(request: HttpRequest, token: str) -> HttpResponse:
    """The booking as a file for any calendar. It names no other guest."""
    booking = requests.booking_of(requests.find(token))
    if booking is None or booking.event is None:
        raise LinkClosed("There is no booking.")
    data = replace(calendar.data_of(booking.event), people=())
    text = render_ics(data, stamp=booking.updated_at, method="PUBLISH")
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response["Content-Disposition"] = 'attachment; filename="booking.ics"'
    return response


def _page(request: HttpRequest, token: str, found: SchedulerRequest, **more: Any) -> HttpResponse:
    """The choice, or the confirmation of a chosen time. `more`: form, refusal, status after a POST."""
    terms = requests.terms(found)
    tzid = _zone(request, terms.timezone)
    moment = int(now().timestamp())
    free = availability.offer(terms, moment, terms.latest or moment + _FURTHEST).starts
    form: ConfirmForm | None = more.get("form")
    refusal: SlotTaken | None = more.get("refusal")
    start = _number((request.GET if form is None else request.POST).get("start", ""))
    choice = Choice(free, tzid, moment)
    day = choice.day_named(request.GET.get("day", ""))
    if day is None and not request.GET.get("month"):
        day = choice.first_day
    month = choice.month(request.GET.get("month", ""), day)
    day = day if day in choice.by_day else None
    asked = start is not None and (start in free or form is not None)
    context = _invitation(token, found) | {
        "timezone": tzid,
        "host_zone": terms.timezone,
        "zones": grouped(),
        "now": moment,
        "month": month,
        "weekdays": [(WEEKDAYS_ABBR[index], WEEKDAYS[index]) for index in range(7)],
        "day": day,
        "day_start": choice.by_day[day][0] if day is not None else None,
        "times": choice.times(day) if day is not None else [],
        "anything_free": bool(free),
        "start": start if asked else None,
        "end": start + terms.length if asked and start is not None else None,
        "gone": start is not None and not asked,
        "form": form or ConfirmForm(initial={"start": start, "tz": tzid, "name": found.recipient_name}),
        "refusal": refusal,
        "next_free": refusal.next_free if refusal else [],
    }
    response = render(request, "customer/select.html", context, status=more.get("status", 200))
    if known_zone(request.GET.get("tz")):
        response.set_cookie(ZONE_COOKIE, tzid, max_age=_A_YEAR, samesite="Lax", secure=request.is_secure())
    return response


def _confirm(request: HttpRequest, token: str, found: SchedulerRequest) -> HttpResponse:
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _page(request, token, found, form=form, status=422)
    given = form.cleaned_data
    try:
        requests.select(found, given["start"], name=given["name"], timezone=given["tz"])
    except SlotTaken as refusal:
        return _page(request, token, found, form=form, refusal=refusal, status=409)
    except Invalid as error:
        form.add_error(None, error.message)
        return _page(request, token, found, form=form, status=422)
    except NotAllowed:
        pass  # another time was booked with this link before: the confirmation shows which
    return redirect("booked", token=token)


def _invitation(token: str, found: SchedulerRequest) -> dict[str, Any]:
    """What every page of a link shows. Never the recipient's address, nor who else was invited."""
    inviter = found.host.name if found.host else found.organisation.name
    return {
        "token": token,
        "request_": found,
        "inviter": inviter,
        "initials": "".join(word[0] for word in inviter.split()[:2]).upper(),
    }


def _zone(request: HttpRequest, fallback: str) -> str:
    """The zone chosen just now, the one remembered, or the host's."""
    wanted = (request.POST.get("tz"), request.GET.get("tz"), request.COOKIES.get(ZONE_COOKIE))
    return next((zone for zone in map(known_zone, wanted) if zone), fallback)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None


def _hosts_of(booking: Booking) -> list[Host]:
    return list(Host.everywhere.filter(claims__booking=booking).distinct().order_by("name"))


def _add_links(booking: Booking) -> list[tuple[str, str]]:
    """Links that open a filled-in new event at two calendar services; nothing is sent until they are followed."""
    start, end = (_utc(second) for second in (booking.start_s, booking.end_s))
    words = {"location": booking.location, "details": booking.description}
    google = {"action": "TEMPLATE", "text": booking.title, "dates": f"{start}/{end}", **words}
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": booking.title,
        "startdt": _iso(booking.start_s),
        "enddt": _iso(booking.end_s),
        "location": booking.location,
        "body": booking.description,
    }
    return [
        ("Google Calendar", f"https://calendar.google.com/calendar/render?{urlencode(google)}"),
        ("Outlook", f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(outlook)}"),
    ]


def _utc(second: int) -> str:
    return _iso(second).replace("-", "").replace(":", "")


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
