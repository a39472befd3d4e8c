"""What is written is read back as the same instants, whatever zone, day or rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bookings.engine.zones import wall
from bookings.formats.event import EventData, fingerprint
from providers.google import wire
from tests.providers.google.conftest import OWNER, Connected

DAY = 86_400
NINE = wall(2031, 3, 17, 9)
WEEKLY = ("FREQ=WEEKLY;COUNT=5",)


def timed(start: int, tzid: str, duration: int = 3600, **fields) -> EventData:
    return EventData("Same", start, tzid, duration, **fields)


CASES = {
    "far east": timed(wall(2031, 6, 1, 0, 30), "Pacific/Kiritimati"),
    "far west": timed(wall(2031, 6, 1, 23, 30), "Pacific/Pago_Pago"),
    "half hours": timed(wall(2031, 6, 1, 9), "Asia/Kathmandu"),
    "over the gap": timed(wall(2031, 3, 30, 1, 30), "Europe/Paris", 7200),
    "in the gap": timed(wall(2031, 3, 30, 2, 30), "Europe/Paris"),
    "first pass": timed(wall(2031, 10, 26, 2, 30), "Europe/Paris"),
    "second pass": timed(wall(2031, 10, 26, 1, 30), "UTC"),
    "no length": timed(wall(2031, 6, 1, 9), "UTC", 0),
    "one day": timed(wall(2031, 6, 1), "Europe/Berlin", DAY, all_day=True),
    "four days over the gap": timed(wall(2031, 3, 28), "Europe/Berlin", 4 * DAY, all_day=True),
    "weekly over the gap": timed(wall(2031, 3, 17, 9), "America/New_York", recurrence_rules=WEEKLY),
    "until in UTC": timed(
        wall(2031, 3, 17, 9), "Europe/Paris", recurrence_rules=("FREQ=DAILY;UNTIL=20310402T065959Z",)
    ),
    "last Friday": timed(wall(2031, 1, 31, 9), "Europe/Paris", recurrence_rules=("FREQ=MONTHLY;BYDAY=-1FR;COUNT=9",)),
    "yearly days": timed(
        wall(2032, 2, 29), "Europe/Berlin", DAY, all_day=True, recurrence_rules=("FREQ=YEARLY;UNTIL=20480301",)
    ),
    "added and dropped": timed(
        wall(2031, 3, 17, 9),
        "Asia/Tokyo",
        recurrence_rules=WEEKLY,
        recurrence_dates=(wall(2031, 3, 19, 11),),
        excluded_dates=(wall(2031, 3, 24, 9), wall(2031, 3, 31, 9)),
    ),
    "dates alone": timed(wall(2031, 3, 17, 9), "UTC", recurrence_dates=(wall(2031, 3, 19, 11), wall(2031, 3, 20, 9))),
    "in every field": timed(
        wall(2031, 6, 1, 9),
        "Europe/Berlin",
        description="Line one\nLine two",
        location="Straße 1",
        status="tentative",
        free_busy_status="tentative",
        privacy="secret",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_written_is_read_back_as_it_was(connected: Connected, case: str) -> None:
    data = CASES[case]
    fields = {name: getattr(data, name) for name in data.__dataclass_fields__ if name not in ("title", "uid")}
    event = connected.make(data.title, **fields)
    (there,) = connected.there
    read = wire.read(there, "Europe/Berlin")
    assert fingerprint(replace(read, uid="")) == fingerprint(data)
    connected.google.edit(OWNER, there["id"], colorId="2")
    connected.read()
    assert connected.mirror(event).difference == {}, "nobody takes it for moved or edited"
