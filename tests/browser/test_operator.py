"""The operator's admin in a real browser: its scripts run, its colours hold, its secrets stay where they are."""

from __future__ import annotations

from collections.abc import Callable

import requests

from .conftest import Installation, Visitor

LISTS = ("account", "calendar", "mirror", "booking", "schedulerrequest", "event", "apikey", "auditentry")


def test_an_operator_reaches_every_list_from_the_sidebar(visitor: Callable[..., Visitor]):
    operator = visitor()
    operator.sign_in_as_admin()
    assert operator.page.get_by_text("Accounts failing").is_visible()
    operator.look("admin-overview", reload=True)
    operator.go("/")
    operator.look("staff-week-of-an-operator")
    operator.page.get_by_role("link", name="Admin").click()
    for name in LISTS:
        operator.page.locator(f"#nav-sidebar a[href='/admin/bookings/{name}/']").click()
        operator.page.wait_for_url(f"**/admin/bookings/{name}/")
    operator.go("/admin/bookings/account/")
    operator.look("admin-accounts", reload=True)
    operator.page.locator("#result_list tbody th a").first.click()
    operator.page.get_by_text("Consecutive failures").wait_for()
    operator.look("admin-account", reload=True)


def test_a_key_issued_in_the_admin_is_shown_once_and_opens_the_api(
    convene: Installation, visitor: Callable[..., Visitor]
):
    operator = visitor()
    operator.sign_in_as_admin()
    page = operator.page
    operator.go("/admin/bookings/apikey/add/")
    operator.look("admin-issue-key", reload=True)
    page.get_by_role("combobox", name="Organisation").click()
    page.get_by_role("option", name="Harbour Studio").click()
    page.get_by_label("Name").fill("Website")
    page.get_by_role("button", name="Save", exact=True).click()
    secret = page.locator("#secret").inner_text()
    operator.look("admin-key-issued")
    answer = requests.post(
        f"{convene.url}/v1/scheduler_requests", headers={"Authorization": f"Bearer {secret}"}, json={}, timeout=30
    )
    assert answer.status_code == 422  # known, and told what is missing
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_text("In use").wait_for()
    assert secret not in page.content()
    assert page.evaluate("document.cookie").find(secret) == -1
