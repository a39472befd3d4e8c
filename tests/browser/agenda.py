"""What was in the host's calendar before anything was connected: a series with an exception, an all-day event, an event
in another zone, and one object that nobody can read."""

from __future__ import annotations

from datetime import date, timedelta

from tests.servers import CalDavServer

MONDAY = date.today() + timedelta(days=7 - date.today().weekday())
"""Monday of next week: every day of that week lies ahead."""
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=days) for days in (1, 2, 3))

TITLES = ("Stand-up", "Conference", "Call with Tokyo")


def fill(server: CalDavServer, calendar: str) -> None:
    """Write the events as another program would have. In UTC they take: Monday 13:00-14:00 (moved there from the
    morning), Tuesday 11:00-12:00, all of Wednesday."""
    server.put(calendar, "series.ics", _calendar(_series()))
    server.put(calendar, "all-day.ics", _calendar(_all_day()))
    server.put(calendar, "zone.ics", _calendar(_other_zone()))


def _calendar(events: str) -> str:
    lines = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Another program//EN\n{events}END:VCALENDAR\n"
    return lines.replace("\n", "\r\n")


def _series() -> str:
    began = MONDAY - timedelta(days=28)
    left_out = MONDAY - timedelta(days=14)
    return (
        "BEGIN:VEVENT\nUID:series@elsewhere\nDTSTAMP:20260101T000000Z\nSUMMARY:Stand-up\n"
        f"DTSTART;TZID=UTC:{began:%Y%m%d}T080000\nDTEND;TZID=UTC:{began:%Y%m%d}T090000\n"
        f"RRULE:FREQ=WEEKLY;BYDAY=MO\nEXDATE;TZID=UTC:{left_out:%Y%m%d}T080000\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:series@elsewhere\nDTSTAMP:20260101T000000Z\nSUMMARY:Stand-up\n"
        f"RECURRENCE-ID;TZID=UTC:{MONDAY:%Y%m%d}T080000\n"
        f"DTSTART;TZID=UTC:{MONDAY:%Y%m%d}T130000\nDTEND;TZID=UTC:{MONDAY:%Y%m%d}T140000\nEND:VEVENT\n"
    )


def _all_day() -> str:
    return (
        "BEGIN:VEVENT\nUID:all-day@elsewhere\nDTSTAMP:20260101T000000Z\nSUMMARY:Conference\n"
        f"DTSTART;VALUE=DATE:{WEDNESDAY:%Y%m%d}\nDTEND;VALUE=DATE:{THURSDAY:%Y%m%d}\nEND:VEVENT\n"
    )


def _other_zone() -> str:
    return (
        "BEGIN:VEVENT\nUID:zone@elsewhere\nDTSTAMP:20260101T000000Z\nSUMMARY:Call with Tokyo\n"
        f"DTSTART;TZID=Asia/Tokyo:{TUESDAY:%Y%m%d}T200000\nDTEND;TZID=Asia/Tokyo:{TUESDAY:%Y%m%d}T210000\nEND:VEVENT\n"
    )
