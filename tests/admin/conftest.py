from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils.timezone import now

from bookings.domain import audit, calendar, keys, links, requests
from bookings.formats.event import EventData, Person
from bookings.models import (
    Account,
    ApiKey,
    Booking,
    Busy,
    Event,
    EventType,
    GroupMember,
    GroupRule,
    Host,
    Message,
    Mirror,
    Organisation,
    PushAttempt,
    Question,
    SchedulerRequest,
)
from tests import factories

DAY = 86_400
NOON = int(time.time()) // DAY * DAY + 2 * DAY + DAY // 2
"""Noon UTC of the day after tomorrow."""


@dataclass
class World:
    """One object of every kind, with every secret the installation could hold."""

    organisation: Organisation
    host: Host
    account: Account
    request: SchedulerRequest
    booking: Booking
    event: Event
    mirror: Mirror
    key: ApiKey
    secrets: list[str]


@pytest.fixture
def operator(db) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", "op@example.org", factories.PASSWORD))
    return client


@pytest.fixture
def world(db) -> World:
    return make_world()


def make_world() -> World:
    org = factories.organisation()
    host = factories.host(org, weekly=factories.ALWAYS)
    target = factories.caldav_calendar(host, state="ok", last_verified_at=now())
    account = target.account
    account.set_credentials({"password": "hunter2-in-clear"})
    account.health, account.last_error = "failing", "The server did not answer."
    account.save()

    event_type = EventType.everywhere.create(organisation=org, name="Consultation", slug=f"c-{org.slug}")
    Question.everywhere.create(organisation=org, event_type=event_type, key="topic", label="Topic")
    rule = GroupRule.everywhere.create(organisation=org, name="Anybody")
    GroupMember.everywhere.create(organisation=org, rule=rule, host=host)

    event = calendar.create(
        target,
        EventData("Team lunch", NOON, "UTC", 3600, people=(Person("guest@example.org", "Guest"),)),
        actor=audit.SYSTEM,
    )
    mirror = Mirror.everywhere.get(event=event)
    mirror.create_body = "FROZEN-BODY-OF-THE-FIRST-ATTEMPT"
    mirror.state, mirror.last_error, mirror.attempt = Mirror.State.FAILED, "The calendar refused it.", 7
    mirror.next_attempt_s = NOON
    mirror.save()
    PushAttempt.everywhere.create(organisation=org, mirror=mirror, action="create", outcome="permanent", status=403)

    request = requests.send(org, recipient_email="c@example.org", summary="A call", actor=audit.SYSTEM, host=host)
    booking = requests.select(request, NOON + 2 * DAY, name="Cleo", timezone="Europe/Berlin")
    token = links.token("request", request.pk)
    Message.everywhere.create(
        organisation=org,
        template="invitation",
        recipient="c@example.org",
        dedupe_key=f"m-{request.pk}",
        scheduler_request=request,
        payload={"link": links.select_url(request.pk)},
    )
    Busy.everywhere.filter(event=event).update(kind="busy")
    key, secret = keys.issue(
        org, dialect="cronofy", kind="client_secret", name="Website", scopes=["read"], actor=audit.SYSTEM
    )
    for thing in (request, booking):
        thing.refresh_from_db()
    sealed = bytes(account.sealed_credentials)
    hidden = [
        "hunter2-in-clear",
        sealed.hex(),
        str(sealed),
        secret,
        key.digest,
        token,
        request.token_digest,
        booking.manage_digest,
        links.token("booking", booking.pk),
        mirror.create_body,
    ]
    return World(org, host, account, request, booking, event, mirror, key, [text for text in hidden if text])
