"""The customer's way from a link to a booking. GET changes nothing; a chosen time and a submit are needed."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from bookings.domain import links, requests
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed, SlotTaken
from bookings.models import Booking, Host, Question, SchedulerRequest
from bookings.pages.customer.choosing import Asked, What, chosen_zone, common
from bookings.pages.customer.forms import ConfirmForm
from bookings.pages.customer.reading import customer_page
from bookings.pages.customer.saving import add_links, ics_file

private = customer_page(secret=True)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def select(request: HttpRequest, token: str) -> HttpResponse:
    """Days and times to choose from; with ?start= the chosen one to confirm; POST books it."""
    found = requests.find(token)
    if request.method == "POST":
        return _confirm(request, token, found)
    if requests.booking_of(found) is not None:
        return redirect("booked", token=token)
    if found.host is not None and not found.host.is_active:
        what = _what(found)
        context = common(request) | {"what": what, "who": what.who, "write_to": ""}
        return render(request, "customer/paused.html", context)
    terms = requests.terms(found)
    zone = chosen_zone(request, terms.timezone)
    initial = {"start": request.GET.get("start"), "tz": zone, "name": found.recipient_name}
    form = ConfirmForm(initial=initial, questions=_questions(found))
    return Asked(request, _what(found), terms, form).show()


@require_safe
@private
def booked(request: HttpRequest, token: str) -> HttpResponse:
    """What was booked with the link, and how to keep it."""
    found = requests.find(token)
    booking = requests.booking_of(found)
    if booking is None:
        return redirect("select", token=token)
    context = common(request) | {
        "what": _what(found),
        "booking": booking,
        "timezone": booking.timezone,
        "hosts": _hosts_of(booking),
        "add_links": add_links(booking),
        "token": token,
        "manage_token": links.token("booking", booking.pk),
    }
    return render(request, "customer/booked.html", context)


@require_safe
@private
def ics(request: HttpRequest, token: str) -> HttpResponse:
    """The booking as a file for any calendar. It names no other guest."""
    booking = requests.booking_of(requests.find(token))
    if booking is None:
        raise LinkClosed("There is no booking.")
    return ics_file(booking, links.manage_url(booking.pk))


def _confirm(request: HttpRequest, token: str, found: SchedulerRequest) -> HttpResponse:
    form = ConfirmForm(request.POST, questions=_questions(found))
    asked = Asked(request, _what(found), requests.terms(found), form)
    if not form.is_valid():
        return asked.show(posted=True, status=422)
    given = form.cleaned_data
    try:
        requests.select(found, given["start"], name=given["name"], timezone=given["tz"], answers=form.answers)
    except SlotTaken as refusal:
        return asked.show(posted=True, refusal=refusal, status=409)
    except Invalid as error:
        form.add_error(None, error.message)
        return asked.show(posted=True, status=422)
    except NotAllowed:
        pass  # another time was booked with this link before: the confirmation shows which
    return redirect("booked", token=token)


def _what(found: SchedulerRequest) -> What:
    """What every page of a link shows. Never the recipient's address, nor who else was invited."""
    inviter = found.host.name if found.host else found.organisation.name
    return What(
        title=found.summary,
        minutes=found.duration,
        lead=gettext("%(inviter)s invites you to") % {"inviter": inviter},
        who=inviter,
        place=found.location,
        description=found.description,
    )


def _questions(found: SchedulerRequest) -> Sequence[Question]:
    return list(found.event_type.questions.all()) if found.event_type else []


def _hosts_of(booking: Booking) -> list[Host]:
    return list(Host.everywhere.filter(claims__booking=booking).distinct().order_by("name"))
