"""The week in a real browser: drag, resize, keys, and the way back."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from .conftest import Visitor
from .steps import HOST

Arrive = Callable[..., Visitor]


def at(page: Page, date: str, row: float) -> tuple[float, float]:
    """A point in a day's column, in quarter hours from its top."""
    box = page.locator(f"[data-date='{date}'] .hours").bounding_box()
    assert box is not None
    rows = int(page.locator(f"[data-date='{date}']").get_attribute("data-rows") or 0)
    return box["x"] + box["width"] * 0.6, box["y"] + box["height"] / rows * row


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def says(event: Locator, times: str) -> None:
    expect(event).to_have_attribute("title", f"Drawn here\n{times}\n{HOST}")


def test_an_event_is_drawn_moved_made_longer_and_brought_back(visitor: Arrive):
    staff = visitor(viewport={"width": 1280, "height": 1250})
    staff.sign_in_as_staff()
    page = staff.page
    staff.go("/?day=2027-06-08&tz=UTC")
    page.get_by_role("list", name="Whose week").get_by_role("link", name=HOST).click()
    expect(page.locator(".week-day")).to_have_count(7)
    drag(page, at(page, "2027-06-08", 8.5), at(page, "2027-06-08", 11.5))  # from seven on: 09:00 to 10:00
    page.get_by_role("dialog").get_by_label("Title").fill("Drawn here")
    page.keyboard.press("Enter")
    event = page.get_by_role("link", name="Drawn here")
    toast = page.get_by_role("status").filter(has=page.get_by_role("button", name="Undo"))
    says(event, "09:00–10:00")

    drag(page, at(page, "2027-06-08", 9.5), at(page, "2027-06-10", 13.5))
    expect(page.locator("[data-date='2027-06-10']").get_by_role("link", name="Drawn here")).to_be_visible()
    says(event, "10:00–11:00")
    toast.get_by_role("button", name="Undo").click()
    says(event, "09:00–10:00")

    drag(page, at(page, "2027-06-08", 11.9), at(page, "2027-06-08", 13.9))
    says(event, "09:00–10:30")

    event.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    says(event, "09:30–10:45")
    expect(page.locator("[data-date='2027-06-09']").get_by_role("link", name="Drawn here")).to_be_focused()
    staff.look("staff-week-toast")
    page.keyboard.press("Delete")
    expect(event).to_have_count(0)
    toast.get_by_role("button", name="Undo").click()
    says(event, "09:30–10:45")


def test_keys_lead_through_the_weeks_and_tell_of_themselves(visitor: Arrive):
    staff = visitor()
    staff.sign_in_as_staff()
    page = staff.page
    staff.go("/?day=2027-06-08&view=week")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", level=1, name="14 – 20 June 2027")).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_role("heading", level=1, name="Monday 14 June 2027")).to_be_visible()
    staff.look("staff-day")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_label("Use keys of one letter").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", level=1, name="Monday 14 June 2027")).to_be_visible()
