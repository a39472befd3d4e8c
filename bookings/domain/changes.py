"""What a provider read from one calendar, before it is applied."""

from __future__ import annotations

from dataclasses import dataclass, field

from bookings.formats.event import EventData
from bookings.formats.icalendar import Problem


@dataclass(frozen=True)
class PulledObject:
    """One object of a calendar: its id there (or href), its entity tag, what it holds and what of it is unreadable."""

    remote_id: str
    etag: str
    events: list[EventData]
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Changes:
    """What was read. With `complete` everything not among `objects` is gone, else only what `removed` names.

    Where only a stretch of time was listed, [lo, hi) in UTC seconds, `within` says which: what does not lie in it whole
    may be there all the same.

    In a complete listing an object whose tag is the one we hold need not carry its events.
    """

    objects: list[PulledObject]
    removed: list[str]
    complete: bool
    token: str
    within: tuple[int, int] | None = None
