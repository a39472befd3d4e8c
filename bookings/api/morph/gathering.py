"""Everything that showing entries takes, for all of them at once: a constant number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Q, QuerySet, prefetch_related_objects

from bookings.api.morph import offers, wire
from bookings.api.morph.shown import Names, hosts_of, series_key
from bookings.domain import refs
from bookings.domain.agenda import Entry
from bookings.models import Account, Event, EventType, Host, Mirror, Organisation


def names(organisation: Organisation, entries: Sequence[Entry], expand: Collection[str] = ()) -> Names:
    """What these entries are called, with the resources that stand for refs in the fields `expand` names."""
    bookings = [entry.booking for entry in entries if entry.booking is not None]
    plain = [entry.event for entry in entries if entry.booking is None and entry.event is not None]
    series = [refs.Named(series_key(event), event.organisation_id) for event in plain]
    types = [each.event_type for each in bookings if each.event_type is not None]
    wanted = {pk for entry in entries for pk in hosts_of(entry)}
    hosts = list(Host.objects.for_tenant(organisation).filter(pk__in=wanted))
    called = refs.refs(wire.SURFACE, "host", hosts)
    offered = refs.refs(wire.SURFACE, "event_type", types)
    shown: dict[str, dict[str, Any]] = {}
    if {"organizer", "attendees"} & set(expand):
        shown |= {called[host.pk]: offers.user(host, called[host.pk]) for host in hosts}
    if "eventType" in expand:
        shown |= {each["id"]: each for each in event_types(types)}
    return Names(
        bookings=refs.refs(wire.SURFACE, "booking", bookings),
        events=refs.refs(wire.SURFACE, "event", series),
        event_types=offered,
        hosts=called,
        kept=refs.kept(wire.SURFACE, "booking", bookings) | refs.kept(wire.SURFACE, "event", series),
        remote=_remote([entry.event for entry in entries if entry.event is not None]),
        shown=shown,
    )


def offered_by(host: Host) -> QuerySet[EventType]:
    """The event types that can be booked with a host, in order."""
    own = EventType.objects.for_tenant(host.organisation_id)
    return own.filter(Q(hosts=host) | Q(group_rule__hosts=host)).distinct().order_by("name", "pk")


def event_types(types: Sequence[EventType], owner: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """These event types as resources, with their questions."""
    prefetch_related_objects(types, "questions")
    called = refs.refs(wire.SURFACE, "event_type", types)
    return [offers.event_type(each, called[each.pk], each.questions.all(), owner) for each in types]


def _remote(events: Sequence[Event]) -> dict[uuid.UUID, str]:
    """What the calendars call these events, by the id of the series: on this server that is the uid."""
    elsewhere = [each for each in events if each.calendar.account.provider != Account.Provider.LOCAL]
    mirrors = Mirror.everywhere.filter(event_id__in={series_key(each) for each in elsewhere}).exclude(remote_id="")
    written = {(event, calendar): remote for event, calendar, remote in _rows(mirrors)} if elsewhere else {}
    found = {series_key(each): each.uid for each in events}
    for each in elsewhere:
        found[series_key(each)] = written.get((series_key(each), each.calendar_id), "") or each.remote_id
    return found


def _rows(mirrors: QuerySet[Mirror]) -> QuerySet[Any, Any]:
    return mirrors.values_list("event_id", "calendar_id", "remote_id")
