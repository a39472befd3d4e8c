"""Somebody with a link and nothing else: any zone, any device, with or without scripts, with or without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect

from . import agenda
from .conftest import Installation, Visitor
from .steps import choose_time, confirm, download_ics, offered

FRIDAY, SATURDAY = agenda.MONDAY + timedelta(days=4), agenda.MONDAY + timedelta(days=5)
Arrive = Callable[..., Visitor]


def test_without_scripts_a_time_is_found_in_ones_own_zone_and_booked(convene: Installation, visitor: Arrive):
    link = convene.ask(event={"summary": "Without scripts"})
    customer = visitor(timezone_id="America/New_York", java_script_enabled=False)
    page = customer.page
    customer.go(link)
    page.get_by_text("Change").click()
    page.get_by_label("Your time zone").select_option("America/New_York")
    page.get_by_role("button", name="Show times").click()
    assert "New York" in page.locator(".zone summary").inner_text()
    choose_time(customer, link, FRIDAY, "09:00")
    confirm(customer, "Nora")
    expect(page.get_by_text("It is booked")).to_be_visible()
    text = download_ics(customer)
    assert "SUMMARY:Without scripts" in text
    assert f"{FRIDAY:%Y%m%d}T140000" in text  # nine in New York in winter is fourteen in the host's UTC
    assert "cleo@example.org" not in text + page.content()


def test_with_scripts_the_zone_is_found_without_asking(convene: Installation, visitor: Arrive):
    link = convene.ask(event={"summary": "With scripts"})
    customer = visitor(timezone_id="America/New_York")
    customer.go(link)
    customer.page.wait_for_url("**tz=America%2FNew_York**")
    assert "New York" in customer.page.locator(".zone summary").inner_text()
    customer.look("customer-choose")
    choose_time(customer, link, FRIDAY, "10:00")
    customer.look("customer-confirm")
    confirm(customer, "Nora")
    expect(customer.page.get_by_text("It is booked")).to_be_visible()
    expect(customer.page.get_by_text("15:00 for Robin Lindqvist")).to_be_visible()
    customer.look("customer-booked")


def test_who_comes_second_keeps_the_form_and_is_shown_the_next_free_times(convene: Installation, visitor: Arrive):
    first, second = visitor(), visitor()
    choose_time(first, convene.ask(), SATURDAY, "09:00")
    late_link = convene.ask()
    choose_time(second, late_link, SATURDAY, "09:00")
    confirm(first, "First")
    expect(first.page.get_by_text("It is booked")).to_be_visible()
    confirm(second, "Second")
    expect(second.page.get_by_role("alert")).to_contain_text("can no longer be had")
    expect(second.page.get_by_label("Your name")).to_have_value("Second")
    second.look("customer-refused")
    assert second.page.get_by_role("radio").count() >= 3
    second.page.get_by_role("radio").nth(1).check()
    second.page.get_by_role("button", name="Confirm the booking").click()
    expect(second.page.get_by_text("It is booked")).to_be_visible()
    assert "09:00" not in offered(visitor(), convene.ask(), SATURDAY)


def test_a_booking_is_made_with_the_keyboard_alone(convene: Installation, visitor: Arrive):
    customer = visitor(timezone_id="UTC")
    customer.go(f"{convene.ask()}?day={SATURDAY.isoformat()}&tz=UTC")
    page = customer.page
    tab_to(page, "document.activeElement.matches('.time')")
    page.keyboard.press("Enter")
    page.wait_for_url("**start=**")
    tab_to(page, "document.activeElement.name === 'name'")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Keiko")
    tab_to(page, "document.activeElement.textContent.includes('Confirm the booking')")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is booked")).to_be_visible()


def tab_to(page: Page, condition: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(condition):
            return
    raise AssertionError(f"the keyboard never got to where {condition}")


def test_closed_and_unknown_links_look_the_same(convene: Installation, visitor: Arrive):
    link = convene.ask()
    staff = visitor()
    staff.sign_in_as_staff()
    staff.go("/requests")
    staff.page.get_by_role("button", name="Withdraw").first.click()
    expect(staff.page.get_by_text("The link no longer works.")).to_be_visible()
    customer = visitor()
    pages = []
    for address in (link, f"{convene.url}/r/{'x' * 27}"):
        answer = customer.page.goto(address)
        assert answer is not None
        assert answer.status == 404
        pages.append(customer.page.locator("main").inner_text())
    assert pages[0] == pages[1]
    customer.look("customer-closed")
