"""Staff say when somebody can be had: hours, other days, travel, limits; and read what that means."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from bookings.domain import absences
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host, offer
from bookings.models import AuditEntry, Host, Override
from bookings.pages.staff import preview
from tests import factories

pytestmark = pytest.mark.django_db

NEXT_YEAR = dt.date.today().year + 1


def fields(**changes):
    days = {f"day_{index}": "9-17" if index < 5 else "" for index in range(7)}
    return {"timezone": "Europe/Berlin", "stale_hours": "24", **days} | changes


def days(kind="leave", **changes):
    first = {"kind": kind, "first_day": f"{NEXT_YEAR}-03-02", "last_day": f"{NEXT_YEAR}-03-06"}
    return first | {"blocks": "", "zone": "Europe/Berlin", "redirect_to": "", "note": ""} | changes


@pytest.fixture
def colleague(host):
    return factories.host(host.organisation, name="Ben Baker", timezone="Europe/Berlin")


def monday(host) -> dt.date:
    return dt.datetime.fromtimestamp(preview.of(of_host(host, minutes=30)).noon, dt.UTC).date()


def test_with_one_host_the_page_is_theirs_with_several_there_is_a_list(staff, host):
    assert staff.get("/availability")["Location"] == f"/availability/{host.pk}"
    other = factories.host(host.organisation, name="Ben Baker", timezone="Europe/Paris", limits={"day": 3})
    today = dt.date.today()
    absences.add(other, kind="leave", first_day=today, last_day=today, actor=SYSTEM)
    html = staff.get("/availability").content.decode()
    assert "Monday to Friday 9:00–17:00 in Paris, at most 3 a day." in html
    assert "Out of office" in html


def test_hours_zone_limits_and_holidays_are_saved_and_told_in_a_sentence(staff, host):
    data = fields(timezone="Europe/Paris", day_5="10:00–12:00, 13–14", limit_week="12", holiday_country="FR")
    answer = staff.post(f"/availability/{host.pk}", data)
    assert answer.status_code == 302, answer.context["form"].errors
    found = Host.everywhere.get(pk=host.pk)
    assert found.schedule.weekly == [[[540, 1020]]] * 5 + [[[600, 720], [780, 840]], []]
    assert (found.timezone, found.limits, found.holiday_country) == ("Europe/Paris", {"week": 12}, "FR")
    page = staff.get(f"/availability/{host.pk}")
    assert page.context["sentence"] == (
        "Monday to Friday 9:00–17:00, Saturday 10:00–12:00, 13:00–14:00 in Paris, at most 12 a week, "
        "not on public holidays."
    )
    actions = set(AuditEntry.everywhere.filter(object_id=host.pk).values_list("action", flat=True))
    assert {"host.hours_changed", "host.zone_changed", "host.rules_changed"} <= actions


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"day_3": "always"}, "day_3", "Write hours such as"),
        ({"timezone": "Mars"}, "timezone", "Select a valid choice"),
        ({"limit_day": "0"}, "limit_day", "greater than or equal to 1"),
        ({"holiday_country": "DE", "holiday_region": "XX"}, "holiday_region", "no such region"),
        ({"room_url": "javascript:alert(1)"}, "room_url", "Enter a valid URL."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_the_rest_is_kept(staff, host, changes, field, message):
    before = host.schedule.weekly
    answer = staff.post(f"/availability/{host.pk}", fields(day_6="11:11-12:12", **changes))
    assert answer.status_code == 422
    assert message in " ".join(answer.context["form"].errors[field])
    assert "11:11-12:12" in answer.content.decode()
    assert Host.everywhere.get(pk=host.pk).schedule.weekly == before


def test_hours_are_copied_to_the_days_below_before_anything_is_saved(staff, host):
    page = staff.post(f"/availability/{host.pk}", fields(day_1="8-9", copy="1"))
    assert [page.context["form"][f"day_{index}"].value() for index in range(7)] == ["9-17", *["8-9"] * 6]
    assert Host.everywhere.get(pk=host.pk).schedule.weekly == host.schedule.weekly


def test_the_live_preview_of_what_is_typed_is_that_of_what_is_saved_then(staff, host):
    data = fields(day_0="10-12", timezone="America/New_York", limit_day="2")
    typed = staff.post(f"/availability/{host.pk}/preview", data)
    assert Host.everywhere.get(pk=host.pk).timezone == "Europe/Berlin"
    staff.post(f"/availability/{host.pk}", data)
    stored = staff.get(f"/availability/{host.pk}")
    assert typed.context["sentence"] == stored.context["sentence"]
    assert typed.context["preview"] == stored.context["preview"]
    assert typed.context["preview"].days[0].times == ["10:00", "10:30", "11:00", "11:30"]


def test_a_week_without_times_says_so_and_leads_to_the_reason(staff, host):
    html = staff.post(f"/availability/{host.pk}/preview", fields(**{f"day_{i}": "" for i in range(7)})).content.decode()
    assert "Nobody could book anything next week." in html
    assert "/why" in html


def test_days_out_of_office_send_customers_to_a_colleague(staff, host, colleague):
    first = monday(host)
    data = days(first_day=str(first), last_day=str(first), redirect_to=str(colleague.pk), note="Fair")
    page = staff.post(f"/availability/{host.pk}/days", data, follow=True).content.decode()
    assert "Ben Baker is asked instead" in page
    assert "Fair" in page
    lo = preview.of(of_host(host, minutes=30)).noon
    terms = of_host(host, minutes=30)
    found = offer(terms, lo - 43_200, lo + 43_200)
    assert {each.name for start in found.starts for each in found.hosts_at(start)} == {"Ben Baker"}


def test_other_hours_and_travel_hold_on_their_days(staff, host):
    first = monday(host)
    on = {"first_day": str(first), "last_day": ""}
    staff.post(f"/availability/{host.pk}/days", days("hours", blocks="12-13", **on))
    page = staff.get(f"/availability/{host.pk}")
    assert page.context["preview"].days[0].times == ["12:00", "12:30"]
    assert "12:00–13:00" in page.content.decode()
    staff.post(f"/availability/{host.pk}/days", days("travel", zone="America/New_York", **on))
    assert staff.get(f"/availability/{host.pk}").context["preview"].days[0].times == ["18:00", "18:30"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_day": ""}, "first_day"),
        ({"last_day": f"{NEXT_YEAR}-03-01"}, "last_day"),
        ({"kind": "hours", "blocks": ""}, "blocks"),
        ({"kind": "hours", "blocks": "9-8"}, "blocks"),
        ({"kind": "holiday"}, "kind"),
        ({"first_day": "0001-01-01", "last_day": ""}, "first_day"),
    ],
)
def test_days_that_cannot_be_are_said_so_and_kept(staff, host, changes, field):
    answer = staff.post(f"/availability/{host.pk}/days", days(note="Kept note", **changes) | changes)
    assert answer.status_code == 422
    assert field in answer.context["days"].errors
    assert "Kept note" in answer.content.decode()
    assert not Override.everywhere.exists()


def test_bookings_on_the_days_are_told_of_and_stay(staff, host):
    first = monday(host)
    start = next(
        each
        for each in offer(of_host(host, minutes=30), 0, 2**40).starts
        if each > preview.of(of_host(host, minutes=30)).noon
    )
    factories.booking(host, start=start, minutes=30)
    data = days(first_day=str(first), last_day=str(first + dt.timedelta(days=6)))
    page = staff.post(f"/availability/{host.pk}/days", data, follow=True).content.decode()
    assert "1 booking lies on these days and stays" in page


def test_days_are_taken_back_and_that_is_undone(staff, host, colleague):
    staff.post(f"/availability/{host.pk}/days", days(redirect_to=str(colleague.pk), note="Fair"))
    row = Override.everywhere.get()
    page = staff.post(f"/availability/{host.pk}/days/{row.pk}/remove", follow=True).content.decode()
    assert not Override.everywhere.exists()
    undo = page[page.index("The weekly hours hold again") :]
    typed = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', undo.split("</form>")[0]))
    staff.post(f"/availability/{host.pk}/days", typed)
    again = Override.everywhere.get()
    for name in ("kind", "first_day", "last_day", "redirect_to", "note"):
        assert getattr(again, name) == getattr(row, name), name


def test_what_blocks_and_how_fresh_it_is_stands_there(staff, host):
    factories.caldav_calendar(host, blocks=False)
    html = staff.get(f"/availability/{host.pk}").content.decode()
    assert "Does not block" in html
    assert "not read yet" in html
    assert "kept on this server" in html
    assert f"/why?host={host.pk}" in html


def test_those_of_other_organisations_are_not_there(staff, host):
    alien = factories.host(name="Alien")
    row = absences.add(alien, kind="closed", first_day=dt.date.today(), last_day=dt.date.today(), actor=SYSTEM)
    assert staff.get(f"/availability/{alien.pk}").status_code == 404
    for path in ("", "/preview", "/days", f"/days/{row.pk}/remove"):
        assert staff.post(f"/availability/{alien.pk}{path}", fields()).status_code == 404
    assert staff.post(f"/availability/{host.pk}/days/{row.pk}/remove").status_code == 404
    assert staff.post(f"/availability/{host.pk}/days", days(redirect_to=str(alien.pk))).status_code == 422
    assert Override.everywhere.get() == row


@pytest.mark.parametrize("many", [1, 15])
def test_pages_cost_the_same_number_of_queries_however_much_there_is(staff, host, many, django_assert_max_num_queries):
    for index in range(many):
        other = factories.host(host.organisation, name=f"Host {index}")
        day = dt.date(NEXT_YEAR, 1, 1) + dt.timedelta(days=index)
        absences.add(host, kind="leave", first_day=day, last_day=day, redirect_to=other, actor=SYSTEM)
    with django_assert_max_num_queries(7):
        staff.get("/availability")
    with django_assert_max_num_queries(19):
        staff.get(f"/availability/{host.pk}")
