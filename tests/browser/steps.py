"""What people do, step by step, in the words of the pages. Each step looks at its page before it leaves it."""

from __future__ import annotations

import re
from datetime import date

from playwright.sync_api import Page, expect

from tests.servers import CalDavServer

from .conftest import PATIENCE_S, Visitor, eventually

HOST = "Robin Lindqvist"
"""The demo host who is bookable 08:00-18:00 UTC on every day of the week."""


def connect_calendar(staff: Visitor, server: CalDavServer, calendar: str, *, host: str = HOST) -> None:
    """From the list of calendars to one that blocks and receives bookings, with one slip of the pen."""
    page = staff.page
    page.get_by_role("navigation").get_by_role("link", name="Calendars").click()
    page.get_by_role("link", name="Connect a calendar", exact=True).click()
    page.get_by_role("link", name=re.compile("^Connect CalDAV")).click()
    page.get_by_label("Whose calendar is it?").select_option(host)
    page.get_by_label("Server address").fill(server.url)
    page.get_by_label("User name").fill(server.username)
    page.get_by_label("Name for this account").fill(f"{calendar} server")
    _sign_in_at_server(page, "not the password")
    expect(page.locator(".error")).to_be_visible()
    expect(page.get_by_label("Server address")).to_have_value(server.url)
    expect(page.get_by_label("Password")).to_have_value("")
    staff.look("staff-connect-refused")
    _sign_in_at_server(page, server.password)
    expect(page.get_by_role("heading", name="Choose calendars")).to_be_visible()
    _choose(page, calendar)
    staff.look("staff-choose-calendars")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"{calendar} server")).to_be_visible()
    staff.look("staff-calendars")


def _sign_in_at_server(page: Page, password: str) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in and look for calendars").click()


def _choose(page: Page, calendar: str) -> None:
    """Bookings go to `calendar`, which is also the one that blocks."""
    receiving = page.get_by_role("group", name="Bookings and new events go to")
    receiving.get_by_label(re.compile(f"^{calendar}")).check()
    page.get_by_role("group", name="Events here make the host busy").get_by_label(re.compile(f"^{calendar}")).check()


def send_request(staff: Visitor, summary: str, *, recipient: str = "cleo@example.org") -> str:
    """From the start page to a copied link; returns the link. Counts what a person has to do."""
    staff.go("/")
    page = staff.page
    page.get_by_role("link", name="New request").first.click()
    page.get_by_label("What is it about?").fill(summary)
    page.get_by_label("Whose time").select_option(HOST)
    page.get_by_label("Recipient’s e-mail").fill(recipient)
    page.get_by_label("Recipient’s e-mail").press("Enter")
    link = page.get_by_label("Link", exact=True).input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    return link


def holds(server: CalDavServer, calendar: str, title: str) -> bool:
    """Is there an event of this title in the calendar, as the server itself tells it?"""
    return any(f"SUMMARY:{title}\n" in text for text in server.objects(calendar).values())


def wait_until_held(server: CalDavServer, calendar: str, title: str) -> None:
    eventually(lambda: holds(server, calendar, title), f"“{title}” did not reach the calendar server")


def wait_until_gone(server: CalDavServer, calendar: str, title: str) -> None:
    eventually(lambda: not holds(server, calendar, title), f"“{title}” is still on the calendar server")


def offered(customer: Visitor, link: str, day: date, zone: str = "UTC") -> list[str]:
    """The times a customer is offered on a day, as the page writes them."""
    customer.go(f"{link}?day={day.isoformat()}&tz={zone}")
    return [text.split()[0] for text in customer.page.locator(".times .time").all_inner_texts()]


def choose_time(customer: Visitor, link: str, day: date, clock: str) -> None:
    """Open a link, go to the day's month, pick the day and then the time."""
    page = customer.page
    customer.go(link)
    while not page.locator(f".days a[href*='day={day.isoformat()}&']").count():
        page.get_by_role("link", name="Next month").click()
    page.locator(f".days a[href*='day={day.isoformat()}&']").click()
    page.get_by_role("link", name=re.compile(f"^{clock}")).click()
    expect(page.get_by_role("button", name="Confirm the booking")).to_be_visible()


def confirm(customer: Visitor, name: str) -> None:
    customer.page.get_by_label("Your name").fill(name)
    customer.page.get_by_role("button", name="Confirm the booking").click()
    customer.page.wait_for_load_state()


def download_ics(customer: Visitor) -> str:
    with customer.page.expect_download() as download:
        customer.page.get_by_role("link", name="Download the file (.ics)").click()
    return download.value.path().read_text(encoding="utf-8")


def show_week(staff: Visitor, day: date, *, host: str = HOST) -> None:
    """The week of a day, of one host alone."""
    staff.go(f"/?day={day.isoformat()}")
    staff.page.get_by_role("list", name="Whose week").get_by_role("link", name=host).click()


def make_event(staff: Visitor, title: str, day: date, *, calendar: str) -> None:
    """From the week to the new event's page."""
    page = staff.page
    page.get_by_role("link", name="New event", exact=True).click()
    page.get_by_label("Title").fill(title)
    field = page.get_by_label("Calendar", exact=True)
    field.select_option(field.locator("option", has_text=calendar).first.get_attribute("value"))
    page.get_by_label("Day", exact=True).fill(day.isoformat())
    page.get_by_label("From").fill("15:00")
    page.get_by_label("To").fill("16:30")
    staff.look("staff-event-form")
    page.get_by_role("button", name="Make the event").click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


def rename_event(staff: Visitor, title: str) -> None:
    page = staff.page
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


def see_in_sync(staff: Visitor) -> None:
    """The event's page follows the delivery by itself until it says so."""
    state = staff.page.get_by_role("region", name="In the calendar")
    expect(state).to_contain_text("In sync", timeout=PATIENCE_S * 1000)
