"""The published clients of Google Calendar, pointed at the double, read what the adapter wrote."""

from __future__ import annotations

from datetime import datetime

import pytest
from gcsa.google_calendar import GoogleCalendar
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from bookings.formats.event import Person
from tests.providers.google.conftest import ALL_SCOPES, OWNER, Connected

GUEST = Person("guest@example.net", "Gus Guest")


@pytest.fixture
def credentials(connected: Connected) -> Credentials:
    return Credentials(connected.google.issue(OWNER, f"{ALL_SCOPES} calendar")["access_token"])


@pytest.fixture
def official(connected: Connected, credentials: Credentials):
    """google-api-python-client, with the vendor's discovery document it carries."""
    endpoint = {"api_endpoint": f"{connected.google.url}/"}
    return build("calendar", "v3", credentials=credentials, client_options=endpoint, static_discovery=True)


def test_the_official_client_reads_what_was_written(connected: Connected, official) -> None:
    event = connected.make("Review", people=(GUEST,), recurrence_rules=("FREQ=WEEKLY;COUNT=3",))
    listed = official.events().list(calendarId="primary", singleEvents=True, orderBy="startTime").execute()
    assert [each["summary"] for each in listed["items"]] == ["Review"] * 3
    one = official.events().get(calendarId="primary", eventId=connected.mirror(event).remote_id).execute()
    assert one["attendees"] == [{"email": GUEST.email, "displayName": GUEST.name, "responseStatus": "needsAction"}]
    calendars = official.calendarList().list().execute()["items"]
    assert [each["accessRole"] for each in calendars] == ["owner"]


def test_what_the_official_client_writes_is_read_here(connected: Connected, official) -> None:
    times = {"start": {"dateTime": "2027-03-01T09:00:00Z"}, "end": {"dateTime": "2027-03-01T10:00:00Z"}}
    made = official.events().insert(calendarId="primary", body={"summary": "Theirs", **times}).execute()
    connected.read()
    assert len(connected.busy()) == 1
    official.events().update(
        calendarId="primary", eventId=made["id"], body={**made, "transparency": "transparent"}
    ).execute()
    connected.read()
    assert connected.busy() == []
    official.events().delete(calendarId="primary", eventId=made["id"]).execute()
    with pytest.raises(HttpError) as gone:
        official.events().delete(calendarId="primary", eventId=made["id"]).execute()
    assert gone.value.status_code == 410


def test_gcsa_reads_what_was_written(connected: Connected, credentials: Credentials) -> None:
    connected.make("Review", description="Bring notes", people=(GUEST,))
    day = 1_930_089_600 // 86_400 * 86_400
    connected.make("Away", start_wall=day, duration=86_400, all_day=True)
    client = GoogleCalendar(OWNER, credentials=credentials)
    client.service._baseUrl = f"{connected.google.url}/"
    found = {event.summary: event for event in client.get_events(time_min=datetime(2031, 1, 1))}
    assert found["Review"].description == "Bring notes"
    assert [guest.email for guest in found["Review"].attendees] == [GUEST.email]
    assert found["Review"].start.isoformat() == "2031-03-03T09:00:00+01:00"
    assert not isinstance(found["Away"].start, datetime)
