"""Reading whatever calendars send, and writing what every program understands."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine.zones import DAY, wall, zone
from bookings.formats.event import DECLINED, EventData, Person, fingerprint
from bookings.formats.icalendar import Malformed, kept_property, parse, render

HOSTILE = json.loads((Path(__file__).parents[1] / "oracles" / "hostile.json").read_text())
STAMP = datetime(2027, 1, 1, tzinfo=UTC)


def file(*lines: str, outside: str = "") -> str:
    body = "\r\n".join(lines)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{outside}BEGIN:VEVENT\r\n{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def one(*lines: str, default: str = "Europe/Berlin", owners: tuple[str, ...] = (), outside: str = "") -> EventData:
    parsed = parse(file(*lines, outside=outside), default_timezone=default, owner_emails=owners)
    assert parsed.problems == []
    (event,) = parsed.events
    return event


def start_of(event: EventData) -> str:
    instant = zone(event.timezone).to_utc(event.start_wall)
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%MZ")


# ── Times and zones ──


@pytest.mark.parametrize(
    ("written", "instant", "timezone"),
    [
        ("DTSTART:20270701T090000Z", "2027-07-01T09:00Z", "UTC"),
        ("DTSTART;TZID=America/New_York:20270701T090000", "2027-07-01T13:00Z", "America/New_York"),
        ("DTSTART;TZID=W. Europe Standard Time:20270701T090000", "2027-07-01T07:00Z", "Europe/Berlin"),
        ('DTSTART;TZID="Eastern Standard Time":20270701T090000', "2027-07-01T13:00Z", "America/New_York"),
        ("DTSTART;TZID=/mozilla.org/20070129_1/Asia/Kolkata:20270701T090000", "2027-07-01T03:30Z", "Asia/Kolkata"),
        ("DTSTART;TZID=europe/paris:20270701T090000", "2027-07-01T07:00Z", "Europe/Paris"),
        ("DTSTART:20270701T090000", "2027-07-01T07:00Z", "Europe/Berlin"),
        ("DTSTART;TZID=../../etc/passwd:20270701T090000", "2027-07-01T07:00Z", "Europe/Berlin"),
        (f"DTSTART;TZID={'x' * 10_000}:20270701T090000", "2027-07-01T07:00Z", "Europe/Berlin"),
        ("dtstart;tzid=Asia/Tokyo:20270701t090000", "2027-07-01T00:00Z", "Asia/Tokyo"),
        ("DTSTART;TZID=tzone://Microsoft/Utc:20270701T090000", "2027-07-01T09:00Z", "UTC"),
        (
            'DTSTART;TZID="(UTC-08:00) Pacific Time (US & Canada)":20270701T090000',
            "2027-07-01T16:00Z",
            "America/Los_Angeles",
        ),
        (
            'DTSTART;TZID="(UTC+08:00) Beijing, Hong Kong, Urumqi":20270701T090000',
            "2027-07-01T01:00Z",
            "Asia/Hong_Kong",
        ),
        ('DTSTART;TZID="(UTC+01:00) Irgendwo in Mitteleuropa":20270701T090000', "2027-07-01T07:00Z", "Europe/Berlin"),
        ('DTSTART;TZID="(UTC+08:00) Berlin":20270701T090000', "2027-07-01T01:00Z", "Etc/GMT-8"),
        ("DTSTART;TZID=UTC+5:20270701T090000", "2027-07-01T04:00Z", "Etc/GMT-5"),
        ("DTSTART;TZID=+0530:20270701T090000", "2027-07-01T03:30Z", "Asia/Kolkata"),
    ],
)
def test_a_start_means_the_instant_its_writer_meant(written, instant, timezone):
    event = one("UID:a", written)
    assert (start_of(event), event.timezone) == (instant, timezone)


def test_floating_times_say_so_and_follow_the_calendars_own_zone():
    event = one("UID:a", "DTSTART:20270701T090000", outside="X-WR-TIMEZONE:Asia/Tokyo\r\n")
    assert (event.floating, event.timezone) == (True, "Asia/Tokyo")


VTIMEZONE = """BEGIN:VTIMEZONE\r
TZID:Customized Time Zone\r
BEGIN:STANDARD\r
DTSTART:16010101T030000\r
TZOFFSETFROM:{summer}\r
TZOFFSETTO:{winter}\r
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r
END:STANDARD\r
BEGIN:DAYLIGHT\r
DTSTART:16010101T020000\r
TZOFFSETFROM:{winter}\r
TZOFFSETTO:{summer}\r
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r
END:DAYLIGHT\r
END:VTIMEZONE\r
"""


def test_an_unknown_zone_is_recognised_by_how_it_behaves():
    outside = VTIMEZONE.format(winter="+0200", summer="+0300")
    event = one("UID:a", "DTSTART;TZID=Customized Time Zone:20270701T090000", default="America/Lima", outside=outside)
    assert start_of(event) == "2027-07-01T06:00Z"
    assert zone(event.timezone).offset(wall(2027, 1, 1)) == 2 * 3600


def test_a_known_name_is_believed_more_than_the_rules_beside_it():
    outside = VTIMEZONE.format(winter="+0900", summer="+0900").replace("Customized Time Zone", "Europe/Berlin")
    assert start_of(one("UID:a", "DTSTART;TZID=Europe/Berlin:20270701T090000", outside=outside)) == "2027-07-01T07:00Z"


def test_a_zone_like_no_other_keeps_its_offset():
    outside = VTIMEZONE.format(winter="-0100", summer="-0100")
    event = one("UID:a", "DTSTART;TZID=Customized Time Zone:20270701T090000", outside=outside)
    assert start_of(event) == "2027-07-01T10:00Z"


@pytest.mark.parametrize(
    ("lines", "duration", "all_day"),
    [
        (["DTSTART;VALUE=DATE:20270701"], DAY, True),
        (["DTSTART:20270701"], DAY, True),
        (["DTSTART;VALUE=DATE:20270701", "DTEND;VALUE=DATE:20270701"], DAY, True),
        (["DTSTART;VALUE=DATE:20270701", "DTEND;VALUE=DATE:20270704"], 3 * DAY, True),
        (["DTSTART;VALUE=DATE:20270701", "DURATION:P2D"], 2 * DAY, True),
        (["DTSTART:20270701T090000Z"], 0, False),
        (["DTSTART:20270701T090000Z", "DTEND:20270701T090000Z"], 0, False),
        (["DTSTART:20270701T090000Z", "DURATION:PT90M"], 5400, False),
        (["DTSTART:20270701T090000Z", "DTEND;TZID=Europe/Berlin:20270701T120000"], 3600, False),
        (["DTSTART;TZID=Europe/Berlin:20270327T120000", "DURATION:P1D"], 23 * 3600, False),
        (["DTSTART;TZID=Europe/Berlin:20270328T013000", "DTEND;TZID=Europe/Berlin:20270328T033000"], 3600, False),
    ],
)
def test_how_long_an_event_lasts(lines, duration, all_day):
    event = one("UID:a", *lines)
    assert (event.duration, event.all_day) == (duration, all_day)


def test_dates_of_a_series_are_read_in_the_zone_of_its_start():
    event = one(
        "UID:a",
        "DTSTART;TZID=Europe/Berlin:20270301T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=9",
        "EXDATE:20270302T080000Z",
        "EXDATE;VALUE=DATE:20270304",
        "RDATE;TZID=America/New_York:20270320T060000,20270321T060000",
        "RDATE;VALUE=PERIOD:20270325T080000Z/PT1H",
    )
    assert event.excluded_dates == (wall(2027, 3, 2, 9), wall(2027, 3, 4, 9))
    assert event.recurrence_dates == (wall(2027, 3, 20, 11), wall(2027, 3, 21, 11), wall(2027, 3, 25, 9))


def test_a_changed_occurrence_is_named_as_its_masters_clock_shows_it():
    parsed = parse(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20270308T080000Z\nDTSTART:20270309T100000Z\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20270301T090000\nRRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR",
        default_timezone="UTC",
    )
    master, changed = parsed.events
    assert (master.recurrence_wall, changed.recurrence_wall) == (None, wall(2027, 3, 8, 9))


def test_a_changed_occurrence_without_its_master_stands_alone():
    event = one("UID:a", "RECURRENCE-ID:20270308T080000Z", "DTSTART:20270309T100000Z", "DURATION:PT1H")
    assert (event.recurrence_wall, start_of(event)) == (wall(2027, 3, 8, 8), "2027-03-09T10:00Z")


def series_changed_from(number: int, *, rule: str, reach: str = "THISANDFUTURE", **more: str) -> list[str]:
    """A daily or hourly series from 1 March 2027 09:00 UTC, of which a day is moved by an hour, with what follows."""
    return [
        "BEGIN:VCALENDAR",
        *("BEGIN:VEVENT", "UID:a", "DTSTART:20270301T090000Z", "DURATION:PT15M", f"RRULE:{rule}", "END:VEVENT"),
        *("BEGIN:VEVENT", "UID:a", f"RECURRENCE-ID;RANGE={reach}:202703{number:02d}T090000Z"),
        *(
            f"DTSTART:202703{number:02d}T100000Z",
            "DURATION:PT30M",
            *(f"{k}:{v}" for k, v in more.items()),
            "END:VEVENT",
        ),
    ]


def test_a_change_of_all_following_occurrences_becomes_a_change_of_each():
    lines = series_changed_from(3, rule="FREQ=DAILY;COUNT=5", STATUS="TENTATIVE")
    single = ["BEGIN:VEVENT", "UID:a", "RECURRENCE-ID:20270304T090000Z", "DTSTART:20270304T180000Z", "END:VEVENT"]
    parsed = parse("\r\n".join([*lines, *single, "END:VCALENDAR"]), default_timezone="UTC")
    _, *changed = parsed.events
    assert {(each.recurrence_wall, each.start_wall, each.duration, each.status) for each in changed} == {
        (wall(2027, 3, 3, 9), wall(2027, 3, 3, 10), 1800, "tentative"),
        (wall(2027, 3, 4, 9), wall(2027, 3, 4, 18), 0, "confirmed"),
        (wall(2027, 3, 5, 9), wall(2027, 3, 5, 10), 1800, "tentative"),
    }
    assert parsed.problems == []


@pytest.mark.parametrize(("rule", "kept"), [("FREQ=DAILY", 1_000), ("FREQ=MINUTELY", 1)])
def test_a_change_of_more_occurrences_than_can_be_kept_is_reported(rule, kept):
    parsed = parse("\r\n".join([*series_changed_from(3, rule=rule), "END:VCALENDAR"]), default_timezone="UTC")
    assert len([event for event in parsed.events if event.recurrence_wall is not None]) == kept
    assert [problem.uid for problem in parsed.problems] == ["a"]


def test_what_apple_writes_about_its_calendar_scale_is_dropped():
    event = one("UID:a", "DTSTART:20270301T090000Z", "RRULE:RSCALE=GREGORIAN;FREQ=WEEKLY;SKIP=OMIT")
    assert event.recurrence_rules == ("FREQ=WEEKLY",)


# ── Busy states ──


@pytest.mark.parametrize(
    ("lines", "busy"),
    [
        ([], "busy"),
        (["TRANSP:OPAQUE"], "busy"),
        (["TRANSP:TRANSPARENT"], "free"),
        (["TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:BUSY"], "free"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE"], "free"),
        (["TRANSP:OPAQUE", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"], "busy"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"], "tentative"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:OOF"], "away"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"], "busy"),
        (["STATUS:TENTATIVE"], "tentative"),
        (["STATUS:TENTATIVE", "TRANSP:TRANSPARENT"], "free"),
        (["STATUS:CONFIRMED"], "busy"),
        (["ATTENDEE;PARTSTAT=TENTATIVE:mailto:Me@example.org"], "tentative"),
        (["ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:me@example.org"], "busy"),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:somebody@example.org"], "busy"),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:ME@example.org"], "free"),
    ],
)
def test_every_marking_means_one_of_four_busy_states(lines, busy):
    event = one("UID:a", "DTSTART:20270301T090000Z", *lines, owners=("me@example.org",))
    assert event.free_busy_status == busy
    assert bool(event.raw.get(DECLINED)) is any("DECLINED:mailto:ME@" in line for line in lines)


def test_cancelled_private_and_confidential():
    event = one("UID:a", "DTSTART:20270301T090000Z", "STATUS:CANCELLED", "CLASS:CONFIDENTIAL")
    assert (event.status, event.privacy) == ("cancelled", "secret")
    assert one("UID:a", "DTSTART:20270301T090000Z", "CLASS:PRIVATE").privacy == "private"


def test_published_busy_times_become_events_without_words():
    text = (
        "BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nUID:f\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20270103T010000Z/20270103T020000Z\n"
        "FREEBUSY:20270103T030000Z/PT1H,20270103T050000Z/20270103T060000Z\nEND:VFREEBUSY\nEND:VCALENDAR"
    )
    events = parse(text, default_timezone="Europe/Berlin").events
    assert [(start_of(e), e.duration, e.free_busy_status) for e in events] == [
        ("2027-01-03T01:00Z", 3600, "tentative"),
        ("2027-01-03T03:00Z", 3600, "busy"),
        ("2027-01-03T05:00Z", 3600, "busy"),
    ]
    assert len({event.uid for event in events}) == 3


# ── People, alarms, rooms ──


def test_people_are_read_with_roles_and_answers():
    event = one(
        "UID:a",
        "DTSTART:20270301T090000Z",
        "ORGANIZER;CN=Ada:mailto:ada@example.org",
        "ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:ADA@example.org",
        'ATTENDEE;CN="Grace, ^\'G^\'";PARTSTAT=TENTATIVE;X-RESPONSE-COMMENT="late^nsorry":mailto:grace@example.org',
        "ATTENDEE;ROLE=CHAIR;EMAIL=room@example.org:urn:uuid:1",
    )
    assert event.people == (
        Person("ada@example.org", "Ada", "owner", "accepted"),
        Person("grace@example.org", 'Grace, "G"', "attendee", "tentative", comment="late\nsorry"),
        Person("room@example.org", "", "host"),
    )


def test_alarms_and_rooms():
    event = one(
        "UID:a",
        "DTSTART:20270301T090000Z",
        "LOCATION:https://meet.example.org/a",
        "CONFERENCE;VALUE=URI;LABEL=Room:https://meet.example.org/a",
        *("BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:-PT15M", "END:VALARM"),
        *("BEGIN:VALARM", "UID:x", "TRIGGER;VALUE=DATE-TIME:20270301T080000Z", "END:VALARM"),
    )
    assert event.alerts["1"]["trigger"] == {"@type": "OffsetTrigger", "offset": "-PT15M", "relativeTo": "start"}
    assert event.alerts["x"]["trigger"]["when"] == "2027-03-01T08:00:00Z"
    assert event.conference == {"kind": "link", "url": "https://meet.example.org/a", "label": "Room"}
    assert event.location == ""


def test_properties_without_a_field_survive_reading_and_writing():
    event = one(
        "UID:a", "DTSTART:20270301T090000Z", "CATEGORIES:Work,Home", 'X-FOO;P="a;b":c\\, d', "X-CONVENE-REF:1|2"
    )
    assert kept_property(event.raw, "X-FOO") == "c, d"
    written = render(event, stamp=STAMP, extra={"X-CONVENE-REF": "1|3"})
    assert "CATEGORIES:Work,Home\r\n" in written
    assert 'X-FOO;P="a;b":c\\, d\r\n' in written
    assert [line for line in written.split("\r\n") if "CONVENE-REF" in line] == ["X-CONVENE-REF:1|3"]


# ── One bad event never costs the others ──

GOOD = ["BEGIN:VEVENT", "UID:good", "DTSTART:20270301T090000Z", "DTEND:20270301T100000Z", "END:VEVENT"]


@pytest.mark.parametrize(
    ("bad", "start"),
    [
        (["DTSTART:20270302T090000Z", "DTEND:20270302T080000Z"], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", "DURATION:-PT1H"], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", "DTEND:soon"], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", "DURATION:P99999W"], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", "RRULE:FREQ=SOMETIMES"], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", 'RRULE;X="open:FREQ=DAILY'], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", "RDATE:" + ",".join(["20270303T090000Z"] * 9000)], wall(2027, 3, 2, 9)),
        (["DTSTART;VALUE=DATE:20270302", "RRULE:FREQ=MONTHLY;BYDAY=0MO"], wall(2027, 3, 1, 23)),
        (["DTSTART:20271302T090000Z"], None),
        (["SUMMARY:no start"], None),
        (["DTSTART:99991231T235959Z"], None),
        (["DTSTART;VALUE=DATE:00010101"], None),
        (["RECURRENCE-ID:20270302T090000Z", "SUMMARY:no start"], wall(2027, 3, 2, 9)),
        (["DTSTART:2027-03-02 09:00"], wall(2027, 3, 1, 23)),
        (["DTSTART:20270302T0900"], wall(2027, 3, 1, 23)),
        (["DTSTART:202703021"], None),
        (["DTSTART:20270302T090000Z", "RDATE;VALUE=PERIOD:20270305T090000Z/20270304T090000Z"], wall(2027, 3, 2, 9)),
        (["DTSTART:20270302T090000Z", *["BEGIN:X"] * 20, *["END:X"] * 20], wall(2027, 3, 2, 9)),
    ],
)
def test_a_bad_event_becomes_a_problem_that_tells_its_start(bad, start):
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:bad", *bad, "END:VEVENT", *GOOD, "END:VCALENDAR"]
    parsed = parse("\r\n".join(lines), default_timezone="Europe/Berlin")
    assert [event.uid for event in parsed.events] == ["good"]
    (problem,) = parsed.problems
    assert (problem.uid, problem.start_s) == ("bad", start)
    assert problem.reason


def test_an_event_without_its_end_is_a_problem_and_the_next_one_is_read():
    parsed = parse("\n".join(["BEGIN:VCALENDAR", *GOOD[:-1], *GOOD, "END:VCALENDAR"]), default_timezone="UTC")
    assert (len(parsed.events), len(parsed.problems), parsed.complete) == (1, 1, True)


def test_a_file_that_breaks_off_says_so():
    parsed = parse("\n".join(["BEGIN:VCALENDAR", *GOOD, *GOOD[:-2]]), default_timezone="UTC")
    assert (len(parsed.events), len(parsed.problems), parsed.complete) == (1, 1, False)


@pytest.mark.parametrize(
    "source", ["", b"", "<html>Sign in</html>", "BEGIN:VCARD\nEND:VCARD", "/etc/passwd", b"\x00\xff\xfe"]
)
def test_what_is_no_calendar_is_refused(source):
    with pytest.raises(Malformed):
        parse(source, default_timezone="UTC")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_in_other_encodings_are_read(encoding):
    event = parse(
        file("UID:a", "DTSTART:20270301T090000Z", "SUMMARY:Café").encode(encoding), default_timezone="UTC"
    ).events[0]
    assert event.title == "Café"


def test_a_line_folded_in_the_middle_of_a_character_is_joined():
    data = file("UID:a", "DTSTART:20270301T090000Z", "SUMMARY:Caf#").encode().replace(b"#", b"\xc3\r\n \xa9")
    assert parse(data, default_timezone="UTC").events[0].title == "Café"


# ── Hostile files ──


def build(recipe: str) -> str | bytes | None:
    many = "\r\n".join
    series = ["UID:a", "DTSTART:20270301T090000Z", "RRULE:FREQ=DAILY"]
    storm = [
        line
        for number in range(10_000)
        for line in (
            "BEGIN:VEVENT",
            "UID:a",
            f"RECURRENCE-ID:2027{number % 12 + 1:02d}01T{number % 24:02d}0000Z",
            "DTSTART:20270301T090000Z",
            "END:VEVENT",
        )
    ]
    return {
        "build-exdate-1e6": file(*series, "EXDATE:" + ",".join(["20270302T090000Z"] * 1_000_000)),
        "build-valarm-1e4": file(*series, *["BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"] * 10_000),
        "build-nest-1e5": "BEGIN:VCALENDAR\r\n" + "BEGIN:X\r\n" * 100_000,
        "build-utf16": file(*series).encode("utf-16"),
        "build-tz-loop": file(
            "UID:a",
            "DTSTART;TZID=Loop:20270301T090000",
            outside="BEGIN:VTIMEZONE\r\nTZID:Loop\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n"
            "TZOFFSETTO:+0100\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
        ),
        "build-tz-fake": file("UID:a", "DTSTART;TZID=../../etc/passwd:20270301T090000"),
        "build-dtend-before": file("UID:a", "DTSTART:20270301T090000Z", "DTEND:20270228T090000Z"),
        "build-recid-storm": many(["BEGIN:VCALENDAR", *storm, "END:VCALENDAR"]),
    }.get(recipe)


FILES = {case["id"]: case["ics"] for case in HOSTILE["cases"] if "ics" in case}
FILES |= {case["id"]: text for case in HOSTILE["cases"] if (text := build(case["id"])) is not None}
FILES |= {case["id"]: base64.b64decode(case["base64"]) for case in HOSTILE["third_party_crash_files"]}


@pytest.mark.parametrize("name", FILES)
def test_hostile_files_cost_little_and_end_in_events_problems_or_a_refusal(name):
    begin = time.process_time()
    outcome = attempt(FILES[name])
    assert time.process_time() - begin < 5
    assert outcome <= 2_100
    tracemalloc.start()
    attempt(FILES[name])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def attempt(source: str | bytes) -> int:
    """How many events and problems came out; 0 for a refusal."""
    try:
        parsed = parse(source, default_timezone="Europe/Berlin")
    except Malformed:
        return 0
    return len(parsed.events) + len(parsed.problems)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_bytes_make_anything_but_a_calendar_or_a_refusal(noise, at):
    source = file("UID:a", "DTSTART;TZID=Europe/Berlin:20270301T090000", "RRULE:FREQ=DAILY", "SUMMARY:x").encode()
    try:
        parsed = parse(source[:at] + noise + source[at:], default_timezone="UTC")
    except Malformed:
        parsed = None
    assert parsed is None or len(parsed.events) + len(parsed.problems) <= 20


@pytest.mark.parametrize(
    "case", [case for case in HOSTILE["cases"] if case["kind"] == "header-injection"], ids=lambda c: c["id"]
)
def test_no_text_breaks_out_of_its_line(case):
    evil = case["value"]
    event = EventData(
        title=evil,
        start_wall=wall(2027, 3, 1, 9),
        timezone="Europe/Berlin",
        duration=3600,
        uid=f"u{evil}",
        description=evil,
        location=evil,
        colour=evil,
        conference={"url": f"https://x.example.org/{evil}"},
        people=(Person("a@example.org", evil), Person(evil, "x"), Person(f"a@b.org{evil}", "y")),
        alerts={evil: {"trigger": {"offset": evil}}},
        raw={"properties": [["X-A", {"P": evil}, evil], [f"X-B{evil}", {}, "x"], ["BEGIN", {}, "VEVENT"]]},
    )
    written = render(event, stamp=STAMP, extra={"X-REF": evil})
    lines = written.replace("\r\n ", "").split("\r\n")
    assert {line.split(":")[0].split(";")[0] for line in lines}.isdisjoint({"Bcc", "X-INJ", "<h1>body</h1>"})
    assert [line for line in lines if "VEVENT" in line[:12]] == ["BEGIN:VEVENT", "END:VEVENT"]
    (read,) = parse(written, default_timezone="UTC").events
    assert read.title == evil.replace("\r\n", "\n").strip()
    assert [person.email for person in read.people] == ["a@example.org"]


# ── Writing ──


def test_a_written_event_carries_its_zone_and_no_method():
    event = EventData("x", wall(2027, 7, 1, 9), "Europe/Berlin", 3600, uid="u", sequence=3)
    written = render(event, stamp=STAMP)
    assert "TZID:Europe/Berlin" in written
    assert "DTSTART;TZID=Europe/Berlin:20270701T090000" in written
    assert "DTEND;TZID=Europe/Berlin:20270701T100000" in written
    assert "DTSTAMP:20270101T000000Z\r\nLAST-MODIFIED:20270101T000000Z\r\nSEQUENCE:3" in written
    assert "METHOD" not in written
    assert "METHOD:REQUEST" in render(event, stamp=STAMP, method="REQUEST")
    with pytest.raises(ValueError, match="method"):
        render(event, stamp=STAMP, method="FOO")


@pytest.mark.parametrize(("hour", "instant"), [(2, "20271031T003000Z"), (1, None)])
def test_a_repeated_hour_is_written_in_utc(hour, instant):
    event = EventData("x", wall(2027, 10, 31, hour, 30), "Europe/Berlin", 600, uid="u")
    written = render(event, stamp=STAMP)
    assert (f"DTSTART:{instant}" in written) is bool(instant)
    (read,) = parse(written, default_timezone="UTC").events
    assert start_of(read) == start_of(event)
    assert fingerprint(read) == fingerprint(event)


def test_a_series_is_written_with_its_changed_occurrences():
    master = EventData(
        "x", wall(2027, 3, 1, 9), "Europe/Berlin", 3600, uid="u", recurrence_rules=("FREQ=WEEKLY;UNTIL=20270401",)
    )
    moved = EventData("y", wall(2027, 3, 9, 15), "Asia/Tokyo", 3600, uid="u", recurrence_wall=wall(2027, 3, 8, 9))
    written = render([master, moved], stamp=STAMP)
    assert "RRULE:FREQ=WEEKLY;UNTIL=20270401T215959Z" in written
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20270308T090000" in written
    assert written.count("BEGIN:VTIMEZONE") == 2
    assert [event.recurrence_wall for event in parse(written, default_timezone="UTC").events] == [
        None,
        moved.recurrence_wall,
    ]


def test_guests_are_not_invited_a_second_time_by_the_server():
    event = EventData(
        "x", wall(2027, 3, 1), "UTC", 60, uid="u", people=(Person("a@x.org", "A", "owner"), Person("b@x.org", "B"))
    )
    assert "SCHEDULE-AGENT=CLIENT" in render(event, stamp=STAMP).replace("\r\n ", "")
    assert "SCHEDULE-AGENT" not in render(event, stamp=STAMP, client_invites=False)


def test_html_descriptions_are_also_written_as_plain_text():
    event = EventData(
        "x", 0, "UTC", 60, uid="u", description="<p>Hello &amp; <b>bye</b></p>", description_type="text/html"
    )
    written = render(event, stamp=STAMP)
    assert "\r\nDESCRIPTION:Hello & bye\r\n" in written
    assert "X-ALT-DESC;FMTTYPE=text/html:<p>" in written


def test_a_fingerprint_sees_what_people_see_and_not_what_servers_rewrite():
    event = EventData("x", wall(2027, 3, 1, 9), "Europe/Berlin", 3600, uid="u", description="a\nb")
    same = EventData("x ", wall(2027, 3, 1, 8), "UTC", 3600, uid="u", description="a b", sequence=7, colour="red")
    moved = EventData("x", wall(2027, 3, 1, 10), "Europe/Berlin", 3600, uid="u", description="a\nb")
    assert fingerprint(event) == fingerprint(same) != fingerprint(moved)
