"""Where tokens end, they are renewed once, and the pair that comes back is kept."""

from __future__ import annotations

import pytest

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.models import Account, Calendar, Mirror
from providers.lab.leadconnector import LOCATION
from tests.providers.five.conftest import Connected, meeting, on, soon


@pytest.fixture
def signed_in(connected: Connected) -> Connected:
    """The same account by the tokens of an app, instead of a key."""
    account = connected.account
    account.set_credentials(connected.double.issue() | {"location_id": LOCATION})
    account.save()
    return connected


@on("cronofy", "leadconnector")
def test_a_token_that_ended_is_renewed_once_for_writing_and_reading(signed_in: Connected) -> None:
    for _ in range(2):
        signed_in.double.expire()
        event = events.create(signed_in.calendar, meeting("Patient"), actor=SYSTEM)
        signed_in.deliver()
        assert signed_in.mirror(event).in_sync
    signed_in.double.expire()
    signed_in.double.add(signed_in.target, "Dentist", soon(4), soon(5))
    assert signed_in.pull().failed == 0
    assert signed_in.double.renewals == 3
    held = Account.everywhere.get(pk=signed_in.account.pk).credentials()
    assert {held["refresh_token"]} == signed_in.double.refresh_tokens
    assert signed_in.titles() == ["Patient", "Patient", "Dentist"]


@on("cronofy", "leadconnector")
def test_a_bad_minute_of_the_sign_in_is_waited_for(signed_in: Connected) -> None:
    signed_in.double.expire()
    signed_in.fault("answer", "POST /oauth/token", status=503)
    event = events.create(signed_in.calendar, meeting("Patient"), actor=SYSTEM)
    signed_in.deliver()
    signed_in.account.refresh_from_db()
    assert signed_in.account.health == Account.Health.FAILING
    signed_in.deliver()
    assert signed_in.mirror(event).in_sync
    assert signed_in.titles() == ["Patient"]


@on("cronofy", "leadconnector")
def test_a_consent_that_was_taken_back_needs_a_person(signed_in: Connected) -> None:
    signed_in.double.revoke()
    event = events.create(signed_in.calendar, meeting("Patient"), actor=SYSTEM)
    signed_in.deliver()
    signed_in.account.refresh_from_db()
    signed_in.calendar.refresh_from_db()
    assert signed_in.account.health == Account.Health.REAUTH
    assert signed_in.calendar.state == Calendar.State.STALE
    assert signed_in.mirror(event).state == Mirror.State.BLOCKED
