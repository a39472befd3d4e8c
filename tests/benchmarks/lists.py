"""500 events in one list: each dialect against a DRF ModelSerializer that tells as many values of the same events."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import path
from rest_framework import generics, serializers

from bookings.domain import calendar
from bookings.domain.audit import SYSTEM
from bookings.formats.event import EventData, Person
from bookings.models import Event, Participant
from config import urls
from tests import factories
from tests.api.surfaces import SURFACES, TOMORROW, WINDOW, Place, Surface, iso, make_place
from tests.benchmarks import scratch
from tests.benchmarks.slots import median_us

EVENTS = 400
BOOKINGS = 100
STEP_S = 600


NAMES = [
    "id",
    "uid",
    "title",
    "description",
    "location",
    "start_s",
    "end_s",
    "timezone",
    "all_day",
    "status",
    "free_busy_status",
    "privacy",
    "duration",
    "start_wall",
    "sequence",
    "created_at",
    "updated_at",
    "calendar",
]
FURTHER = ("calendar.name", "calendar.account.label", "calendar.account.host.name", "calendar.account.host.email")


class PersonSerializer(serializers.ModelSerializer[Participant]):
    class Meta:
        model = Participant
        fields = ("name", "email", "role", "rsvp")


def reference(values: int) -> type[generics.ListAPIView[Event]]:
    """A list of events by the usual means, each with so many values: columns, what relations lead to, and people."""
    columns, further = NAMES[: values - 8], range(values - 8 - len(NAMES))
    more = {f"more_{number}": serializers.CharField(source=FURTHER[number % len(FURTHER)]) for number in further}

    class Meta:
        model = Event
        fields = (*columns, *more, "people")

    people = PersonSerializer(source="participants", many=True)
    serializer = type("EventSerializer", (serializers.ModelSerializer,), {"Meta": Meta, "people": people, **more})

    class EventList(generics.ListAPIView[Event]):
        serializer_class = serializer

        def get_queryset(self) -> Any:
            rows = Event.everywhere.select_related("calendar__account__host").prefetch_related("participants")
            begin, size = (int(self.request.query_params[name]) for name in ("begin", "size"))
            return rows.filter(deleted_at=None).order_by("start_s")[begin : begin + size]

    return EventList


def values_in(told: Any) -> int:
    """How many strings, numbers and flags a piece of JSON holds."""
    inside = told.values() if isinstance(told, dict) else told if isinstance(told, list) else None
    return 1 if inside is None else sum(map(values_in, inside))


def fill(place: Place) -> None:
    people = (Person("ada@example.org", "Ada"), Person("bo@example.org", "Bo"))
    for number in range(EVENTS):
        at = TOMORROW + number * STEP_S
        data = EventData(f"Event {number}", at, "UTC", 1800, description="What it is about.", people=people)
        calendar.create(place.calendar, data, actor=SYSTEM)
    for number in range(BOOKINGS):
        factories.booking(place.host, start=TOMORROW + (EVENTS + 3 + number * 3) * STEP_S, minutes=30)


def run() -> None:
    with scratch.database(), override_settings(API_CALLS_PER_MINUTE=1_000_000):
        cache.clear()
        place = make_place()
        fill(place)
        for surface in SURFACES:
            measure(surface(place))


def measure(told: Surface) -> None:
    client = Client()
    pages, values = addresses(told)

    class WithReference:
        urlpatterns: ClassVar = [path("reference", reference(values).as_view()), *urls.urlpatterns]

    def ours() -> None:
        for page in pages:
            assert client.get(page, headers=told.headers).status_code == 200

    def theirs() -> None:
        size = (EVENTS + BOOKINGS) // len(pages)
        for number in range(len(pages)):
            assert client.get(f"/reference?begin={number * size}&size={size}").status_code == 200

    with override_settings(ROOT_URLCONF=WithReference):
        us, them = median_us(ours), median_us(theirs)
    print(
        f"{EVENTS + BOOKINGS} events of {values} values in {told.name:<14}{us / 1000:6.1f} ms on {len(pages)} page(s)"
        f"   ModelSerializer {them / 1000:6.1f} ms   {them / us:4.1f}x"
    )


def addresses(told: Surface) -> tuple[list[str], int]:
    """The pages of the dialect's list, as few as it allows, that together hold every event; the values in an event."""
    place, (lo, hi) = told.place, map(iso, WINDOW)
    account, event_calendar = told.id_of("account", place.calendar.account), told.id_of("calendar", place.calendar)
    location, user = told.id_of("organisation", place.organisation), told.id_of("host", place.host)
    first = {
        "cronofy": f"/v1/events?tzid=Etc/UTC&from={lo[:10]}&to={hi[:10]}&include_managed=true",
        "timekit": f"/v2/events?start={lo}&end={hi}&limit=500",
        "morgen": f"/v3/events/list?start={lo}&end={hi}&accountId={account}&calendarIds={event_calendar}",
        "leadconnector": f"/calendars/events?startTime={WINDOW[0]}000&endTime={WINDOW[1]}000"
        f"&locationId={location}&userId={user}",
        "morph": "/v1/resources/schedulingEvent?limit=100",
    }[told.name]
    found, count, page = [first], 0, told.call("GET", first)
    while True:
        shown = page["data"]["events"] if told.name == "morgen" else page.get("events") or page["data"]
        count += len(shown)
        if not page.get("next"):
            break
        found.append(f"{first}&cursor={page['next']}")
        page = told.call("GET", found[-1])
    assert count == EVENTS + BOOKINGS, (told.name, count)
    return found, values_in(shown[0])
