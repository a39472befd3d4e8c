"""The pages on which anybody may book: of an organisation, of one of its hosts, and of an event type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import Resolver404
from django.utils.timezone import now
from django.utils.translation import get_language, gettext, ngettext
from django.views.decorators.csrf import csrf_exempt

from bookings import addresses
from bookings.domain import links, public
from bookings.domain.errors import Invalid, NotAllowed, NotFound, SlotTaken
from bookings.domain.public import Customer, Offering
from bookings.models import Booking, EventType, Organisation, Seat
from bookings.pages.customer.choosing import Asked, What, chosen_zone, common, kept
from bookings.pages.customer.forms import PublicForm, new_ticket
from bookings.pages.customer.reading import customer_page, framed_by, is_framed

_KEPT_S = 86_400

Page = Callable[..., HttpResponse]


def public_page(*methods: str) -> Callable[[Page], Page]:
    """A page of an organisation: its first argument becomes the organisation, which says who may frame it. What does
    not exist is nobody's path, as if this page were not there: programs are answered in their own shape then.

    No session is asked and no cookie needed: the form carries its own ticket.
    """

    def decorated(view: Page) -> Page:
        @csrf_exempt
        @wraps(view)
        @customer_page(secret=False)
        def page(request: HttpRequest, organisation: str, **names: str) -> HttpResponse:
            try:
                found = public.organisation(organisation)
                if request.method not in methods:
                    return HttpResponseNotAllowed(methods)
                response = view(request, found, **names)
            except NotFound:
                raise Resolver404({"path": request.path_info.lstrip("/"), "tried": []}) from None
            return framed_by(response, found.frame_origins)

        return page

    return decorated


@public_page("GET", "HEAD")
def organisation_index(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """What can be booked at an organisation."""
    return _index(request, organisation, organisation.name, public.offered(organisation))


@public_page("GET", "HEAD", "POST")
def type_or_host(request: HttpRequest, organisation: Organisation, name: str) -> HttpResponse:
    """An event type of a team; or what can be booked with one host."""
    try:
        return _offering(request, public.offering(organisation, name))
    except NotFound:
        host = public.host(organisation, name)
    if request.method == "POST":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not host.is_active:
        context = common(request) | {"who": host.name, "write_to": "", "elsewhere": _path(request, organisation.slug)}
        return render(request, "customer/paused.html", context)
    return _index(request, organisation, host.name, public.offered(organisation, host))


@public_page("GET", "HEAD", "POST")
def hosts_type(request: HttpRequest, organisation: Organisation, host: str, name: str) -> HttpResponse:
    """An event type with one of its hosts."""
    return _offering(request, public.offering(organisation, name, host))


def _index(request: HttpRequest, organisation: Organisation, who: str, found: Sequence[Offering]) -> HttpResponse:
    people = {host.pk: host for each in found for host in each.everyone if who == organisation.name}
    context = common(request) | {
        "organisation": organisation,
        "who": who,
        "initials": "".join(word[0] for word in who.split()[:2]).upper(),
        "offered": [(each, _path_of(request, each)) for each in found],
        "people": [
            (host, _path(request, organisation.slug, host.slug))
            for host in sorted(people.values(), key=lambda host: host.name)
        ]
        if len(people) > 1
        else [],
        "canonical": links.public_url(request.path.strip("/")),
    }
    return render(request, "customer/index.html", context)


def _offering(request: HttpRequest, offering: Offering) -> HttpResponse:
    if offering.is_paused:
        elsewhere = _path(request, offering.event_type.organisation.slug)
        context = common(request) | {"who": _who(offering), "what": _what(offering, 0), "elsewhere": elsewhere}
        return render(request, "customer/paused.html", context)
    minutes = _minutes(request, offering.event_type)
    if request.method == "POST":
        return _book(request, offering, minutes)
    initial = {
        "start": request.GET.get("start"),
        "tz": chosen_zone(request, _zone(offering)),
        "ticket": new_ticket(),
        "name": request.GET.get("name", "")[:200],
        "email": request.GET.get("email", "")[:254],
    }
    form = _form(offering, initial=initial)
    response = _asked(request, offering, minutes, form).show(**_beside(request, offering, minutes))
    if not offering.event_type.is_public:
        response["X-Robots-Tag"] = "noindex"
    return response


def _book(request: HttpRequest, offering: Offering, minutes: int) -> HttpResponse:
    form = _form(offering, data=request.POST)
    asked, beside = _asked(request, offering, minutes, form), _beside(request, offering, minutes)
    if (nonce := form.nonce) and (made := cache.get(f"booked|{nonce}")):
        return redirect(made)  # the same form sent twice
    if not form.is_valid() or form.is_spam:
        return _refused(asked, form, 422, beside)
    if not nonce:
        form.add_error(None, gettext("This page was open for too long. Please send it once more."))
        return _refused(asked, form, 422, beside)
    given = form.cleaned_data
    customer = Customer(
        name=given["name"],
        email=given["email"],
        timezone=given["tz"],
        phone=given.get("phone", ""),
        locale=get_language() or "",
        guests=given.get("guests", ()),
    )
    try:
        public.admit(offering.event_type.organisation, source=addresses.source(request), email=customer.email)
        made = public.book(offering, given["start"], minutes=minutes, customer=customer, answers=form.answers)
    except SlotTaken as refusal:
        if sent := cache.get(f"booked|{nonce}"):
            return redirect(sent)
        return asked.show(posted=True, refusal=refusal, status=409, **beside)
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _refused(asked, form, 422, beside)
    except NotAllowed as error:
        form.add_error(None, gettext("So many bookings are not taken at once. Please try again later."))
        return _refused(asked, form, 429 if error.code == "too_many" else 422, beside)
    return _done(request, offering, made, nonce)


def _done(request: HttpRequest, offering: Offering, made: Booking | Seat | None, nonce: str) -> HttpResponse:
    """On to the page of what was booked. It is noted under the form's ticket, for a second press of the button."""
    if made is None:
        return render(request, "customer/seated.html", common(request) | {"what": _what(offering, 0)})
    purpose = "seat" if isinstance(made, Seat) else "booking"
    where = f"/m/{links.token(purpose, made.pk)}" + ("?embed=1" if is_framed(request) else "")
    cache.set(f"booked|{nonce}", where, _KEPT_S)
    return redirect(where)


def _refused(asked: Asked, form: PublicForm, status: int, beside: dict[str, Any]) -> HttpResponse:
    """The form again with everything typed, and a fresh ticket where the old one is of no use."""
    if not form.nonce:
        form.renew()
    return asked.show(posted=True, status=status, **beside)


def _form(offering: Offering, **given: Any) -> PublicForm:
    event_type = offering.event_type
    return PublicForm(given.pop("data", None), event_type=event_type, questions=event_type.questions.all(), **given)


def _asked(request: HttpRequest, offering: Offering, minutes: int, form: PublicForm) -> Asked:
    keep = {"length": str(minutes)} if minutes != offering.event_type.durations[0] else {}
    notes = _seats_left(offering.event_type) if offering.event_type.capacity > 1 else {}
    zone = _zone(offering)
    return Asked(request, _what(offering, minutes), offering.terms(minutes), form, keep, timezone=zone, notes=notes)


def _beside(request: HttpRequest, offering: Offering, minutes: int) -> dict[str, Any]:
    """What a public page shows besides the choice."""
    event_type = offering.event_type
    lengths = event_type.durations if len(event_type.durations) > 1 else []
    return {
        "public": True,
        "lengths": [(each, each == minutes) for each in lengths],
        "asks_first": event_type.needs_confirmation,
        "capacity": event_type.capacity if event_type.capacity > 1 else 0,
        "canonical": links.public_url(request.path.strip("/")),
        "elsewhere": _path(request, event_type.organisation.slug),
        "organisation": event_type.organisation,
    }


def _seats_left(event_type: EventType) -> dict[int, str]:
    """{start of a session to come: how many of its seats are left, in words}."""
    rows = Booking.objects.for_tenant(event_type.organisation_id).filter(
        event_type=event_type, state__in=Booking.LIVE, start_s__gt=now().timestamp()
    )
    left = {start: event_type.capacity - taken for start, taken in rows.values_list("start_s", "seats_taken")}
    words = {start: ngettext("%(seats)d seat left", "%(seats)d seats left", seats) for start, seats in left.items()}
    return {start: words[start] % {"seats": seats} for start, seats in left.items()}


def _what(offering: Offering, minutes: int) -> What:
    event_type = offering.event_type
    return What(
        title=event_type.name,
        minutes=minutes,
        lead=_who(offering),
        who=_who(offering),
        place=_place(event_type),
        description=event_type.description,
    )


def _who(offering: Offering) -> str:
    if offering.host is not None:
        return offering.host.name
    if len(offering.everyone) == 1:
        return offering.everyone[0].name
    return offering.event_type.organisation.name


def _zone(offering: Offering) -> str:
    """The zone of who will be there; the organisation's while that is open."""
    hosts = offering.hosts
    return hosts[0].timezone if len(hosts) == 1 else offering.event_type.organisation.timezone


def _place(event_type: EventType) -> str:
    """Where it will be, without telling a room's address to everybody."""
    places = EventType.Place
    words = {
        places.IN_PERSON: event_type.place_detail or gettext("In person"),
        places.PHONE: event_type.place_detail or gettext("We call you"),
        places.LINK: gettext("Video call"),
        places.JITSI: gettext("Video call"),
        places.MEET: "Google Meet",
        places.TEAMS: "Microsoft Teams",
    }
    return words.get(places(event_type.place), "")


def _minutes(request: HttpRequest, event_type: EventType) -> int:
    asked = request.GET.get("length", "")
    known = {str(minutes): int(minutes) for minutes in event_type.durations}
    return known.get(asked, int(event_type.durations[0]))


def _path_of(request: HttpRequest, offering: Offering) -> str:
    event_type = offering.event_type
    names = (offering.host.slug, event_type.slug) if offering.host else (event_type.slug,)
    return _path(request, event_type.organisation.slug, *names)


def _path(request: HttpRequest, *names: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in kept(request).items())
    return "/" + "/".join(names) + (f"?{query}" if query else "")
