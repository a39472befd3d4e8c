"""What goes wrong at a staff member's desk is said plainly and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.servers import CalDavServer

from .conftest import Installation, Visitor, eventually
from .steps import connect_calendar

Arrive = Callable[..., Visitor]


def test_a_summary_of_1025_characters_is_refused_beside_its_field_and_kept(visitor: Arrive):
    staff = visitor()
    staff.sign_in_as_staff()
    staff.go("/requests/new")
    page = staff.page
    page.get_by_label("What is it about?").fill("x" * 1025)
    page.get_by_label("Recipient’s e-mail").fill("cleo@example.org")
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator(".field", has=page.get_by_label("What is it about?")).locator(".error")).to_contain_text(
        "1,024"
    )
    expect(page.get_by_label("What is it about?")).to_have_value("x" * 1025)
    expect(page.get_by_label("Recipient’s e-mail")).to_have_value("cleo@example.org")
    staff.look("staff-request-refused")
    page.get_by_label("What is it about?").fill("x" * 1024)
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_label("Link", exact=True)).to_be_visible()


def test_a_refused_event_comes_back_without_a_complaint_of_the_browser(visitor: Arrive):
    """A field that was made larger by its corner carries a style of the browser's, which no page of ours may set."""
    staff = visitor()
    staff.sign_in_as_staff()
    staff.go("/events/new")
    page = staff.page
    box = page.get_by_label("Description")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    assert place is not None
    corner = (place["x"] + place["width"] - 5, place["y"] + place["height"] - 5)
    page.mouse.move(*corner)
    page.mouse.down()
    page.mouse.move(corner[0], corner[1] + 60, steps=5)
    page.mouse.up()
    assert "height" in (box.get_attribute("style") or "")
    box.fill("A long story")
    page.get_by_role("button", name="Make the event").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(box).to_have_value("A long story")
    assert staff.complaints == []


CROWD = {"Quarterly planning with everybody": "09:00", "Naming the new boat": "09:30", "Interviews": "09:45"}
OVERFLOWING = """() => [...document.querySelectorAll(".place .event")]
  .filter((box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight)
  .map((box) => box.textContent)"""


def test_three_events_at_once_can_be_read_on_a_desk_and_on_a_phone(visitor: Arrive):
    staff = visitor()
    staff.sign_in_as_staff()
    page = staff.page
    for title, start in CROWD.items():
        staff.go(f"/events/new?day=2027-03-02&time={start}")
        page.get_by_label("Title").fill(title)
        page.get_by_role("button", name="Make the event").click()
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    staff.go("/?day=2027-03-02")
    staff.look("staff-week-crowded")
    for title in CROWD:
        box = page.get_by_role("link", name=title)
        expect(box.locator("strong")).to_be_visible()
        expect(box).to_have_attribute("title", re.compile(rf"^{title}\n09:\d\d–10:\d\d\n"))
    assert page.evaluate(OVERFLOWING) == []


def test_a_calendar_that_vanishes_is_named(convene: Installation, dav: CalDavServer, visitor: Arrive):
    calendar = dav.make_calendar("vanishing", title="Vanishing")
    staff = visitor()
    staff.sign_in_as_staff()
    connect_calendar(staff, dav, "Vanishing", host="Marcus Reed")
    dav.delete(calendar)
    page = staff.page
    section = page.get_by_role("region", name="Marcus Reed")
    section.get_by_role("button", name="Read again").click()

    def named() -> bool:
        page.reload()
        return section.get_by_text("No longer there").count() > 0

    eventually(named, "the calendars' page does not say that the calendar is gone")
    staff.look("staff-calendar-gone")


def test_a_wrong_password_is_refused_and_the_name_is_kept(visitor: Arrive):
    somebody = visitor()
    somebody.go("/")
    somebody.look("sign-in")
    somebody.sign_in("demo-staff", "not the password")
    expect(somebody.page.get_by_role("alert")).to_be_visible()
    expect(somebody.page.locator("input[name=login]")).to_have_value("demo-staff")
    expect(somebody.page.locator("input[name=password]")).to_have_value("")


def test_a_staff_member_is_no_operator(visitor: Arrive):
    staff = visitor()
    staff.sign_in_as_staff()
    expect(staff.page.get_by_role("link", name="Admin")).to_have_count(0)
    answer = staff.page.goto(f"{staff.installation.url}/admin/")
    assert answer is not None
    assert answer.status == 403
    expect(staff.page.get_by_role("heading", name="You may not see this page")).to_be_visible()
