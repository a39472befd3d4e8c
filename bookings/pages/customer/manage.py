"""A customer's own booking, behind its own link: seen, kept, moved, cancelled, and given back to them as data."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.domain import availability, links, manage
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed, SlotTaken
from bookings.domain.manage import Mine, Policy
from bookings.models import Booking
from bookings.pages.customer.choosing import Asked, What, chosen_zone, common, number
from bookings.pages.customer.forms import AnswerForm, CancelForm, ChoiceForm, GuestsForm
from bookings.pages.customer.reading import customer_page, framed_by, is_framed
from bookings.pages.customer.saving import add_links, ics_file

private = customer_page(secret=True)


@require_safe
@private
def view(request: HttpRequest, token: str) -> HttpResponse:
    """What is booked, and what can be done about it. In a frame it is only shown."""
    mine = manage.find(token)
    response = _page(request, token, mine)
    return framed_by(response, mine.booking.organisation.frame_origins) if is_framed(request) else response


@require_http_methods(["GET", "HEAD", "POST"])
@private
def move(request: HttpRequest, token: str) -> HttpResponse:
    """The same choice as for the first time; POST moves."""
    mine = manage.find(token)
    if manage.policy(mine).no_move:
        return _page(request, token, mine, status=409 if request.method == "POST" else 200, wanted="move")
    was = mine.booking.start_s
    if request.method != "POST":
        return _choice(request, token, mine, ChoiceForm(initial=_initial(request, mine))).show(**_words(token, mine))
    form = ChoiceForm(request.POST)
    asked = _choice(request, token, mine, form)
    if not form.is_valid():
        return asked.show(posted=True, status=422, **_words(token, mine))
    try:
        mine = manage.move(mine, form.cleaned_data["start"])
    except SlotTaken as refusal:
        return asked.show(posted=True, refusal=refusal, status=409, **_words(token, mine))
    except NotAllowed:
        return redirect("manage", token=token)
    moved = mine.link.rpartition("/")[2]
    return redirect(f"{reverse('manage', args=[moved])}?was={was}")


@require_http_methods(["GET", "HEAD", "POST"])
@private
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Asks once, with room for a reason; POST cancels."""
    mine = manage.find(token)
    if not mine.is_cancelled and manage.policy(mine).no_cancel:
        return _page(request, token, mine, status=409 if request.method == "POST" else 200, wanted="cancel")
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        manage.cancel(mine, reason=form.cleaned_data["reason"])
        return redirect("manage", token=token)
    if mine.is_cancelled:
        return redirect("manage", token=token)
    status = 422 if request.method == "POST" else 200
    return render(request, "customer/cancel.html", _context(request, token, mine) | {"form": form}, status=status)


@require_POST
@private
def take_back(request: HttpRequest, token: str) -> HttpResponse:
    """Have a cancelled booking again, while its time is free."""
    mine = manage.find(token)
    try:
        manage.take_back(mine)
    except (SlotTaken, NotAllowed):
        return _page(request, token, mine, status=409, wanted="back")
    return redirect("manage", token=token)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def guests(request: HttpRequest, token: str) -> HttpResponse:
    """Let more people come along."""
    mine = manage.find(token)
    form = GuestsForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return redirect("manage", token=token)
    if form.is_valid():
        try:
            manage.add_guests(mine, form.cleaned_data["guests"])
            return redirect(f"{reverse('manage', args=[token])}#guests")
        except (Invalid, NotAllowed) as error:
            form.add_error("guests", error.message)
    return _page(request, token, mine, status=422, guests_form=form)


@require_safe
@private
def ics(request: HttpRequest, token: str) -> HttpResponse:
    mine = manage.find(token)
    if mine.is_cancelled:
        raise LinkClosed("There is no booking.")
    return ics_file(mine.booking, mine.link)


@require_safe
@private
def data(request: HttpRequest, token: str) -> HttpResponse:
    """Everything kept about the customer and the booking, as JSON."""
    response = JsonResponse(manage.export(manage.find(token)), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="my-booking.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@private
def guest(request: HttpRequest, token: str) -> HttpResponse:
    """A guest says whether they come."""
    mine, person = manage.find_guest(token)
    form = AnswerForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                manage.answer(mine, person, form.cleaned_data["status"], comment=form.cleaned_data["comment"])
                return redirect("guest", token=token)
            except NotAllowed as error:
                form.add_error(None, error.message)
    context = _context(request, token, mine) | {"person": person, "form": form, "over": _is_over(mine.booking)}
    return render(request, "customer/guest.html", context, status=status)


def _page(request: HttpRequest, token: str, mine: Mine, *, status: int = 200, **more: Any) -> HttpResponse:
    booking = mine.booking
    policy = manage.policy(mine)
    context = _context(request, token, mine) | {
        "policy": policy,
        "guests": manage.guests(mine),
        "guests_form": GuestsForm(),
        "can_invite": not (policy.no_cancel or mine.seat) and booking.event is not None,
        "can_return": mine.is_cancelled and manage.can_return(mine),
        "add_links": add_links(booking),
        "was": _earlier(request, mine, policy),
        "again": _again(mine),
    }
    return render(request, "customer/manage.html", context | more, status=status)


def _context(request: HttpRequest, token: str, mine: Mine) -> dict[str, Any]:
    return common(request) | {
        "token": token,
        "mine": mine,
        "booking": mine.booking,
        "what": _what(mine),
        "hosts": mine.hosts,
        "timezone": chosen_zone(request, mine.timezone),
        "over": _is_over(mine.booking),
    }


def _what(mine: Mine) -> What:
    booking = mine.booking
    who = ", ".join(host.name for host in mine.hosts) or booking.organisation.name
    return What(
        title=booking.event_type.name if booking.event_type and booking.surface == "page" else booking.title,
        minutes=(booking.end_s - booking.start_s) // 60,
        lead=gettext("Your booking with %(who)s") % {"who": who},
        who=who,
        description=booking.description,
    )


def _choice(request: HttpRequest, token: str, mine: Mine, form: ChoiceForm) -> Asked:
    return Asked(request, _what(mine), manage.terms(mine), form, timezone=mine.timezone, without={mine.booking.start_s})


def _initial(request: HttpRequest, mine: Mine) -> dict[str, Any]:
    return {"start": request.GET.get("start"), "tz": chosen_zone(request, mine.timezone)}


def _words(token: str, mine: Mine) -> dict[str, Any]:
    """What the page of the choice says when it is for another time."""
    return {"moves": mine.booking, "token": token}


def _earlier(request: HttpRequest, mine: Mine, policy: Policy) -> int | None:
    """The start before the move that just happened, while it can be had back."""
    was = number(request.GET.get("was", ""))
    if was is None or was == mine.booking.start_s or policy.no_move:
        return None
    return was if availability.check(manage.terms(mine), was).ok else None


def _again(mine: Mine) -> str:
    """Where to book anew, if there is such a page."""
    booking = mine.booking
    request, event_type = booking.scheduler_request, booking.event_type
    if request is not None:
        open_still = request.state == request.State.OPEN and not request.is_expired
        return f"/r/{links.token('request', request.pk)}" if open_still else ""
    if event_type is None or not event_type.is_active:
        return ""
    return f"/{booking.organisation.slug}/{event_type.slug}"


def _is_over(booking: Booking) -> bool:
    return booking.end_s <= now().timestamp()
