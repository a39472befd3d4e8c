"""From the id of a request to the entry of the agenda it names."""

from __future__ import annotations

from bookings.api.base import Refusal
from bookings.api.morph import wire
from bookings.api.morph.shown import hosts_of
from bookings.domain import agenda, refs, series
from bookings.domain.agenda import Entry
from bookings.domain.errors import NotFound
from bookings.domain.event_rows import first_bounds, home_zone
from bookings.models import Host, Organisation


def entry(organisation: Organisation, host: Host, resource_id: str) -> Entry:
    """The commitment of this host with that id; raises Refusal 404 for everything else, whatever the reason."""
    try:
        found = _any(organisation, resource_id)
        if host.pk in hosts_of(found) or _made_through(found, host):
            return found
    except NotFound:
        pass
    raise Refusal(404, wire.NO_RESOURCE, f"There is no {wire.EVENT} {resource_id[:100]!r} in this connection.")


def _made_through(found: Entry, host: Host) -> bool:
    """Whether it was booked through this host's connection, though a colleague stands in for them."""
    kept = refs.kept(wire.SURFACE, "booking", [found.thing])[found.key] if found.booking else {}
    return kept.get("owner") == str(host.pk)


def _any(organisation: Organisation, resource_id: str) -> Entry:
    base, wall = wire.split_id(resource_id)
    asked = {resource_id, base}
    booking = refs.resolve(organisation, wire.SURFACE, "booking", resource_id)
    if booking is not None:
        return agenda.find(organisation, booking)
    events = refs.resolve_all(organisation, wire.SURFACE, "event", asked)
    if resource_id in events:
        return agenda.find(organisation, events[resource_id])
    if base not in events or wall is None:
        raise NotFound("There is no such event.")
    return occurrence(agenda.find(organisation, events[base]), wall)


def occurrence(found: Entry, wall: int) -> Entry:
    """One occurrence of a series: as it was changed, or as the series makes it. Raises NotFound."""
    event = found.event
    if event is None or found.booking is not None:
        raise NotFound("There is no such occurrence.")
    said = series.occurrence(event, wall)
    rows = event.overrides.filter(recurrence_wall=wall, deleted_at=None)
    changed = rows.select_related("calendar__account__host", "master").prefetch_related("participants").first()
    if changed is not None:
        return Entry(changed, None, changed.start_s, changed.end_s, wall)
    start_s, end_s = first_bounds(said, home_zone(event.calendar, event.calendar.account.host))
    return Entry(event, None, start_s, end_s, wall)
