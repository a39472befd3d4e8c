"""What we write, we read back unchanged."""

from __future__ import annotations

from datetime import UTC, datetime

import icalendar as third_party
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine.zones import DAY, wall, zone
from bookings.formats.event import EventData, Person, fingerprint
from bookings.formats.icalendar import parse, render

STAMP = datetime(2027, 1, 1, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
FIRST, LAST = wall(1995, 1, 1), wall(2045, 1, 1)

pieces = [
    "\\N",
    "\\n",
    "\\",
    ";",
    ",",
    '"',
    "^n",
    "%2C",
    "😀",
    "עברית",
    "ﷺ",
    "  x",
    "\n",
    "\t",
    "é",
    "BEGIN:VEVENT",
    "'",
]
text = st.lists(
    st.sampled_from(pieces) | st.text(st.characters(exclude_categories=["C"]), max_size=20), max_size=12
).map("".join)
line = text.map(lambda value: " ".join(value.split()))
name = line.map(lambda value: value.strip('"').strip()[:100].strip())
email = st.from_regex(r"[a-z0-9.]{1,20}@[a-z]{1,10}\.org", fullmatch=True)
person = st.builds(
    Person,
    email=email,
    name=name,
    role=st.sampled_from(["host", "attendee"]),
    rsvp=st.sampled_from(["needs-action", "accepted", "declined", "tentative"]),
    comment=name,
)
owner = st.builds(
    Person, email=email, name=name, role=st.just("owner"), rsvp=st.sampled_from(["needs-action", "accepted"])
)
people = st.tuples(st.lists(owner, max_size=1), st.lists(person, max_size=4, unique_by=lambda one: one.email)).map(
    lambda both: (*both[0], *(one for one in both[1] if not both[0] or one.email != both[0][0].email))
)
alerts = st.dictionaries(
    st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
    st.sampled_from(["-PT15M", "-PT24H", "PT0S", "PT1H30M"]).map(
        lambda offset: {
            "@type": "Alert",
            "trigger": {"@type": "OffsetTrigger", "offset": offset, "relativeTo": "start"},
            "action": "display",
        }
    ),
    max_size=3,
)
rules = st.sampled_from(
    [
        (),
        ("FREQ=WEEKLY;BYDAY=MO,WE",),
        ("FREQ=DAILY;COUNT=5",),
        ("FREQ=MONTHLY;BYDAY=-1FR",),
        ("FREQ=YEARLY", "FREQ=DAILY;INTERVAL=9"),
    ]
)


def is_plain(event: EventData) -> bool:
    """Every program reads its wall times alike: none is missing or repeated."""
    clock = zone(event.timezone)
    start = clock.to_utc(event.start_wall)
    walls = [event.start_wall, clock.to_wall(start + event.duration)]
    return event.all_day or not any(clock.is_gap(at) or clock.is_overlap(at) for at in walls)


@st.composite
def events(draw: st.DrawFn) -> EventData:
    kind = draw(st.sampled_from(["zoned", "floating", "all-day"]))
    start = draw(st.integers(FIRST, LAST))
    length = draw(st.integers(0, 40 * DAY))
    whole = kind == "all-day"
    start, length = (start // DAY * DAY, max(length // DAY, 1) * DAY) if whole else (start, length)
    recurring = draw(rules)
    dates = (
        st.lists(st.integers(0, 60).map(lambda days: start + days * DAY), max_size=3, unique=True)
        .map(sorted)
        .map(tuple)
    )
    status = draw(st.sampled_from(["confirmed", "tentative", "cancelled"]))
    # A tentative event is tentatively busy at most: iCalendar says both with one word.
    busy = ["tentative", "free", "away"] + ["busy"] * (status != "tentative")
    url = draw(st.sampled_from(["", "https://meet.example.org/a,b;c?d=e"]))
    return EventData(
        title=draw(line),
        start_wall=start,
        timezone=draw(st.sampled_from(ZONES)),
        duration=length,
        uid=draw(st.from_regex(r"[A-Za-z0-9@._,;\\-]{1,60}", fullmatch=True)),
        all_day=whole,
        floating=kind == "floating",
        description=draw(text),
        location=draw(line),
        conference={"kind": "link", "url": url} if url else {},
        status=status,
        free_busy_status=draw(st.sampled_from(busy)),
        privacy=draw(st.sampled_from(["public", "private", "secret"])),
        recurrence_rules=recurring,
        recurrence_dates=draw(dates),
        excluded_dates=draw(dates),
        people=draw(people),
        alerts=draw(alerts),
        colour=draw(st.sampled_from(["", "#ffa07a", "turquoise"])),
        sequence=draw(st.integers(0, 99)),
    )


@settings(max_examples=300, deadline=None)
@given(events().filter(is_plain))
def test_reading_what_was_written_gives_the_same_event(event: EventData):
    written = render(event, stamp=STAMP)
    parsed = parse(written, default_timezone=event.timezone)
    assert parsed.problems == []
    assert parsed.events == [event]
    assert fingerprint(parsed.events[0]) == fingerprint(event)


@settings(max_examples=100, deadline=None)
@given(events())
def test_every_line_is_short_ends_in_crlf_and_another_library_reads_it(event: EventData):
    written = render(event, stamp=STAMP).encode()
    lines = written.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(each) <= 75 and b"\n" not in each and b"\r" not in each for each in lines)
    read = third_party.Calendar.from_ical(written)
    (found,) = read.events
    assert str(found["UID"]) == event.uid
    assert found.errors == []
