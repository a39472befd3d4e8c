"""A live server and the vendor's published clients: timekit-sdk, and the booking widget in a page of another origin."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests import node
from tests.api.live import Live
from tests.api.timekit.worlds import basic

DAY = 86_400


def ahead(days: int, hour: int = 10) -> str:
    """A time on a weekday of the demo's host, in UTC, so many weeks from now."""
    at = (int(time.time()) // DAY + days) * DAY
    while datetime.fromtimestamp(at, UTC).weekday() > 3:
        at += DAY
    return f"{datetime.fromtimestamp(at + hour * 3600, UTC):%Y-%m-%dT%H:%M:%S+00:00}"


def sdk(server: Live, lines: str, *, prefix: str = "") -> Any:
    """What lines print that use `tk`, a client with the demo's app key, `ids`, and `failed(promise)`: the status and
    body with which a call is refused."""
    folder = node.installed("timekit-sdk", "1.19.8")
    keys = server.demo["timekit"]
    return node.run(
        f"""
        const tk = require({str(folder)!r}).newInstance();
        tk.configure({{ apiBaseUrl: {f"{server.url}{prefix}/"!r}, appKey: {keys["app_key"]!r}, app: "demo" }});
        const ids = {{ calendarId: {keys["calendar_id"]!r}, resourceId: {keys["resource_id"]!r},
                       projectId: {keys["project_id"]!r} }};
        const failed = (promise) => promise.then(() => null, (error) => ({{ status: error.status, data: error.data }}));
        (async () => {{ {lines} }})().catch((error) => {{ console.error(error.data || error); process.exit(1); }});
        """
    )


@pytest.mark.node
@pytest.mark.parametrize("prefix", ["", "/timekit"])
def test_the_sdk_makes_reads_changes_and_deletes_an_event(server: Live, prefix: str) -> None:
    start, end = ahead(40), ahead(40, 11)
    told = sdk(
        server,
        f"""
        const asked = {{ calendarId: ids.calendarId, start: {start!r}, end: {end!r}, what: "From Node",
                         where: "Here", participants: ["marty@example.org"], invite: true, myRsvp: "tentative" }};
        const made = (await tk.createEvent(asked)).data;
        const read = (await tk.getEvent({{ id: made.id }})).data;
        const changed = (await tk.updateEvent({{ id: made.id, what: "Renamed" }})).data;
        const listed = await tk.getEvents({{ start: {start!r}, end: {end!r} }});
        const removed = (await tk.deleteEvent({{ id: made.id }})).status;
        const missing = await failed(tk.getEvent({{ id: made.id }}));
        const wrong = await failed(tk.createEvent({{ ...asked, where: "" }}));
        print({{ made, read, changed, listed: listed.data, meta: listed.metaData, removed, missing, wrong }});
        """,
        prefix=prefix,
    )
    made = told["made"]
    assert (made["what"], made["invite"], made["participants"]) == ("From Node", True, ["marty@example.org"])
    assert told["read"] == made
    assert told["changed"]["what"] == "Renamed"
    assert made["id"] in [each["id"] for each in told["listed"]]
    assert told["meta"]["current_page"] == 1
    assert told["removed"] == 204
    assert told["missing"] == {"status": 404, "data": {"error": "Resource does not exist", "model": "Event"}}
    assert (told["wrong"]["status"], list(told["wrong"]["data"]["errors"])) == (422, ["where"])


@pytest.mark.node
def test_the_sdk_books_what_is_free_and_takes_it_along_its_graph(server: Live) -> None:
    told = sdk(
        server,
        f"""
        tk.configure({{ outputTimestampFormat: "Y-m-d h:ia", timezone: "America/New_York" }});
        const slots = (await tk.fetchAvailability({{ resources: [ids.resourceId], from: {ahead(45, 0)!r},
          to: {ahead(47, 23)!r}, length: "30 minutes", outputTimezone: "UTC",
          constraints: [{{ block_weekends: {{}} }}] }})).data;
        tk.configure({{ outputTimestampFormat: null, timezone: null }});
        const dates = (await tk.fetchAvailabilityDates({{ resources: [ids.resourceId] }})).data;
        const found = (await tk.findTime({{ resource_ids: [ids.resourceId], length: "1 hour" }})).data;
        const [slot] = (await tk.fetchAvailability({{ projectId: ids.projectId }})).data;
        const instant = {{ graph: "instant", action: "confirm" }};
        const asked = {{ resourceId: slot.resources[0].id, graph: "confirm_decline", action: "create",
          start: slot.start, end: slot.end, what: "Haircut", where: "Here",
          customer: {{ name: "Marty", email: "marty@example.org" }} }};
        const made = (await tk.include("attributes", "event", "user").createBooking(asked)).data;
        const confirmed = (await tk.updateBooking({{ id: made.id, action: "confirm" }})).data;
        const taken = await failed(tk.createBooking({{ ...asked, ...instant }}));
        const listed = (await tk.carry({{ params: {{ search: "state:confirmed" }} }}).getBookings()).data;
        const other = {{ start: {ahead(50, 9)!r}, end: {ahead(50, 10)!r} }};
        const later = (await tk.rescheduleBooking({{ id: made.id, ...other }})).data;
        const cancelled = (await tk.updateBooking({{ id: made.id, action: "cancel_by_customer" }})).data;
        const refused = await failed(tk.updateBooking({{ id: made.id, action: "confirm" }}));
        const several = (await tk.createBookingsBulk({{ bookings: [{{ ...asked, ...instant }}] }})).data;
        const ended = (await tk.updateBookingsBulk({{ ids: several.map((each) => each.id), action: "cancel" }})).data;
        const groups = (await tk.getGroupBookings()).data;
        print({{ slots, dates, found, made, confirmed, taken, listed, later, cancelled, refused, ended, groups }});
        """,
    )
    assert told["slots"][0]["start"].endswith("am")
    assert told["dates"][0]["resources"] == [server.demo["timekit"]["resource_id"]]
    assert set(told["found"][0]) == {"start", "end"}
    made = told["made"]
    assert (made["state"], made["possible_actions"], made["event"]) == ("tentative", ["decline", "confirm"], None)
    assert told["confirmed"]["state"] == "confirmed"
    assert (told["taken"]["status"], list(told["taken"]["data"]["errors"])) == (422, ["start"])
    assert made["id"] in [each["id"] for each in told["listed"]]
    assert (told["later"]["id"], told["later"]["state"]) == (made["id"], "confirmed")
    assert told["cancelled"]["state"] == "cancelled_by_customer"
    assert (told["refused"]["status"], list(told["refused"]["data"]["errors"])) == (422, ["action"])
    assert [each["state"] for each in told["ended"]] == ["cancelled"]
    assert told["groups"] == []


@pytest.mark.node
def test_the_sdk_sets_up_resources_calendars_and_projects(server: Live) -> None:
    told = sdk(
        server,
        """
        const made = (await tk.createResource({ name: "Room 4", timezone: "Europe/Berlin" })).data;
        const hours = [{ block_weekends: {} }];
        const changed = (await tk.updateResource({ id: made.id, availabilityConstraints: hours })).data;
        const calendar = (await tk.createCalendar({ name: "Trips", description: "Away", resourceId: made.id })).data;
        const renamed = (await tk.updateCalendar({ id: calendar.id, name: "Journeys" })).data;
        const calendars = (await tk.getCalendars()).data;
        const gone = (await tk.deleteCalendar({ id: calendar.id })).status;
        const project = (await tk.createProject({ name: "Room", resources: [made.id],
          availability: { mode: "mutual", length: "1 hour" }, booking: { graph: "instant" } })).data;
        const set = (await tk.setProjectResources({ id: project.id, resources: [ids.resourceId, made.id] })).data;
        const left = (await tk.removeProjectResource({ id: project.id, resourceId: ids.resourceId })).status;
        const team = (await tk.getProjectResources({ id: project.id })).data;
        const updated = (await tk.updateProject({ id: project.id, name: "Rooms" })).data;
        const embed = (await tk.getEmbedProject({ id: project.id })).data;
        const hosted = (await tk.getHostedProject({ slug: project.slug })).data;
        const app = (await tk.getApp()).data;
        const ended = [await tk.deleteProject({ id: project.id }), await tk.deleteResource({ id: made.id })];
        const status = ended.map((answer) => answer.status);
        print({ made, changed, renamed, calendars, gone, project, set, left, team, updated, embed, hosted, app,
          status });
        """,
    )
    assert told["changed"]["availability_constraints"] == [{"block_weekends": {}}]
    assert (told["renamed"]["name"], told["gone"]) == ("Journeys", 204)
    assert told["renamed"]["id"] in [each["id"] for each in told["calendars"]]
    assert {each["id"] for each in told["set"]} == {server.demo["timekit"]["resource_id"], told["made"]["id"]}
    assert (told["left"], [each["id"] for each in told["team"]]) == (204, [told["made"]["id"]])
    assert told["updated"]["name"] == "Rooms"
    assert told["embed"]["id"] == told["hosted"]["id"] == told["project"]["id"]
    assert told["app"]["name"] == "Harbour Studio"
    assert told["status"] == [204, 204]


WIDGET = """
const { JSDOM, VirtualConsole } = require(process.env.JSDOM);
const page = new JSDOM('<div id="bookingjs"></div>', {
  url: "http://shop.example/", runScripts: "outside-only", pretendToBeVisual: true,
  virtualConsole: new VirtualConsole(),
});
const { window } = page;
window.HTMLElement.prototype.animate = () => {};
window.eval(require("fs").readFileSync(process.env.WIDGET + "/public/build/booking.min.js", "utf8"));
const find = (selector) => window.document.querySelector(selector);
const until = async (what, found) => {
  for (let round = 0; round < 300; round += 1) {
    const value = found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(what + " never came: " + window.document.body.innerHTML.slice(0, 3000));
};
const told = {};
const remember = (name) => (value) => { told[name] = value; };
const start = (config) => new window.TimekitBooking().init({
  el: "#bookingjs", api_base_url: process.env.BASE, app_key: process.env.KEY, ...config,
  callbacks: {
    fetchAvailabilitySuccessful: (answer) => { told.slots = answer.data; },
    createBookingStarted: remember("asked"),
    createBookingSuccessful: (answer) => { told.booking = answer.data; told.status = answer.status; },
    submitReschduleBookingSuccessful: (answer) => { told.moved = answer.data; },
    errorTriggered: (message) => { told.error = String(message && message[0] || message); },
  },
});
const choose = async () => {
  const slot = await until("a slot", () => find(".fc-event"));
  slot.dispatchEvent(new window.MouseEvent("click", { bubbles: true }));
  return until("the form", () => find(".bookingjs-form"));
};
const send = (form) => form.dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
"""


def widget(server: Live, lines: str, *, prefix: str = "", key: str = "") -> Any:
    """What lines print that use the booking widget in a page of another origin, whose browser asks before it calls."""
    keys = server.demo["timekit"]
    return node.run(
        f"{WIDGET}\n(async () => {{ {lines} }})().then(\n"
        "() => process.stdout.write('', () => process.exit(0)),\n"
        "(error) => {{ console.error(error, told); process.exit(1); }});",
        JSDOM=str(node.installed("jsdom", "26.1.0")),
        WIDGET=str(node.installed("timekit-booking", "3.3.1")),
        BASE=f"{server.url}{prefix}/",
        KEY=key or keys["widget_key"],
        PROJECT=keys["project_id"],
        RESOURCE=keys["resource_id"],
    )


def starts(told: Any) -> set[str]:
    """When the slots began that the widget was shown, in UTC."""
    at = (datetime.fromisoformat(slot["start"]).astimezone(UTC) for slot in told["slots"])
    return {each.isoformat() for each in at}


FILL = """
  const form = await choose();
  told.button = form.querySelector(".inactive-text").textContent;
  told.fields = [...form.querySelectorAll("[name]")].map((field) => field.name);
  form.querySelector("[name=name]").value = "Marty McFly";
  form.querySelector("[name=email]").value = "marty@example.org";
  send(form);
  await until("the booking", () => told.booking || told.error);
  await until("the thanks", () => form.classList.contains("success") || told.error);
  print(told);
"""


@pytest.mark.node
@pytest.mark.parametrize("prefix", ["", "/timekit"])
def test_the_booking_widget_books_a_project(server: Live, prefix: str) -> None:
    told = widget(server, "start({ project_id: process.env.PROJECT });" + FILL, prefix=prefix)
    assert "error" not in told
    assert told["button"].strip() == "Book it"
    assert told["fields"] == ["name", "email", "topic"]
    assert told["asked"]["project_id"] == server.demo["timekit"]["project_id"]
    assert (told["status"], told["booking"]["state"]) == (201, "confirmed")
    info = told["booking"]["attributes"]["event_info"]
    assert info["start"] in starts(told)
    assert told["booking"]["customers"][0]["email"] == "marty@example.org"
    assert set(told["booking"]["calendar"]) == {"id", "name", "display_name"}


@pytest.mark.node
def test_the_booking_widget_books_a_hosted_project_and_plain_resources(server: Live) -> None:
    hosted = widget(server, 'start({ project_slug: "first-meeting" });' + FILL)
    assert (hosted["status"], hosted.get("error")) == (201, None)
    plain = widget(
        server,
        """start({ resources: [process.env.RESOURCE], availability: { mode: "mutual", length: "45 minutes" },
                   booking: { graph: "confirm_decline" } });"""
        + FILL,
    )
    assert (plain["booking"]["graph"], plain["booking"]["state"]) == ("confirm_decline", "tentative")


@pytest.mark.node
def test_the_booking_widget_reschedules(server: Live) -> None:
    booked = widget(server, "start({ project_id: process.env.PROJECT });" + FILL)["booking"]
    info = booked["attributes"]["event_info"]
    told = widget(
        server,
        f"""
        start({{ project_id: process.env.PROJECT, reschedule: {{ uuid: {booked["id"]!r}, action: "reschedule",
                 eventStart: {info["start"]!r}, eventEnd: {info["end"]!r} }} }});
        const form = await choose();
        form.querySelector("[name=message]").value = "Can we meet at another time?";
        send(form);
        await until("the answer", () => told.moved || told.error);
        print(told);
        """,
    )
    assert told["moved"]["id"] == booked["id"]
    moved = told["moved"]["attributes"]["event_info"]["start"]
    assert moved != info["start"]
    assert moved in starts(told)


@pytest.mark.node
def test_the_booking_widget_shows_what_is_wrong(server: Live) -> None:
    lines = "await until('the error', () => find('.bookingjs-error')); print(told);"
    missing = widget(server, "start({ project_id: '54321' });" + lines)
    assert "project could not be found" in missing["error"]
    refused = widget(server, "start({ project_id: process.env.PROJECT });" + lines, key="widget_nonsense")
    assert "project could not be found" in refused["error"]


def test_one_of_many_equal_bookings_at_once_is_made(server: Live) -> None:
    keys = server.demo["timekit"]
    body = {
        **{"resource_id": keys["resource_id"], "graph": "instant", "action": "confirm"},
        **{"start": ahead(60), "end": ahead(60, 11), "what": "Rush", "where": "Here"},
        "customer": {"name": "Marty", "email": "marty@example.org"},
    }
    headers = {"Authorization": basic("", keys["app_key"])}

    def book(_: int) -> requests.Response:
        return requests.post(f"{server.url}/v2/bookings", json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(book, range(16)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 15
    for answer in answers:
        if answer.status_code == 422:
            assert list(answer.json()["errors"]) == ["start"]
    count = (
        "print(Booking.everywhere.filter(title='Rush').count(), Claim.everywhere.filter(booking__title='Rush').count())"
    )
    assert server.query(count) == "1 1"
