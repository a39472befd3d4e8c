"""What strangers may book: the public pages of an organisation, and a booking made there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bookings.formats.event import Person
from bookings.formats.lines import clean
from bookings.models import Booking, Contact, EventType, Host, Organisation, Seat

from . import availability, limits, offers, reserve
from .audit import CUSTOMER, Actor
from .availability import Terms
from .errors import NotAllowed, NotFound
from .ledger import Wish

RESERVED = frozenset(
    {
        *"abcdefghijklmnopqrstuvwxyz0123456789",
        *("accounts", "admin", "api", "health", "favicon.ico", "robots.txt", "static", "media", "i18n", "up", "new"),
        *("rts", "v1", "v2", "v3", "embed", "docs", "schema", "help", "about", "privacy", "terms"),
        *("bookings", "requests", "calendars", "connect", "contacts", "events", "keys", "mirrors", "notify", "oauth"),
        *(
            "why",
            "week",
            "event-types",
            "availability",
            "team",
            "teams",
            "groups",
            "holidays",
            "absences",
            "webhooks",
            "search",
        ),
        *("outbox", "inbox", "bounces", "unsubscribe", "types", "hosts", "people", "audit", "reports", "day", "clear"),
        *("alerts", "reminders", "templates", "me", "share", "sync", "customers", "overview", "language", "invite"),
        *(
            "feeds",
            "feed",
            "ics",
            "sitemap.xml",
            "manifest.json",
            "sw.js",
            "settings",
            "import",
            "export",
            "mail",
            "messages",
            "profile",
            "organisation",
            "organisations",
            "lab",
        ),
        *("cronofy", "timekit", "morgen", "leadconnector", "morph", "providers", "hooks", "callbacks"),
    }
)
"""First segments of paths that no organisation's pages may have: those of pages and programs, now or soon."""

MOST_GUESTS = 10
_HOUR, _DAY = 3600, 86_400
_FROM_ONE_ADDRESS, _FOR_ONE_PERSON, _WAITING = 20, 10, 3


@dataclass(frozen=True)
class Offering:
    """An event type as its page offers it: of everybody who hosts it, or of one of them."""

    event_type: EventType
    everyone: tuple[Host, ...]
    """Who hosts it and takes bookings."""
    host: Host | None = None
    """Whose page it is."""
    usual: Terms | None = None
    """The terms of its first length for strangers, where they are known already."""

    @property
    def hosts(self) -> tuple[Host, ...]:
        return (self.host,) if self.host else self.everyone

    @property
    def is_paused(self) -> bool:
        return not self.event_type.is_active or not any(host.is_active for host in self.hosts)

    def terms(self, minutes: int, contact: Contact | None = None) -> Terms:
        """Under which rules a stranger, or a customer who is known, may choose."""
        terms = self.usual
        if terms is None or contact is not None or terms.length != minutes * 60:
            terms = availability.of_event_type(self.event_type, minutes=minutes, contact=contact)
        if self.host is None:
            return terms
        return replace(terms, hosts=(self.host,), required=1, preference=())


@dataclass(frozen=True)
class Customer:
    """Who books on a public page, as they say. `timezone` is an IANA name."""

    name: str
    email: str
    timezone: str
    phone: str = ""
    locale: str = ""
    guests: Sequence[str] = ()


def organisation(slug: str) -> Organisation:
    """:raises NotFound:"""
    found = None if slug in RESERVED else Organisation.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no such organisation.")
    return found


def host(of: Organisation, slug: str) -> Host:
    """:raises NotFound:"""
    found: Host | None = Host.objects.for_tenant(of).select_related("schedule").filter(slug=slug).first()
    if found is None:
        raise NotFound("Nobody here is called that.")
    return found


def offering(of: Organisation, type_slug: str, host_slug: str = "") -> Offering:
    """The event type with this slug, of everybody or of one host of its team. One that is not public is on no index
    and still there for whoever was given its address.

    What needs several people at once is offered on the team's page alone.

    :raises NotFound: also for somebody who does not host it.
    """
    rows = EventType.objects.for_tenant(of).select_related("group_rule", "schedule", "organisation")
    found: EventType | None = rows.filter(slug=type_slug).first()
    if found is None:
        raise NotFound("There is nothing of that name to book.")
    everyone = availability.of_event_type(found)
    if not host_slug:
        return Offering(found, everyone.hosts, usual=everyone)
    whose = host(of, host_slug)
    if everyone.required > 1 or (whose.is_active and whose not in everyone.hosts) or not _hosts(found, whose):
        raise NotFound("This is not offered by this host.")
    return Offering(found, everyone.hosts, whose, everyone)


def offered(of: Organisation, whose: Host | None = None) -> list[Offering]:
    """What is on the page of an organisation, or of one host: public, active, with somebody to host it."""
    rows = EventType.objects.for_tenant(of).filter(is_public=True, is_active=True)
    types = list(rows.select_related("group_rule", "organisation").order_by("name"))
    found = []
    for event_type, team in zip(types, offers.teams_of(types).values(), strict=True):
        everyone = tuple(member.host for member in team.members)
        needs_all = team.everybody or (event_type.group_rule is not None and event_type.group_rule.required > 1)
        if everyone and (whose is None or whose in everyone):
            alone = None if needs_all else whose or (everyone[0] if len(everyone) == 1 else None)
            found.append(Offering(event_type, everyone, alone))
    return found


def admit(of: Organisation, *, source: str, email: str) -> None:
    """Count an attempt to book by somebody unknown. `source` is where they come from, such as a network address.

    :raises NotAllowed: code "too_many", when as many came from there or for this person lately, or as many of this
        person's bookings wait to be confirmed, as honest people have no need of.
    """
    person = email.casefold()
    if (
        limits.count(f"book|{source}"[:200], _HOUR) > _FROM_ONE_ADDRESS
        or limits.count(f"book|{of.pk}|{person}"[:200], _DAY) > _FOR_ONE_PERSON
        or _waiting(of, person) >= _WAITING
    ):
        raise NotAllowed("So many bookings are not taken at once. Please try again later.", code="too_many")


def book(
    offering: Offering,
    start: int,
    *,
    minutes: int,
    customer: Customer,
    answers: dict[str, object] | None = None,
    actor: Actor = CUSTOMER,
) -> Booking | Seat | None:
    """Book a start (UTC seconds), or take a seat where there are seats; None for somebody who has a seat already, to
    whom nothing of it is told, since anybody may say to be them.

    :raises SlotTaken: with the next free starts.
    :raises Invalid: with the field's name.
    """
    event_type, of = offering.event_type, offering.event_type.organisation
    contacts = Contact.objects.for_tenant(of).filter(email__iexact=customer.email)
    known: Contact | None = contacts.order_by("created_at", "pk").first()
    terms = offering.terms(minutes, known if event_type.customer_limits else None)
    wish = Wish(
        title=_title(event_type, customer.name),
        timezone=customer.timezone,
        name=clean(customer.name)[:200],
        email=customer.email,
        phone=customer.phone,
        locale=customer.locale,
        description=event_type.description,
        answers=answers,
        guests=tuple(Person(email) for email in customer.guests[:MOST_GUESTS]),
        surface="page",
        event_type=event_type,
        group_rule=event_type.group_rule,
    )
    if terms.capacity > 1:
        had = Seat.objects.for_tenant(of).filter(contact__email__iexact=customer.email, cancelled_at=None)
        before = set(had.filter(booking__event_type=event_type, booking__start_s=start).values_list("pk", flat=True))
        seat = reserve.take_seat(of, terms, start, replace(wish, title=event_type.name, answers=None), actor=actor)
        if seat.pk in before:
            return None
        if answers:
            said = seat.booking.answers | {f"seat-{seat.number}": answers}
            reserve.describe(seat.booking, answers=said, actor=actor)
        return seat
    return reserve.book(of, terms, start, wish, actor=actor)


def _hosts(event_type: EventType, whose: Host) -> bool:
    if event_type.group_rule is not None:
        return bool(event_type.group_rule.members.filter(host=whose).exists())
    return bool(event_type.hosts.filter(pk=whose.pk).exists())


def _title(event_type: EventType, name: str) -> str:
    """What stands in the host's calendar."""
    said = clean(name).strip()[:200]
    if not event_type.title_template:
        return f"{event_type.name} · {said}"
    text = event_type.title_template.replace("{{contact.name}}", said).replace("{{calendar.name}}", event_type.name)
    return " ".join(text.split())[:1024] or event_type.name


def _waiting(of: Organisation, person: str) -> int:
    asked = (Booking.State.HELD, Booking.State.REQUESTED)
    rows = Booking.objects.for_tenant(of).filter(contact__email__iexact=person, state__in=asked, surface="page")
    return int(rows.count())
