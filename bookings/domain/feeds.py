"""Private feeds: a host's bookings for any calendar program, at an address that can be taken back."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.timezone import now

from bookings.engine.zones import DAY
from bookings.formats.icalendar import render
from bookings.models import Booking, Feed, Host

from . import links
from .audit import Actor, record
from .errors import NotFound
from .event_rows import data_of

PAST_S, AHEAD_S = 90 * DAY, 400 * DAY
_MOST = 2_000


@dataclass(frozen=True)
class State:
    """What a feed says, in short: it changes when the feed does. `changed_at` is None for an empty one."""

    etag: str
    changed_at: datetime | None


@transaction.atomic
def make(host: Host, *, actor: Actor) -> Feed:
    """Another address for a host's bookings."""
    key = uuid.uuid4()
    digest = links.digest(links.token("feed", key))
    made: Feed = Feed.everywhere.create(pk=key, organisation_id=host.organisation_id, host=host, token_digest=digest)
    record(actor, "feed.made", made, after={"host": host.name})
    return made


@transaction.atomic
def end(feed: Feed, *, actor: Actor) -> None:
    """The address does not work any more."""
    record(actor, "feed.ended", feed, before={"host": str(feed.host_id)})
    feed.delete()


def url(feed: Feed) -> str:
    """The address to subscribe to."""
    return f"{settings.BASE_URL}/f/{links.token('feed', feed.pk)}.ics"


def find(token: str) -> Feed:
    """The feed behind an address.

    :raises NotFound: for unknown and ended ones alike.
    """
    found: Feed | None = Feed.everywhere.select_related("host").filter(token_digest=links.digest(token)).first()
    if found is None or not found.host.is_active:
        raise NotFound("There is no such feed.")
    return found


def state(feed: Feed) -> State:
    """One query, however long the feed is."""
    told = _bookings(feed).aggregate(count=Count("pk"), at=Max("event__updated_at"), revisions=Sum("event__revision"))
    text = f"{feed.pk}|{told['count']}|{told['at']}|{told['revisions']}"
    return State(f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"', told["at"])


def text(feed: Feed) -> str:
    """iCalendar text of the bookings from three months ago on; two queries."""
    rows = _bookings(feed).select_related("event").prefetch_related("event__participants")
    events = [data_of(booking.event) for booking in rows.order_by("start_s")[:_MOST] if booking.event is not None]
    return render(events, stamp=state(feed).changed_at or now(), method="PUBLISH", client_invites=False)


def _bookings(feed: Feed) -> QuerySet[Booking]:
    moment = int(now().timestamp())
    shown = Q(state__in=(*Booking.LIVE, Booking.State.COMPLETED, Booking.State.NO_SHOW), event__deleted_at=None)
    rows: QuerySet[Booking] = Booking.everywhere.filter(
        shown, organisation_id=feed.organisation_id, start_s__gt=moment - PAST_S, start_s__lt=moment + AHEAD_S
    )
    mine = feed.host.claims.filter(state="booked").values("booking_id")
    return rows.filter(pk__in=mine)
