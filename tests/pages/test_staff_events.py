"""Staff see the week and make, change, delete and follow events."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.test import Client
from django.utils.timezone import now

from bookings.domain import calendar
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host, offer
from bookings.domain.reserve import Wish, book
from bookings.engine.zones import DAY, wall
from bookings.formats.event import EventData
from bookings.models import Event, Mirror
from bookings.pages.staff import grid
from tests import factories

pytestmark = pytest.mark.django_db

TUESDAY = wall(2027, 3, 2)


def fields(host, /, **changes):
    """A filled-in form: Tuesday 2 March 2027, ten to eleven in Berlin."""
    return {
        "title": "Design critique",
        "calendar": str(host.booking_calendar_id),
        "day": "2027-03-02",
        "start": "10:00",
        "end": "11:00",
        "timezone": "Europe/Berlin",
        "free_busy_status": "busy",
    } | changes


def make(host, title="Design critique", start=TUESDAY + 36_000, **changes):
    data = EventData(title, start, "Europe/Berlin", 3600, **changes)
    return calendar.create(host.booking_calendar, data, actor=SYSTEM)


@pytest.mark.parametrize("address", ["/", "/events/new", "/requests", "/requests/new", "/bookings", "/why"])
def test_pages_are_for_members_only(address, client, org):
    assert client.get(address)["Location"].startswith("/accounts/login/")
    stranger = factories.staff_user(factories.organisation())
    stranger.memberships.all().delete()
    client.force_login(stranger, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(address).status_code == 403


def test_the_week_shows_events_where_they_are(staff, host):
    make(host)
    html = staff.get("/?day=2027-03-02&tz=Europe/Berlin").content.decode()
    assert "1 – 7 March 2027" in html
    assert "Design critique" in html
    assert "10:00–11:00" in html


def test_the_week_is_told_in_the_chosen_zone(staff, host):
    make(host)
    assert "14:30–15:30" in staff.get("/?day=2027-03-02&tz=Asia/Kolkata").content.decode()


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_an_all_day_event_stands_on_its_own_days_on_any_clock(staff, org, tz):
    colleague = factories.host(org, timezone="Asia/Kolkata")
    for title, days in [("Holi", 1), ("Away", 2)]:
        data = EventData(title, TUESDAY, "Asia/Kolkata", days * DAY, all_day=True)
        calendar.create(colleague.booking_calendar, data, actor=SYSTEM)
    html = staff.get(f"/?day=2027-03-02&tz={tz}").content.decode()
    lanes = [re.findall(r"<strong>(.*?)<", lane) for lane in re.findall(r'<ul class="all-day">(.*?)</ul>', html, re.S)]
    assert [sorted(lane) for lane in lanes] == [[], ["Away", "Holi"], ["Away"], [], [], [], []]


def places(html):
    """{title: the classes of its box in the week}."""
    return {
        title: set(classes.split())
        for classes, title in re.findall(r'<li class="(place [^"]*)"[^>]*>.*?<strong>(.*?)<', html)
    }


def test_overlapping_events_stand_side_by_side(staff, host):
    make(host, "One")
    make(host, "Two")
    found = places(staff.get("/?day=2027-03-02").content.decode())
    assert {"half", "x-0", "w-30"} <= found["One"]
    assert {"half", "x-30", "w-30"} <= found["Two"]


def test_an_event_takes_the_width_that_nobody_beside_it_needs(staff, host):
    for title, start, length in [("Long", 0, 7200), ("Early", 0, 3600), ("Also", 0, 1800), ("Late", 3600, 3600)]:
        data = EventData(title, TUESDAY + 36_000 + start, "Europe/Berlin", length)
        calendar.create(host.booking_calendar, data, actor=SYSTEM)
    found = places(staff.get("/?day=2027-03-02").content.decode())
    assert {"narrow", "x-0", "w-20"} <= found["Long"]
    assert {"narrow", "x-40", "w-20"} <= found["Also"]
    assert {"wide", "x-20", "w-40"} <= found["Late"]


def test_of_many_events_at_once_none_hides_another(staff, host):
    for number in range(12):
        make(host, f"Number {number}")
    found = places(staff.get("/?day=2027-03-02").content.decode())
    lefts = {next(name for name in classes if name.startswith("x-")) for classes in found.values()}
    assert lefts == {f"x-{5 * number}" for number in range(12)}


def test_every_place_that_a_week_can_give_is_in_its_styles():
    styles = (settings.BASE_DIR / "static" / "week-grid.css").read_text()
    for share in grid.SHARES[1:]:
        part = grid.WIDTH // share
        for number in range(share):
            assert f".x-{number * part} {{" in styles
            assert number == 0 or f".w-{number * part} {{" in styles


def test_an_event_says_all_of_itself_to_who_points_at_it(staff, org, host):
    title = "A title that is much longer than any box in the week could ever show in full, with its last word: herring"
    make(host, title)
    html = staff.get("/?day=2027-03-02&tz=Europe/Berlin").content.decode()
    assert f'title="{title}&#10;10:00–11:00&#10;{host.name}"' in html


@pytest.mark.parametrize("day", ["x", "2027-02-31", "0001-01-01", "9999-12-31", ""])
def test_an_odd_day_shows_some_week(staff, host, day):
    assert staff.get("/", {"day": day}).status_code == 200


def test_one_host_can_be_looked_at_alone(staff, org, host):
    other = factories.host(org, name="Marcus Reed")
    make(host)
    calendar.create(other.booking_calendar, EventData("Budget", TUESDAY + 36_000, "UTC", 3600), actor=SYSTEM)
    html = staff.get(f"/?day=2027-03-02&host={other.pk}").content.decode()
    assert "Budget" in html
    assert "Design critique" not in html


def test_events_of_other_organisations_are_never_shown(staff, host):
    foreign = factories.host(name="Foreign host")
    event = calendar.create(foreign.booking_calendar, EventData("Alien", TUESDAY, "UTC", 3600), actor=SYSTEM)
    html = staff.get(f"/?day=2027-03-02&host={foreign.pk}").content.decode()
    assert "Alien" not in html
    assert "Foreign host" not in html
    for address in (f"/events/{event.pk}", f"/events/{event.pk}/edit", f"/events/{event.pk}/state"):
        assert staff.get(address).status_code == 404
    for verb in ("delete", "restore"):
        assert staff.post(f"/events/{event.pk}/{verb}").status_code == 404
    assert staff.post("/events/new", fields(foreign)).status_code == 422


@pytest.mark.parametrize("many", [1, 12])
def test_the_week_costs_the_same_number_of_queries_for_any_number_of_hosts(
    staff, org, host, many, django_assert_max_num_queries
):
    for index in range(many):
        own = factories.host(org)
        for at in range(5):
            data = EventData("Event", TUESDAY + index * 1800 + at * DAY, "UTC", 1800)
            calendar.create(own.booking_calendar, data, actor=SYSTEM)
    with django_assert_max_num_queries(13):
        staff.get("/?day=2027-03-02")


def test_a_filled_in_form_makes_the_event(staff, host):
    answer = staff.post("/events/new", fields(host, guests="a@b.co, c@d.co", location="Room 2"))
    event = Event.everywhere.get()
    assert answer["Location"] == f"/events/{event.pk}"
    assert (event.title, event.start_s, event.duration, event.location) == (
        "Design critique",
        int(dt.datetime(2027, 3, 2, 9, tzinfo=dt.UTC).timestamp()),
        3600,
        "Room 2",
    )
    assert set(event.participants.values_list("email", flat=True)) == {"a@b.co", "c@d.co"}
    page = staff.get(answer["Location"]).content.decode()
    assert "Tuesday 2 March 2027, 10:00" in page


def test_an_event_may_last_all_day_and_several_days(staff, host):
    staff.post("/events/new", fields(host, all_day="on", end_day="2027-03-04", start="", end=""))
    event = Event.everywhere.get()
    assert (event.all_day, event.duration) == (True, 3 * DAY)


def test_an_event_may_repeat_until_a_day(staff, host):
    staff.post("/events/new", fields(host, repeats="weekly", until="2027-03-31"))
    found = calendar.occurrences([host.booking_calendar], TUESDAY, TUESDAY + 60 * DAY)
    assert len(found) == 5


WORDS = {
    "FREQ=DAILY;COUNT=30": "Every day, 30 times",
    "FREQ=DAILY;COUNT=1": "Every day, once",
    "FREQ=DAILY;INTERVAL=2": "Every 2 days",
    "FREQ=WEEKLY": "Every week",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=5": "Monday to Friday, 5 times",
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR": "Monday to Friday",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH,FR;WKST=SU": "Every 2 weeks on Tuesday, Thursday and Friday",
    "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270331T220000Z": "Every week on Tuesday, until 1 April 2027",
    "FREQ=WEEKLY;UNTIL=20270331T235959": "Every week, until 31 March 2027",
    "FREQ=MONTHLY;BYMONTHDAY=2": "Every month on day 2",
    "FREQ=MONTHLY;BYMONTHDAY=2,16": "Every month on days 2 and 16",
    "FREQ=MONTHLY;BYMONTHDAY=-1": "Every month on the last day",
    "FREQ=MONTHLY;INTERVAL=3;BYDAY=1TU": "Every 3 months on the first Tuesday",
    "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=-1": "Every month on the last Tuesday",
    "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=2": "Every year on 2 March",
    "FREQ=YEARLY;BYDAY=20MO": "By a rule of its own",
    "FREQ=HOURLY;COUNT=3": "By a rule of its own",
}


@pytest.mark.parametrize(("rule", "words"), WORDS.items())
def test_a_series_is_told_in_words_and_kept_when_something_else_is_changed(staff, host, rule, words):
    event = make(host, recurrence_rules=(rule,))
    assert f"<dd>{words}</dd>" in staff.get(f"/events/{event.pk}").content.decode()
    answer = staff.post(f"/events/{event.pk}/edit", shown(staff, event) | {"title": "Renamed"})
    assert answer.status_code == 302
    event.refresh_from_db()
    assert (event.title, event.recurrence_rules) == ("Renamed", [rule])


class Shown(HTMLParser):
    """What the form on a page holds, as a browser sends it back."""

    def __init__(self, html):
        super().__init__()
        self.held, self._select, self._area = {}, "", ""
        self.feed(html[html.index('id="event-form"') :])

    def handle_starttag(self, tag, attributes):
        had = dict(attributes)
        box = had.get("type") in ("checkbox", "radio")
        if tag == "input" and (not box or "checked" in had):
            value = had.get("value", "on" if box else "")
            self.held[had.get("name")] = [*self.held.get(had.get("name"), []), value] if box else value
        elif tag == "select":
            self._select = had["name"]
        elif tag == "textarea":
            self._area = had["name"]
            self.held[self._area] = ""
        elif tag == "option" and ("selected" in had or self._select not in self.held):
            self.held[self._select] = had["value"]

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data):
        if self._area:
            self.held[self._area] += data.removeprefix("\n")


def shown(staff, event):
    return Shown(staff.get(f"/events/{event.pk}/edit").content.decode()).held


def test_a_rule_that_the_form_has_no_choice_for_is_one_of_its_choices(staff, host):
    event = make(host, recurrence_rules=("FREQ=MONTHLY;BYMONTHDAY=2,16;COUNT=30",))
    page = staff.get(f"/events/{event.pk}/edit").content.decode()
    assert '<option value="custom" selected>Every month on days 2 and 16, 30 times</option>' in page


@pytest.mark.parametrize(
    ("rule", "until", "after"),
    [
        ("FREQ=DAILY;COUNT=30", "2027-03-09", "FREQ=DAILY;UNTIL=20270309T235959"),
        ("FREQ=WEEKLY;UNTIL=20270331T235959;BYDAY=TU", "2027-03-09", "FREQ=WEEKLY;UNTIL=20270309T235959;BYDAY=TU"),
        ("FREQ=WEEKLY;UNTIL=20270331T235959;BYDAY=TU", "", "FREQ=WEEKLY;BYDAY=TU"),
    ],
)
def test_the_end_of_a_series_is_changed_without_touching_its_rule(staff, host, rule, until, after):
    event = make(host, recurrence_rules=(rule,))
    ends = "until" if until else "never"
    staff.post(f"/events/{event.pk}/edit", shown(staff, event) | {"until": until, "ends": ends})
    event.refresh_from_db()
    assert event.recurrence_rules == [after]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "x" * 1025}, "at most 1024 characters"),
        ({"end": "09:00"}, "The end is not after the start."),
        ({"start": ""}, "A time is needed"),
        ({"end_day": "2027-03-01"}, "The last day is before the first."),
        ({"guests": "a@b.co, nobody"}, "“nobody” is not an e-mail address."),
        ({"timezone": "Mars/Olympus"}, "Select a valid choice."),
        ({"calendar": "nonsense"}, "Select a valid choice."),
        ({"repeats": "daily", "until": "2027-03-01"}, "end before it begins"),
        ({"day": "2027-02-31"}, "Enter a valid date."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_the_rest_is_kept(staff, host, changes, message):
    answer = staff.post("/events/new", fields(host, location="Kept room", **changes))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert message in html
    assert "Kept room" in html
    assert not Event.everywhere.exists()


def test_with_htmx_a_refused_form_comes_back_as_a_fragment_and_success_leads_on(staff, host):
    headers = {"HX-Request": "true"}
    refused = staff.post("/events/new", fields(host, title=""), headers=headers)
    assert refused.content.strip().startswith(b"<form")
    done = staff.post("/events/new", fields(host), headers=headers)
    assert done["HX-Redirect"].startswith("/events/")


def test_an_event_is_changed_in_place(staff, host):
    event = make(host)
    form = staff.get(f"/events/{event.pk}/edit").content.decode()
    assert 'value="Design critique"' in form
    assert 'value="10:00"' in form
    staff.post(f"/events/{event.pk}/edit", fields(host, title="Later critique", start="15:00", end="16:30"))
    event.refresh_from_db()
    assert (event.title, event.duration, event.sequence) == ("Later critique", 5400, 1)


def test_answers_of_guests_survive_a_change(staff, host):
    from bookings.formats.event import Person

    event = make(host, people=(Person("a@b.co", "Ann", rsvp="accepted", key="x"),))
    staff.post(f"/events/{event.pk}/edit", fields(host, guests="a@b.co new@b.co"))
    assert dict(event.participants.values_list("email", "rsvp")) == {"a@b.co": "accepted", "new@b.co": "needs-action"}


def test_a_deleted_event_can_be_brought_back(staff, host):
    event = make(host)
    answer = staff.post(f"/events/{event.pk}/delete")
    week = staff.get(answer["Location"]).content.decode()
    assert "“Design critique” is deleted." in week
    assert staff.get(f"/events/{event.pk}").status_code == 404
    again = staff.post(f"/events/{event.pk}/restore")
    assert staff.get(again["Location"]).status_code == 200
    assert Event.everywhere.filter(deleted_at=None).get().start_s == event.start_s


def test_one_occurrence_can_be_deleted_and_the_others_stay(staff, host):
    event = make(host, recurrence_rules=("FREQ=DAILY;COUNT=5",))
    at = event.start_wall + DAY
    assert "Delete only this one" in staff.get(f"/events/{event.pk}?at={at}").content.decode()
    staff.post(f"/events/{event.pk}/delete", {"at": at})
    assert len(calendar.occurrences([host.booking_calendar], TUESDAY, TUESDAY + 9 * DAY)) == 4


def test_the_page_follows_an_event_until_its_calendar_has_it(staff, host):
    factories.caldav_calendar(host, last_verified_at=now())
    host.refresh_from_db()
    event = make(host)
    state = staff.get(f"/events/{event.pk}/state").content.decode()
    assert "Pending" in state
    assert 'hx-trigger="every 2s"' in state
    Mirror.everywhere.update(applied_revision=1)
    state = staff.get(f"/events/{event.pk}/state").content.decode()
    assert "In sync" in state
    assert "hx-trigger" not in state


def test_a_failing_delivery_says_since_when_and_why_and_can_be_tried_again(staff, host):
    factories.caldav_calendar(host, last_verified_at=now())
    host.refresh_from_db()
    event = make(host)
    Mirror.everywhere.update(state="failed", failing_since=now(), last_error="The calendar refused the event.")
    page = staff.get(f"/events/{event.pk}").content.decode()
    assert "The calendar refused the event." in page
    assert "since" in page
    mirror = Mirror.everywhere.get()
    assert f'action="/mirrors/{mirror.pk}/retry"' in page
    again = staff.post(f"/mirrors/{mirror.pk}/retry", {"next": f"/events/{event.pk}"}, follow=True)
    assert again.redirect_chain == [(f"/events/{event.pk}", 302)]
    assert "It is being sent again." in again.content.decode()
    mirror.refresh_from_db()
    assert mirror.state == "idle"


def test_a_booking_is_not_edited_as_an_event(staff, host):
    terms = of_host(host, minutes=30)
    made = book(host.organisation, terms, offer(terms, 0, 2**40).starts[0], Wish("Talk", "UTC"), actor=SYSTEM)
    assert staff.get(f"/events/{made.event_id}").status_code == 200
    assert staff.get(f"/events/{made.event_id}/edit").status_code == 404
    assert staff.post(f"/events/{made.event_id}/delete").status_code == 404


def test_words_of_calendars_are_shown_as_words(staff, host):
    nasty = "<script>alert(1)</script>"
    event = make(host, nasty, description=nasty, description_type="text/html", location=nasty)
    for address in (f"/events/{event.pk}", "/?day=2027-03-02"):
        assert "<script>alert" not in staff.get(address).content.decode()


def test_changing_needs_the_forms_token(host, org):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(factories.staff_user(org), backend="allauth.account.auth_backends.AuthenticationBackend")
    event = make(host)
    for address in ("/events/new", f"/events/{event.pk}/edit", f"/events/{event.pk}/delete", "/requests/new"):
        assert strict.post(address, fields(host)).status_code == 403


def test_a_series_brought_back_keeps_its_moved_and_left_out_occurrences(staff, host):
    event = make(host, recurrence_rules=("FREQ=DAILY;COUNT=4",), excluded_dates=(TUESDAY + 36_000 + DAY,))
    moved = Event.everywhere.create(
        organisation=host.organisation,
        calendar=event.calendar,
        uid=event.uid,
        master=event,
        recurrence_wall=event.start_wall + 2 * DAY,
        title="Moved one",
        start_wall=event.start_wall + 2 * DAY + 7200,
        timezone=event.timezone,
        duration=3600,
        start_s=event.start_s + 2 * DAY + 7200,
        end_s=event.start_s + 2 * DAY + 10_800,
        until_s=event.start_s + 2 * DAY + 10_800,
    )

    def happening():
        found = calendar.occurrences([host.booking_calendar], TUESDAY, TUESDAY + 9 * DAY)
        return [(each.event.title, each.start_s) for each in found]

    before = happening()
    assert ("Moved one", moved.start_s) in before
    staff.post(f"/events/{event.pk}/delete")
    assert happening() == []
    staff.post(f"/events/{event.pk}/restore")
    assert happening() == before


def test_what_was_not_sent_or_lies_in_a_vanished_calendar_is_not_called_in_sync(staff, host):
    connected = factories.caldav_calendar(host, last_verified_at=now())
    host.refresh_from_db()
    event = make(host)
    Mirror.everywhere.update(applied_revision=1, last_error="Not sent: the event was over already.")
    page = staff.get(f"/events/{event.pk}").content.decode()
    assert "Not sent: the event was over already." in page
    assert "In sync" not in page
    connected.state = "gone"
    connected.save()
    assert "The calendar is gone" in staff.get(f"/events/{event.pk}").content.decode()


def test_a_password_reset_without_a_mail_server_is_answered(client, org):
    member = factories.staff_user(org)
    answer = client.post("/accounts/password/reset/", {"email": member.email}, follow=True)
    assert answer.status_code == 200
    assert "Look into your mail" in answer.content.decode()


RULES = [
    ({"repeats": "daily", "every": "3"}, "FREQ=DAILY;INTERVAL=3", "Every 3 days"),
    ({"repeats": "weekly", "days": ["1", "3"]}, "FREQ=WEEKLY;BYDAY=TU,TH", "Every week on Tuesday and Thursday"),
    ({"repeats": "monthly"}, "FREQ=MONTHLY;BYMONTHDAY=2", "Every month on day 2"),
    ({"repeats": "monthly", "monthly": "weekday"}, "FREQ=MONTHLY;BYDAY=1TU", "Every month on the first Tuesday"),
    ({"repeats": "monthly", "monthly": "last"}, "FREQ=MONTHLY;BYDAY=-1TU", "Every month on the last Tuesday"),
    ({"repeats": "monthly", "monthly": "end"}, "FREQ=MONTHLY;BYMONTHDAY=-1", "Every month on the last day"),
    ({"repeats": "yearly", "ends": "count", "count": "5"}, "FREQ=YEARLY;COUNT=5", "Every year, 5 times"),
    (
        {"repeats": "weekdays", "ends": "until", "until": "2027-03-31"},
        "FREQ=WEEKLY;UNTIL=20270331T235959;BYDAY=MO,TU,WE,TH,FR",
        "Monday to Friday, until 31 March 2027",
    ),
]


@pytest.mark.parametrize(("chosen", "rule", "words"), RULES)
def test_a_rule_is_built_and_told_in_words_while_it_is(staff, host, chosen, rule, words):
    asked = {"day": "2027-03-02", "timezone": "Europe/Berlin"} | chosen
    assert f">{words}</p>" in staff.get("/events/words", asked).content.decode()
    staff.post("/events/new", fields(host, **chosen))
    event = Event.everywhere.get()
    assert event.recurrence_rules == [rule]
    held = shown(staff, event)
    assert {name: held[name] for name in chosen} == chosen
    staff.post(f"/events/{event.pk}/edit", held | {"title": "Renamed"})
    event.refresh_from_db()
    assert (event.title, event.recurrence_rules) == ("Renamed", [rule])


@pytest.mark.parametrize("asked", [{}, {"repeats": "weekly"}, {"repeats": "x", "day": "2027-03-02"}])
def test_what_is_not_chosen_yet_has_no_words(staff, host, asked):
    assert b'role="status"></p>' in staff.get("/events/words", asked).content


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"repeats": "daily", "ends": "count"}, "Say when it ends."),
        ({"repeats": "daily", "every": "0"}, "greater than or equal to 1"),
        ({"repeats": "weekly", "days": "9"}, "Select a valid choice."),
        ({"room": "teams"}, "Select a valid choice."),
        ({"alerts": "P9D"}, "Select a valid choice."),
    ],
)
def test_a_rule_or_room_that_cannot_be_is_refused_beside_its_field(staff, host, chosen, message):
    answer = staff.post("/events/new", fields(host, **chosen))
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not Event.everywhere.exists()


@pytest.mark.parametrize(
    ("scope", "titles"),
    [
        ("this", ["Old", "New", "Old", "Old"]),
        ("following", ["Old", "New", "New", "New"]),
        ("all", ["New", "New", "New", "New"]),
    ],
)
def test_a_change_goes_as_far_as_asked(staff, host, scope, titles):
    event = make(host, "Old", recurrence_rules=("FREQ=DAILY;COUNT=4",))
    at = event.start_wall + DAY
    page = staff.get(f"/events/{event.pk}/edit?at={at}").content.decode()
    held = Shown(page).held
    assert held["day"] == "2027-03-03"
    staff.post(f"/events/{event.pk}/edit", held | {"scope": scope, "title": "New", "start": "11:00", "end": "12:00"})
    found = calendar.occurrences([host.booking_calendar], TUESDAY, TUESDAY + 9 * DAY)
    assert [each.event.title for each in found] == titles
    assert [each.start_s % DAY for each in found] == [36_000 if title == "New" else 32_400 for title in titles]


def test_the_page_of_a_changed_occurrence_tells_of_that_one(staff, host):
    event = make(host, "Old", recurrence_rules=("FREQ=DAILY;COUNT=4",))
    at = event.start_wall + DAY
    held = Shown(staff.get(f"/events/{event.pk}/edit?at={at}").content.decode()).held
    made = staff.post(f"/events/{event.pk}/edit", held | {"title": "Special", "start": "16:00", "end": "17:00"})
    for address in (f"/events/{event.pk}?at={at}", made["Location"]):
        page = staff.get(address).content.decode()
        assert "<h1>Special</h1>" in page
        assert "Wednesday 3 March 2027, 16:00 – 17:00" in page
    assert staff.get(f"/events/{event.pk}?at={at + 60}").status_code == 404


def test_an_occurrence_and_all_that_follow_are_deleted(staff, host):
    event = make(host, recurrence_rules=("FREQ=DAILY;COUNT=4",))
    staff.post(f"/events/{event.pk}/delete", {"at": event.start_wall + DAY, "scope": "following"})
    assert len(calendar.occurrences([host.booking_calendar], TUESDAY, TUESDAY + 9 * DAY)) == 1


def test_a_room_reminders_and_privacy_are_chosen_and_kept(staff, host):
    host.room_url = "https://meet.example.org/greta"
    host.save()
    staff.post("/events/new", fields(host, room="link", alerts=["-PT10M", "-P1D"], privacy="private", notify="on"))
    event = Event.everywhere.get()
    assert event.conference["url"] == "https://meet.example.org/greta"
    offsets = sorted(each["trigger"]["offset"] for each in event.alerts.values())
    assert (offsets, event.privacy, event.notify_guests) == (["-P1D", "-PT10M"], "private", True)
    assert "https://meet.example.org/greta" in staff.get(f"/events/{event.pk}").content.decode()
    before = (event.conference, event.alerts)
    staff.post(f"/events/{event.pk}/edit", shown(staff, event) | {"title": "Renamed"})
    event.refresh_from_db()
    assert (event.title, event.conference, event.alerts) == ("Renamed", *before)
    staff.post(f"/events/{event.pk}/edit", shown(staff, event) | {"room": "jitsi", "alerts": ["-P1D"]})
    event.refresh_from_db()
    assert (event.conference["kind"], len(event.alerts)) == ("jitsi", 1)


def test_an_invitation_is_answered_with_a_comment(staff, host):
    from bookings.formats.event import Person

    people = (Person("boss@b.co", role="owner"), Person(host.email))
    event = make(host, people=people)
    assert "You are invited" in staff.get(f"/events/{event.pk}").content.decode()
    staff.post(f"/events/{event.pk}/answer", {"rsvp": "declined", "comment": "On a boat"})
    mine = event.participants.get(email=host.email)
    assert (mine.rsvp, mine.comment) == ("declined", "On a boat")
    page = staff.get(f"/events/{event.pk}").content.decode()
    assert "On a boat" in page
    refused = staff.post(f"/events/{event.pk}/answer", {"rsvp": "perhaps"}, follow=True)
    assert "Possible are:" in refused.content.decode()


def test_who_is_not_invited_is_not_asked(staff, host):
    event = make(host)
    assert "You are invited" not in staff.get(f"/events/{event.pk}").content.decode()
    assert staff.post(f"/events/{event.pk}/answer", {"rsvp": "accepted"}).status_code == 404


def test_the_events_pages_cost_a_fixed_number_of_queries(staff, host, django_assert_max_num_queries):
    event = make(host, recurrence_rules=("FREQ=DAILY;COUNT=4",))
    for address, most in ((f"/events/{event.pk}", 12), (f"/events/{event.pk}/edit", 14), ("/events/new", 9)):
        with django_assert_max_num_queries(most):
            staff.get(address)
