"""Staff look after bookings: find, confirm, move, hand over, cancel, note, book for somebody, take the list along."""

from __future__ import annotations

import csv
import datetime as dt
import io
import time

import pytest

from bookings.domain import offers, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_event_type, of_host, offer
from bookings.engine.zones import zone
from bookings.models import Booking, Claim
from tests import factories

pytestmark = pytest.mark.django_db


def free(host, index=0, minutes=30):
    return offer(of_host(host, minutes=minutes), 0, 2**40).starts[index]


def booked(host, title="Talk", index=0, **wish):
    terms = of_host(host, minutes=30)
    asked = reserve.Wish(title, "America/New_York", name="Doc", email="doc@example.org", **wish)
    return reserve.book(host.organisation, terms, offer(terms, 0, 2**40).starts[index], asked, actor=SYSTEM)


def waiting(host):
    team = offers.Team((offers.Member(host),))
    kind = offers.create(host.organisation, name="Interview", actor=SYSTEM, team=team, needs_confirmation=True)
    terms = of_event_type(kind)
    wish = reserve.Wish("Interview", "UTC", name="Ada", email="ada@example.org", event_type=kind)
    return reserve.book(host.organisation, terms, offer(terms, 0, 2**40).starts[0], wish, actor=SYSTEM)


@pytest.fixture
def colleague(host):
    return factories.host(host.organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin", name="Ben Baker")


def titles(answer):
    return {booking.title for booking in answer.context["page"].object_list}


# ── Finding ──


def test_bookings_are_found_by_state_host_type_day_and_words(staff, host, colleague):
    booked(host, "Portfolio")
    booked(colleague, "Tour")
    asked = waiting(host)
    assert titles(staff.get("/bookings")) == {"Portfolio", "Tour", "Interview"}
    assert titles(staff.get("/bookings?state=waiting")) == {"Interview"}
    assert titles(staff.get(f"/bookings?host={colleague.pk}")) == {"Tour"}
    assert titles(staff.get(f"/bookings?type={asked.event_type_id}")) == {"Interview"}
    assert titles(staff.get("/bookings?q=ADA")) == {"Interview"}
    day = dt.datetime.fromtimestamp(asked.start_s, dt.UTC).date()
    assert titles(staff.get(f"/bookings?since={day + dt.timedelta(days=400)}")) == set()
    assert "Interview" in titles(staff.get(f"/bookings?until={day}"))


def test_who_waits_for_a_yes_is_counted_at_the_top(staff, host):
    waiting(host)
    assert "1 waits for your yes" in staff.get("/bookings").content.decode()


@pytest.mark.parametrize(
    "query", ["host=x", "state=nonsense", "since=yesterday", "type=%00", "page=x", "q=" + "a" * 999]
)
def test_filters_that_make_no_sense_are_left_out_of_account(staff, host, query):
    booked(host)
    answer = staff.get(f"/bookings?{query}")
    assert answer.status_code == 200
    assert titles(answer) == {"Talk"}


def test_the_list_is_taken_along_as_a_file_in_which_nothing_runs(staff, host):
    made = booked(host, "=HYPERLINK(1)")
    booked(host, "Tour", 5)
    text = staff.get("/bookings/export.csv?q=hyperlink").content.decode()
    head, row = csv.reader(io.StringIO(text))
    assert head[0] == "Start"
    assert row[3] == "'=HYPERLINK(1)"
    assert (row[7], row[8]) == ("Doc", "doc@example.org")
    assert row[0] == f"{dt.datetime.fromtimestamp(made.start_s, dt.UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("many", [1, 20])
def test_pages_cost_the_same_number_of_queries_however_much_there_is(
    staff, host, colleague, many, django_assert_max_num_queries
):
    for _index in range(many):
        made = booked(host)
        factories.host(host.organisation, weekly=factories.ALWAYS)
    for address, most in (
        ("/bookings", 10),
        ("/bookings/export.csv", 9),
        (f"/bookings/{made.pk}", 10),
        (f"/bookings/{made.pk}/move", 17),
        (f"/bookings/{made.pk}/hand-over", 17),
        (f"/bookings/new?what={host.pk}", 12),
    ):
        with django_assert_max_num_queries(most):
            assert staff.get(address).status_code == 200, address


# ── Deciding ──


def test_what_waits_is_confirmed_or_declined_with_a_reason(staff, host):
    made = waiting(host)
    assert "Confirm</button>" in staff.get(f"/bookings/{made.pk}").content.decode()
    staff.post(f"/bookings/{made.pk}/confirm")
    made.refresh_from_db()
    assert made.state == "confirmed"
    Booking.everywhere.all().delete()
    again = reserve.book(
        host.organisation,
        of_host(host, minutes=30),
        free(host, 9),
        reserve.Wish("Again", "UTC", confirmed=False),
        actor=SYSTEM,
    )
    staff.post(f"/bookings/{again.pk}/decline", {"reason": "Fully booked"})
    again.refresh_from_db()
    assert (again.state, again.cancel_reason) == ("declined", "Fully booked")


def test_a_cancellation_is_taken_back_unless_the_time_is_gone(staff, host):
    made = booked(host)
    staff.post(f"/bookings/{made.pk}/cancel", {"reason": "Mistake"})
    assert "Take the cancellation back" in staff.get(f"/bookings/{made.pk}").content.decode()
    staff.post(f"/bookings/{made.pk}/confirm")
    made.refresh_from_db()
    assert made.state == "confirmed"
    staff.post(f"/bookings/{made.pk}/cancel", {"reason": ""})
    reserve.book(host.organisation, of_host(host, minutes=30), made.start_s, reserve.Wish("Other", "UTC"), actor=SYSTEM)
    page = staff.post(f"/bookings/{made.pk}/confirm", follow=True).content.decode()
    assert "This time has just been taken." in page
    made.refresh_from_db()
    assert made.state == "cancelled"


def test_whether_the_customer_came_is_noted_once_it_began(staff, host):
    made = booked(host)
    assert "did not come" not in staff.get(f"/bookings/{made.pk}").content.decode()
    staff.post(f"/bookings/{made.pk}/no-show")
    made.refresh_from_db()
    assert made.state == "confirmed", "it has not begun"
    Booking.everywhere.filter(pk=made.pk).update(start_s=int(time.time()) - 3600, end_s=int(time.time()) - 60)
    staff.post(f"/bookings/{made.pk}/no-show")
    assert Booking.everywhere.get().state == "no_show"
    staff.post(f"/bookings/{made.pk}/came")
    assert Booking.everywhere.get().state == "completed"


def test_notes_are_kept_and_told_in_the_history(staff, host):
    made = booked(host)
    page = staff.post(f"/bookings/{made.pk}/notes", {"notes": "Brings a dog"}, follow=True).content.decode()
    assert "Brings a dog" in page
    assert "Changed: notes" in page


# ── Moving ──


def test_a_booking_is_moved_to_a_time_that_is_really_free(staff, host):
    made, other = booked(host), booked(host, "Other", 4)
    shown = staff.get(f"/bookings/{made.pk}/move").context["slots"]
    starts = [start for day in shown.days for start, _label in day.times]
    assert made.start_s in starts, "it does not stand in its own way"
    assert other.start_s not in starts
    page = staff.post(f"/bookings/{made.pk}/move", {"start": starts[5]}, follow=True).content.decode()
    made.refresh_from_db()
    assert made.start_s == starts[5]
    assert "Moved to another time" in page
    assert "from " in page


def test_a_taken_time_is_refused_with_the_reason_and_taken_only_on_request(staff, host):
    made, other = booked(host), booked(host, "Other", 4)
    local = dt.datetime.fromtimestamp(zone(host.timezone).to_wall(other.start_s), dt.UTC)
    typed = {"day": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}"}
    answer = staff.post(f"/bookings/{made.pk}/move", typed)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "This time has just been taken." in html
    assert typed["day"] in html
    staff.post(f"/bookings/{made.pk}/move", typed | {"forced": "on"})
    made.refresh_from_db()
    assert (made.start_s, made.forced) == (other.start_s, True)
    assert "booked outside the rules" in staff.get(f"/bookings/{made.pk}").content.decode()


@pytest.mark.parametrize("typed", [{}, {"day": "2027-03-01"}, {"start": "soon"}, {"day": "0001-01-01", "time": "9:00"}])
def test_without_a_time_nothing_is_moved(staff, host, typed):
    made = booked(host)
    assert staff.post(f"/bookings/{made.pk}/move", typed).status_code == 422
    assert Booking.everywhere.get().start_s == made.start_s


# ── Handing over ──


def test_a_booking_is_handed_to_a_colleague_who_is_free(staff, host, colleague):
    made, busy = booked(host), factories.host(host.organisation, weekly=[[]] * 7, name="Never There")
    people = dict(staff.get(f"/bookings/{made.pk}/hand-over").context["people"])
    assert people == {colleague: True, busy: False}
    page = staff.post(f"/bookings/{made.pk}/hand-over", {"host": colleague.pk}, follow=True).content.decode()
    held = Claim.everywhere.filter(booking=made, state=Claim.State.BOOKED)
    assert [claim.host for claim in held] == [colleague]
    assert "from Greta Hoffmann to Ben Baker" in page


def test_who_is_not_free_gets_it_only_on_request(staff, host):
    made, busy = booked(host), factories.host(host.organisation, weekly=[[]] * 7, name="Never There")
    answer = staff.post(f"/bookings/{made.pk}/hand-over", {"host": busy.pk})
    assert answer.status_code == 409
    assert "does not work at this time" in answer.content.decode()
    staff.post(f"/bookings/{made.pk}/hand-over", {"host": busy.pk, "forced": "on"})
    made.refresh_from_db()
    assert made.forced
    assert made.assignment["hosts"] == [str(busy.pk)]


# ── Booking for somebody ──


def told(host, **changes):
    return {
        "what": str(host.pk),
        "minutes": "45",
        "name": "Lena Fischer",
        "email": "lena@example.org",
        "timezone": "Europe/Paris",
        "title": "Fitting",
        "notes": "Called twice",
    } | changes


def test_staff_book_for_somebody_at_a_free_time(staff, host):
    shown = staff.get(f"/bookings/new?what={host.pk}&minutes=45").context["slots"]
    start = shown.days[1].times[2][0]
    answer = staff.post("/bookings/new", told(host, start=start))
    made = Booking.everywhere.get()
    assert answer["Location"] == f"/bookings/{made.pk}"
    assert (made.title, made.start_s, made.end_s, made.timezone) == ("Fitting", start, start + 2700, "Europe/Paris")
    assert (made.contact.name, made.contact.email, made.notes) == ("Lena Fischer", "lena@example.org", "Called twice")
    assert not made.forced


def test_staff_book_an_event_type_which_needs_no_further_yes(staff, host):
    kind = waiting(host).event_type
    start = staff.get(f"/bookings/new?what={kind.pk}").context["slots"].days[1].times[3][0]
    staff.post("/bookings/new", told(host, what=str(kind.pk), minutes="", start=start, title=""))
    made = Booking.everywhere.get(start_s=start)
    assert (made.state, made.title, made.event_type) == ("confirmed", "Interview", kind)


def test_a_taken_time_is_warned_of_and_booked_outside_the_rules_on_request(staff, host):
    other = booked(host)
    local = dt.datetime.fromtimestamp(zone(host.timezone).to_wall(other.start_s), dt.UTC)
    data = told(host, day=f"{local:%Y-%m-%d}", time=f"{local:%H:%M}")
    answer = staff.post("/bookings/new", data)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Lena Fischer" in html, "what was typed is kept"
    assert "Even outside the rules" in html
    assert Booking.everywhere.count() == 1
    staff.post("/bookings/new", data | {"forced": "on"})
    made = Booking.everywhere.exclude(pk=other.pk).get()
    assert (made.forced, made.start_s) == (True, other.start_s)
    assert "Outside the rules, on request" in staff.get(f"/bookings/{made.pk}").content.decode()


@pytest.mark.parametrize("changes", [{"name": ""}, {"email": "nobody"}, {"start": ""}, {"timezone": "Mars"}])
def test_what_is_missing_is_said_and_the_rest_kept(staff, host, changes):
    answer = staff.post("/bookings/new", told(host, start=free(host, 3), phone="+49 30 99") | changes)
    assert answer.status_code == 422
    assert "+49 30 99" in answer.content.decode()
    assert not Booking.everywhere.exists()


def test_those_of_other_organisations_are_not_there(staff, host):
    foreign = factories.host(weekly=factories.ALWAYS)
    alien = booked(foreign)
    for path in ("move", "hand-over"):
        assert staff.get(f"/bookings/{alien.pk}/{path}").status_code == 404
    for path in ("confirm", "decline", "cancel", "move", "hand-over", "no-show", "came", "notes"):
        assert staff.post(f"/bookings/{alien.pk}/{path}", {"start": "1"}).status_code == 404
    mine = booked(host)
    assert staff.post(f"/bookings/{mine.pk}/hand-over", {"host": foreign.pk}).status_code == 422
    staff.post("/bookings/new", told(foreign, start=free(foreign, 3)))
    assert Booking.everywhere.count() == 2
    assert "doc@example.org" in staff.get("/bookings/export.csv").content.decode()
