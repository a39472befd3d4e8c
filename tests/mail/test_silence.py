"""Each dialect has its own word for telling nobody."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.models import Message
from tests.api.leadconnector.worlds import later
from tests.api.leadconnector.worlds import make_location as make_leadconnector
from tests.api.timekit.worlds import BOOKINGS, Place
from tests.api.timekit.worlds import make_place as make_timekit

pytestmark = pytest.mark.django_db


def to_customers() -> list[str]:
    return sorted(Message.everywhere.exclude(template__startswith="host_").values_list("template", flat=True))


@pytest.mark.parametrize(
    ("said", "expected"), [({}, ["booked"]), ({"toNotify": True}, ["booked"]), ({"toNotify": False}, [])]
)
def test_leadconnector_says_to_notify(said: dict[str, Any], expected: list[str]) -> None:
    here = make_leadconnector()
    here.book(f"{later(60)}T09:00:00Z", **said)
    assert to_customers() == expected


@pytest.mark.parametrize(
    ("said", "expected"), [({}, ["booked"]), ({"invite": True}, ["booked"]), ({"invite": False}, [])]
)
def test_timekit_says_invite(said: dict[str, Any], expected: list[str]) -> None:
    place: Place = make_timekit()
    place.made(BOOKINGS, place.booking(**said))
    assert to_customers() == expected
