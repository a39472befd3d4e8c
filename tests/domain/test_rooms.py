"""Virtual rooms, and where bookings of an event type take place."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import pytest

from bookings.domain import calendar, reserve, rooms
from bookings.domain.audit import SYSTEM
from bookings.domain.errors import Invalid
from bookings.domain.terms import Terms, of_event_type
from bookings.engine.zones import DAY
from bookings.formats import icalendar, jscalendar
from bookings.models import Booking, EventType, Host
from tests import factories

pytestmark = pytest.mark.django_db

NOON = (int(time.time()) // DAY + 10) * DAY + 12 * 3600
OWN = "https://video.example.org/ada"
JITSI = r"https://meet\.jit\.si/[a-z2-7]{32}"


@pytest.fixture
def host() -> Host:
    return factories.host(weekly=factories.ALWAYS)


def event_type(host: Host, place: str, detail: str = "", **more: Any) -> EventType:
    made: EventType = EventType.everywhere.create(
        organisation=host.organisation, name="Talk", slug="talk", place=place, place_detail=detail, **more
    )
    made.hosts.add(host)
    return made


def book(kind: EventType, **wish: Any) -> Booking:
    wanted = reserve.Wish("Talk", "UTC", name="Ada", email="ada@example.org", event_type=kind, **wish)
    return reserve.book(kind.organisation, of_event_type(kind), NOON, wanted, actor=SYSTEM)


# ── Rooms ──


def test_a_jitsi_room_is_the_same_for_a_key_and_another_for_every_other(host):
    key = uuid.uuid4()
    room = rooms.request("jitsi", host=host, key=key)
    assert re.fullmatch(JITSI, room["url"])
    assert (room["kind"], room["state"], room["request_id"]) == ("jitsi", "ready", str(key))
    assert rooms.request("jitsi", host=factories.host(), key=str(key)) == room
    assert len({rooms.request("jitsi", host=host, key=uuid.uuid4())["url"] for _ in range(100)}) == 100


def test_who_has_only_the_database_cannot_tell_a_room(host, settings):
    key = uuid.uuid4()
    room = rooms.request("jitsi", host=host, key=key)
    settings.LINK_KEY = "another key"
    assert rooms.request("jitsi", host=host, key=key)["url"] != room["url"]


def test_rooms_are_on_the_jitsi_server_that_was_chosen(host, settings):
    settings.JITSI_BASE_URL = "https://video.example.com/rooms/"
    assert rooms.request("jitsi", host=host, key="1")["url"].startswith("https://video.example.com/rooms/")


def test_the_hosts_own_room_is_always_the_same(host):
    host.room_url = OWN
    assert {rooms.request("link", host=host, key=str(number))["url"] for number in range(3)} == {OWN}
    host.room_url = ""
    with pytest.raises(Invalid) as refused:
        rooms.request("link", host=host, key="1")
    assert refused.value.field == "conference"


@pytest.mark.parametrize("kind", ["meet", "teams"])
def test_rooms_of_services_are_requested_once_for_a_key(host, kind):
    room = rooms.request(kind, host=host, key="1")
    assert room == {"kind": kind, "url": "", "state": "requested", "request_id": "1"}


@pytest.mark.parametrize("kind", ["", "zoom", "JITSI", "\x00"])
def test_other_rooms_are_refused(host, kind):
    with pytest.raises(Invalid) as refused:
        rooms.request(kind, host=host, key="1")
    assert refused.value.field == "conference"


# ── What event types say ──


def test_a_booking_meets_in_a_jitsi_room_of_its_own(host):
    booking = book(event_type(host, EventType.Place.JITSI))
    assert booking.event is not None
    assert re.fullmatch(JITSI, booking.location)
    assert booking.event.conference["url"] == booking.location
    data = calendar.data_of(booking.event)
    assert booking.location in icalendar.render(data, stamp=booking.created_at).replace("\r\n ", "")
    [shown] = jscalendar.to_jscalendar(data)["virtualLocations"].values()
    assert shown["uri"] == booking.location


def test_a_booking_keeps_its_room_when_it_moves_and_when_it_is_taken_back(host):
    kind = event_type(host, EventType.Place.JITSI)
    booking = book(kind)
    room = booking.location
    reserve.move(booking, of_event_type(kind), NOON + DAY, actor=SYSTEM)
    reserve.cancel(booking, by="host", actor=SYSTEM)
    again = reserve.confirm(booking, actor=SYSTEM)
    assert again.event is not None
    assert (again.location, again.event.conference["url"]) == (room, room)


def test_a_booking_meets_at_the_hosts_link_or_else_at_that_of_the_event_type(host):
    kind = event_type(host, EventType.Place.LINK, "https://video.example.org/all")
    assert book(kind).location == "https://video.example.org/all"
    Host.everywhere.filter(pk=host.pk).update(room_url=OWN)
    wanted = reserve.Wish("Talk", "UTC", event_type=kind)
    assert reserve.book(kind.organisation, of_event_type(kind), NOON + DAY, wanted, actor=SYSTEM).location == OWN


def test_a_host_without_a_link_is_booked_all_the_same(host):
    booking = book(event_type(host, EventType.Place.LINK, "we send it to you"))
    assert booking.event is not None
    assert (booking.location, booking.event.conference) == ("", {})


@pytest.mark.parametrize("place", [EventType.Place.MEET, EventType.Place.TEAMS])
def test_a_booking_asks_for_the_room_of_a_service(host, place):
    booking = book(event_type(host, place))
    assert booking.event is not None
    assert (booking.event.conference["kind"], booking.event.conference["state"]) == (place, "requested")
    assert booking.event.conference["request_id"] == str(booking.pk)
    assert booking.location == ""


@pytest.mark.parametrize("place", [EventType.Place.IN_PERSON, EventType.Place.PHONE])
def test_a_booking_takes_place_where_the_event_type_says(host, place):
    booking = book(event_type(host, place, "Hall 7"))
    assert booking.event is not None
    assert (booking.location, booking.event.location, booking.event.conference) == ("Hall 7", "Hall 7", {})


def test_what_was_wished_comes_before_what_the_event_type_says(host):
    kind = event_type(host, EventType.Place.IN_PERSON, "Hall 7")
    assert book(kind, location="At yours").location == "At yours"
    reserve.cancel(Booking.everywhere.get(), by="host", actor=SYSTEM)
    assert re.fullmatch(JITSI, book(kind, room="jitsi").location)


def test_a_booking_may_do_without_the_room_of_its_event_type(host):
    booking = book(event_type(host, EventType.Place.JITSI), location="At yours", room="")
    assert booking.event is not None
    assert (booking.location, booking.event.conference) == ("At yours", {})


def test_a_booking_that_was_only_asked_for_gets_its_room_when_it_is_confirmed(host):
    kind = event_type(host, EventType.Place.JITSI, needs_confirmation=True, pending_blocks=False)
    booking = book(kind)
    assert (booking.event, booking.location) == (None, "")
    assert re.fullmatch(JITSI, reserve.confirm(booking, actor=SYSTEM).location)
    assert re.fullmatch(JITSI, Booking.everywhere.get().location)


def test_a_booking_without_an_event_type_has_no_room(host):
    booking = factories.booking(host, start=NOON)
    assert booking.event is not None
    assert booking.event.conference == {}


def test_every_booking_has_a_room_of_its_own(host):
    kind = event_type(host, EventType.Place.JITSI)
    wanted = reserve.Wish("Talk", "UTC", event_type=kind)
    terms: Terms = of_event_type(kind)
    urls = {reserve.book(kind.organisation, terms, NOON + day * DAY, wanted, actor=SYSTEM).location for day in range(3)}
    assert len(urls) == 3
