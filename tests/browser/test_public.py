"""Strangers at a public page: without scripts and with the keyboard, and on a phone until they cancel again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import expect

from . import agenda
from .conftest import Visitor
from .steps import choose_time, download_ics
from .test_customer import tab_to

THURSDAY, SUNDAY = agenda.MONDAY + timedelta(days=3), agenda.MONDAY + timedelta(days=6)
Arrive = Callable[..., Visitor]


def test_without_scripts_somebody_books_and_moves_it(visitor: Arrive):
    customer = visitor(java_script_enabled=False)
    page = customer.page
    customer.go("/demo")
    page.get_by_role("link", name="Consultation").click()
    page.get_by_role("link", name="60 minutes").click()
    choose_time(customer, page.url, SUNDAY, "16:00")
    page.get_by_label("Your name").fill("Nora")
    page.get_by_role("button", name="Confirm the booking").click()
    expect(page.get_by_text("This field is required")).to_have_count(2)
    page.get_by_label("Your e-mail").fill("nora@example.org")
    page.get_by_label("A new project").check()
    page.get_by_role("button", name="Confirm the booking").click()
    expect(page.get_by_role("heading", name="It is booked")).to_be_visible()
    assert "SUMMARY:Consultation" in download_ics(customer)
    page.get_by_role("link", name="Move to another time").click()
    page.locator(".time").first.click()
    page.get_by_role("button", name="Move it to this time").click()
    expect(page.get_by_text("It is moved.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Back to")).click()
    expect(page.get_by_text("16:00 – 17:00")).to_be_visible()


def test_on_a_phone_somebody_books_with_arrows_cancels_and_takes_it_back(visitor: Arrive):
    customer = visitor(
        timezone_id="UTC", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, locale="en-US"
    )
    page = customer.page
    customer.go("/demo")
    customer.look("public-index")
    customer.go(f"/demo/robin/first-meeting?month={THURSDAY:%Y-%m}&tz=UTC")
    tab_to(page, "document.activeElement.matches('a.day')")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").endswith("times free")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**day=**")
    expect(page.locator(".time").first).to_have_text(re.compile("[AP]M$"))
    customer.look("public-choose")
    page.locator(".time").last.click()
    page.get_by_label("Your name").fill("Piet")
    page.get_by_label("Your e-mail").fill("piet@example.org")
    page.get_by_role("button", name="Confirm the booking").click()
    expect(page.get_by_role("heading", name="It is booked")).to_be_visible()
    customer.look("public-manage")
    page.get_by_role("link", name="Cancel it").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_role("heading", name="It is cancelled")).to_be_visible()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", name="It is booked")).to_be_visible()
