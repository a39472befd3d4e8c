"""From an empty machine to a booked slot in a real calendar: one story, told by everybody in it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.servers import CalDavServer

from . import agenda, steps
from .conftest import Installation, Visitor
from .test_operator import LISTS

Arrive = Callable[..., Visitor]


def test_from_an_empty_machine_to_a_booked_slot(convene: Installation, dav: CalDavServer, visitor: Arrive):
    office = dav.make_calendar("office", title="Office")
    agenda.fill(dav, office)
    staff = visitor(timezone_id="Europe/Berlin")
    staff.sign_in_as_staff()
    expect(staff.page.get_by_role("list", name="Whose week")).to_be_visible()
    steps.connect_calendar(staff, dav, "Office")
    what_was_there_blocks(convene, staff, visitor())
    an_event_lives_and_dies_on_the_server(staff, dav, office)
    link = steps.send_request(staff, "Sailing lesson")
    staff.look("staff-request-sent")
    a_customer_books(visitor(timezone_id="America/New_York"), link, dav, office)
    staff_see_the_booking(staff)
    an_operator_sees_it_all(visitor(), convene)


def what_was_there_blocks(convene: Installation, staff: Visitor, customer: Visitor) -> None:
    steps.show_week(staff, agenda.MONDAY)
    for title in agenda.TITLES:
        expect(staff.page.get_by_role("link", name=title).first).to_be_visible()
    staff.look("staff-week")
    link = convene.ask()
    monday = steps.offered(customer, link, agenda.MONDAY)
    assert "08:00" in monday, "the occurrence that was moved away still blocks"
    assert not {"13:00", "13:30"} & {*monday}, "where it was moved to is not blocked"
    tuesday = steps.offered(customer, link, agenda.TUESDAY)
    assert {"10:30", "12:00"} < {*tuesday}
    assert not {"11:00", "11:30"} & {*tuesday}, "an event in another zone does not block"
    assert steps.offered(customer, link, agenda.WEDNESDAY) == [], "an all-day event does not block"


def an_event_lives_and_dies_on_the_server(staff: Visitor, dav: CalDavServer, calendar: str) -> None:
    steps.show_week(staff, agenda.THURSDAY)
    steps.make_event(staff, "Rigging the boat", agenda.THURSDAY, calendar="Office")
    steps.see_in_sync(staff)
    assert steps.holds(dav, calendar, "Rigging the boat")
    staff.look("staff-event")
    steps.rename_event(staff, "Rigging two boats")
    steps.see_in_sync(staff)
    assert steps.holds(dav, calendar, "Rigging two boats")
    assert not steps.holds(dav, calendar, "Rigging the boat")
    staff.page.get_by_role("button", name="Delete").click()
    expect(staff.page.get_by_text("is deleted.")).to_be_visible()
    steps.wait_until_gone(dav, calendar, "Rigging two boats")


def a_customer_books(customer: Visitor, link: str, dav: CalDavServer, calendar: str) -> None:
    steps.choose_time(customer, link, agenda.TUESDAY, "09:00")
    steps.confirm(customer, "Nora")
    expect(customer.page.get_by_text("It is booked")).to_be_visible()
    assert f"{agenda.TUESDAY:%Y%m%d}T140000" in steps.download_ics(customer)
    steps.wait_until_held(dav, calendar, "Sailing lesson")


def staff_see_the_booking(staff: Visitor) -> None:
    staff.go("/bookings")
    staff.page.get_by_role("link", name="Sailing lesson").click()
    expect(staff.page.get_by_text("Nora")).to_be_visible()
    expect(staff.page.get_by_role("region", name="In the calendars")).to_contain_text("In sync")
    staff.look("staff-booking")
    staff.go("/requests")
    staff.look("staff-requests")


def an_operator_sees_it_all(operator: Visitor, convene: Installation) -> None:
    operator.sign_in_as_admin()
    expected = {"account": "Office server", "mirror": "In sync", "booking": "Sailing lesson", "apikey": "Demo"}
    for name in LISTS:
        operator.go(f"/admin/bookings/{name}/")
        html = operator.page.content()
        assert expected.get(name, "") in html
        assert not [secret for secret in convene.secrets if secret in html], name
    operator.look("admin-audit", reload=True)
