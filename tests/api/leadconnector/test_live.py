"""A live server: the published client @gohighlevel/api-client, and many callers in one moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests import node
from tests.api.leadconnector.worlds import APPOINTMENTS, VERSION, later, ms
from tests.api.live import Live


def client(server: Live, lines: str, *, prefix: str = "", secret: str = "") -> Any:
    """What lines print that use `ghl`, a client, `at`, the demo's ids, and `failed(promise)`, which tells the error of
    a call."""
    folder = node.installed("@gohighlevel/api-client", "3.1.0")
    keys = server.demo["leadconnector"]
    script = f"""
      const {{ HighLevel }} = require({str(folder)!r});
      const ghl = new HighLevel({{ privateIntegrationToken: {secret or keys["token"]!r}, logLevel: 'error' }});
      ghl.getHttpClient().defaults.baseURL = {server.url + prefix!r};
      const at = {{ locationId: {keys["location_id"]!r}, calendarId: {keys["calendar_id"]!r},
                    contactId: {keys["contact_id"]!r}, userId: {keys["user_id"]!r} }};
      const failed = (promise) => promise.then(() => null, (error) => (
        {{ kind: error.constructor.name, status: error.statusCode, message: error.message }}));
      (async () => {{ {lines} }})().catch((error) => {{ console.error(error); process.exit(1); }});
    """
    return node.run(script)


@pytest.mark.node
@pytest.mark.parametrize("prefix", ["", "/leadconnector"])
def test_the_client_books_a_free_slot_and_all_that_follows(server: Live, prefix: str) -> None:
    first = later(20 if prefix else 25)
    told = client(
        server,
        f"""
        const from = {ms(first)}, to = {ms(first)} + 86400000;
        const days = await ghl.calendars.getSlots(
          {{ calendarId: at.calendarId, startDate: from, endDate: to, timezone: "UTC", userIds: [at.userId] }});
        const [startTime] = Object.values(days)[0].slots;
        const {{ userId, ...names }} = at;
        const asked = {{ ...names, startTime, title: "From Node", assignedUserId: userId }};
        const made = await ghl.calendars.createAppointment(asked);
        const taken = await failed(ghl.calendars.createAppointment(asked));
        const read = await ghl.calendars.getAppointment({{ eventId: made.id }});
        const changed = await ghl.calendars.editAppointment({{ eventId: made.id }}, {{ title: "Renamed" }});
        const window = {{ locationId: at.locationId, startTime: String(from), endTime: String(to) }};
        const list = await ghl.calendars.getCalendarEvents({{ ...window, calendarId: at.calendarId }});
        const removed = await ghl.calendars.deleteEvent({{ eventId: made.id }}, {{}});
        const after = await ghl.calendars.getCalendarEvents({{ ...window, userId: at.userId }});
        const missing = await failed(ghl.calendars.getAppointment({{ eventId: "abcdefghij0123456789" }}));
        const wrong = await failed(ghl.calendars.createAppointment({{ ...asked, startTime: "soon" }}));
        print({{ startTime, made, taken, read, changed, list, removed, after, missing, wrong }});
        """,
        prefix=prefix,
    )
    made = told["made"]
    assert (made["startTime"], made["title"], made["appointmentStatus"]) == (
        told["startTime"],
        "From Node",
        "confirmed",
    )
    assert told["taken"] == {
        "kind": "GHLValidationError",
        "status": 400,
        "message": told["taken"]["message"],
    }
    assert "The slot you have selected is no longer available." in told["taken"]["message"]
    assert told["read"]["event"]["id"] == made["id"]
    assert told["changed"] == made | {"title": "Renamed"}
    assert made["id"] in [event["id"] for event in told["list"]["events"]]
    assert told["removed"] == {"succeeded": True}
    assert made["id"] not in [event["id"] for event in told["after"]["events"]]
    assert (told["missing"]["kind"], told["missing"]["status"]) == ("GHLNotFoundError", 404)
    assert (told["wrong"]["kind"], told["wrong"]["status"]) == ("GHLValidationError", 422)


@pytest.mark.node
def test_the_client_manages_calendars_groups_blocks_and_contacts(server: Live) -> None:
    first = later(30)
    told = client(
        server,
        f"""
        const {{ locationId, userId }} = at;
        const slug = "sales-" + Date.now();
        const {{ group }} = await ghl.calendars.createCalendarGroup(
          {{ locationId, name: "Sales", description: "Who sells", slug }});
        const made = await ghl.calendars.createCalendar({{ locationId, name: "From Node", groupId: group.id,
          calendarType: "personal", slotDuration: 45, teamMembers: [{{ userId }}] }});
        const calendarId = made.calendar.id;
        const changed = await ghl.calendars.updateCalendar({{ calendarId }}, {{ slotDuration: 60 }});
        const read = await ghl.calendars.getCalendar({{ calendarId }});
        const listed = await ghl.calendars.getCalendars({{ locationId, groupId: group.id }});
        const free = await ghl.calendars.validateGroupsSlug({{ locationId, slug }});
        const groups = await ghl.calendars.getGroups({{ locationId }});
        const off = await ghl.calendars.disableGroup({{ groupId: group.id }}, {{ isActive: false }});
        const edited = await ghl.calendars.editGroup({{ groupId: group.id }},
          {{ name: "Sellers", description: "", slug }});
        const gone = await ghl.calendars.deleteGroup({{ groupId: group.id }});
        const block = await ghl.calendars.createBlockSlot({{ locationId, assignedUserId: userId, title: "Away",
          startTime: "{first}T09:00:00+02:00", endTime: "{first}T10:00:00+02:00" }});
        const longer = await ghl.calendars.editBlockSlot({{ eventId: block.id }},
          {{ locationId, endTime: "{first}T11:00:00+02:00" }});
        const blocked = await ghl.calendars.getBlockedSlots(
          {{ locationId, userId, startTime: String({ms(first)}), endTime: String({ms(first)} + 86400000) }});
        const removed = await ghl.calendars.deleteCalendar({{ calendarId }});
        const contact = await ghl.contacts.createContact({{ locationId, name: "Marty", email: slug + "@example.org" }});
        const found = await ghl.contacts.getContact({{ contactId: contact.contact.id }});
        print({{ group, made, changed, read, listed, free, groups, off, edited, gone, block, longer, blocked, removed,
                 contact, found, missing: await failed(ghl.calendars.getCalendar({{ calendarId }})) }});
        """,
    )
    assert told["read"] == told["changed"]
    assert told["changed"]["calendar"] == told["made"]["calendar"] | {"slotDuration": 60}
    assert [each["id"] for each in told["listed"]["calendars"]] == [told["made"]["calendar"]["id"]]
    assert told["free"] == {"available": False}
    assert told["group"] in told["groups"]["groups"]
    assert told["off"] == told["gone"] == told["removed"] == {"success": True}
    assert (told["edited"]["group"]["name"], told["edited"]["group"]["isActive"]) == ("Sellers", False)
    assert told["longer"] == told["block"] | {"endTime": f"{first}T11:00:00+02:00"}
    assert told["block"]["id"] in [event["id"] for event in told["blocked"]["events"]]
    assert told["found"] == told["contact"]
    assert told["missing"]["status"] == 404


@pytest.mark.node
def test_the_client_knows_a_wrong_token_and_a_foreign_location(server: Live) -> None:
    told = client(server, "print(await failed(ghl.calendars.getGroups({ locationId: at.locationId })))", secret="pit-x")
    assert (told["kind"], told["status"]) == ("GHLAuthenticationError", 401)
    told = client(server, 'print(await failed(ghl.calendars.getGroups({ locationId: "abcdefghij0123456789" })))')
    assert (told["kind"], told["status"]) == ("GHLForbiddenError", 403)


def test_of_many_who_want_the_same_slot_one_gets_it(server: Live) -> None:
    keys = server.demo["leadconnector"]
    headers = {"Authorization": f"Bearer {keys['token']}", "Version": VERSION}
    stranger = f"stranger{time.time_ns() % 10**12:012d}"
    body = {
        "calendarId": keys["calendar_id"],
        "locationId": keys["location_id"],
        "contactId": stranger,
        "startTime": f"{later(15)}T09:00:00Z",
    }

    def post(_: int) -> requests.Response:
        return requests.post(server.url + APPOINTMENTS, json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(16)))
    assert sorted(each.status_code for each in answers) == [200] + [400] * 15
    assert {each.json()["message"] for each in answers if each.status_code == 400} == {
        "The slot you have selected is no longer available."
    }
    named = f"print(Contact.everywhere.filter(name__contains={stranger!r}).count())"
    assert server.query(named) == "1"
