"""An owner makes a key for a program, copies it, and ends it again."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
from playwright.sync_api import expect

from .conftest import Installation, Visitor

Arrive = Callable[..., Visitor]


def sign_in(visitor: Visitor) -> None:
    visitor.go("/accounts/login/")
    visitor.sign_in("demo-admin", visitor.installation.keys["admin_password"])


def calendars(convene: Installation, secret: str) -> int:
    """What the API answers a program that shows this secret."""
    headers = {"Authorization": f"ApiKey {secret}"}
    return requests.get(f"{convene.url}/v3/calendars/list", headers=headers, timeout=30).status_code


def test_a_key_is_made_copied_used_and_revoked(convene: Installation, visitor: Arrive):
    owner = visitor(permissions=["clipboard-read", "clipboard-write"])
    sign_in(owner)
    page = owner.page
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Keys").click()
    owner.look("keys")
    page.get_by_role("link", name="New key").click()
    owner.look("keys-which-api")

    page.get_by_role("link", name=re.compile("^Timekit")).click()
    page.get_by_label("Name", exact=True).fill("Website of the studio")
    page.get_by_role("link", name=re.compile("^Resource key")).click()
    expect(page.get_by_label("Whose calendar")).to_be_visible()
    morgen = page.get_by_role("link", name=re.compile("^Morgen"))
    morgen.click()
    expect(morgen).to_have_attribute("aria-current", "true")
    expect(morgen).to_be_focused()
    expect(page.get_by_label("Read events")).to_be_checked()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Website of the studio")
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Works until").select_option("A day I choose")
    page.get_by_label("Last day").fill("2020-01-01")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".field", has=page.get_by_label("Last day")).locator(".error")).to_contain_text("passed")
    owner.look("keys-refused")

    page.get_by_label("Works until").select_option("30 days from now")
    page.get_by_role("button", name="Make the key").dblclick()
    expect(page.get_by_role("heading", name="Copy the key now")).to_be_visible()
    secret = page.get_by_label("API key", exact=True).input_value()
    page.get_by_role("button", name="Copy API key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("button", name="Copy guten-morgen").click()
    expect(page.get_by_role("button", name="Copied")).to_have_count(2)
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"export MORGEN_BASE_URL={convene.url}/v3\nexport MORGEN_API_KEY={secret}"
    )
    owner.look("keys-shown-once")
    assert calendars(convene, secret) == 200

    page.reload()
    expect(page.get_by_text("cannot be shown again")).to_be_visible()
    assert secret not in page.content()
    owner.look("keys-one")
    page.get_by_role("link", name="Revoke").click()
    owner.look("keys-revoke")
    page.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_role("cell", name="Website of the studio")).to_have_count(0)
    assert calendars(convene, secret) == 401
    page.get_by_role("link", name="Ended").click()
    expect(page.get_by_role("link", name="Website of the studio")).to_have_count(1)


def test_a_pair_is_made_without_javascript(visitor: Arrive):
    owner = visitor(java_script_enabled=False)
    sign_in(owner)
    owner.go("/keys/new")
    page = owner.page
    page.get_by_role("link", name=re.compile("^Morph")).click()
    page.get_by_label("Name", exact=True).fill("CRM")
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Works until").select_option("A day I choose")
    expect(page.get_by_label("Last day")).to_be_visible()
    page.get_by_label("Works until").select_option("Somebody revokes it")
    page.get_by_role("button", name="Make the keys").click()
    assert page.get_by_label("Public key", exact=True).input_value().startswith("pk_")
    assert page.get_by_label("Secret key", exact=True).input_value().startswith("sk_")


def test_staff_are_told_whom_to_ask(visitor: Arrive):
    staff = visitor()
    staff.sign_in_as_staff()
    staff.go("/keys")
    expect(staff.page.get_by_role("heading", name="Keys are kept by owners and admins")).to_be_visible()
    staff.look("keys-not-yours")
