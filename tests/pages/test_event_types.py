"""Staff say what can be booked, read what that means, and see the times that customers will see."""

from __future__ import annotations

import datetime as dt

import pytest

from bookings.domain import absences, availability, groups, offers, reserve
from bookings.domain.audit import SYSTEM
from bookings.models import AuditEntry, Booking, EventType, GroupRule, Override
from bookings.pages.staff import preview, sentences, weekly
from tests import factories

pytestmark = pytest.mark.django_db

OFFICE = {f"day_{index}": "9:00–17:00" if index < 5 else "" for index in range(7)}


def fields(*hosts, **changes):
    return {
        "name": "First talk",
        "durations": "30, 60",
        "buffer_before": "0",
        "buffer_after": "15",
        "notice": "4",
        "notice_unit": "hours",
        "window": "rolling",
        "window_days": "60",
        "limit_day": "3",
        "customer_week": "1",
        "capacity": "1",
        "team": "any",
        "hosts": [str(host.pk) for host in hosts],
        "when_unknown": "refuse",
        "remote_deletion": "ask",
        "place": "phone",
        "place_detail": "+49 30 1234",
        "change_notice": "0",
        "questions": "0",
        **OFFICE,
    } | changes


def saved(staff, data) -> EventType:
    answer = staff.post("/event-types/new", data)
    assert answer.status_code == 302, answer.context["form"].errors
    found = EventType.everywhere.order_by("-created_at").first()
    assert answer["Location"] == f"/event-types/{found.pk}"
    return found


def made(host, **settings) -> EventType:
    team = offers.Team((offers.Member(host),))
    return offers.create(host.organisation, name="First talk", actor=SYSTEM, team=team, **settings)


def test_an_empty_list_teaches_what_event_types_are(staff, host):
    assert "Make your first event type" in staff.get("/event-types").content.decode()


def test_what_is_typed_becomes_an_event_type(staff, host):
    found = saved(staff, fields(host, own_hours="on", needs_confirmation="on", is_public="on"))
    assert (found.name, found.slug, found.durations, found.buffer_after) == ("First talk", "first-talk", [30, 60], 15)
    assert (found.minimum_notice, found.limits, found.customer_limits) == (240, {"day": 3}, {"week": 1})
    assert (found.place, found.place_detail, found.needs_confirmation) == ("phone", "+49 30 1234", True)
    assert found.schedule.weekly == [[[540, 1020]]] * 5 + [[], []]
    assert list(found.hosts.all()) == [host]
    assert AuditEntry.everywhere.filter(object_id=found.pk, action="event_type.created").exists()


def test_what_is_shown_can_be_saved_again_and_changes_nothing(staff, host):
    found = saved(staff, fields(host, own_hours="on"))
    form = staff.get(f"/event-types/{found.pk}").context["form"]
    data = {
        field.html_name: field.value() for field in form if field.value() is not None and field.value() is not False
    }
    answer = staff.post(f"/event-types/{found.pk}", data | {"questions": "0"})
    assert answer.status_code == 302, answer.context["form"].errors
    again = EventType.everywhere.get()
    for name in ("name", "slug", "durations", "minimum_notice", "limits", "customer_limits", "window", "place"):
        assert getattr(again, name) == getattr(found, name), name
    assert again.schedule.weekly == found.schedule.weekly


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"durations": "half an hour"}, "durations", "Write minutes"),
        ({"durations": "0"}, "durations", "lasts from a minute"),
        ({"slug": "not/this"}, "slug", "letters, digits"),
        ({"capacity": "0"}, "capacity", "greater than or equal to 1"),
        ({"buffer_before": "99999"}, "buffer_before", "Possible are"),
        ({"hosts": []}, "hosts", "Choose who hosts it."),
        ({"own_hours": "on", "day_0": "late"}, "day_0", "Write hours such as"),
        ({"own_hours": "on", "day_0": "17-9"}, "day_0", "Hours end after they begin"),
        ({"own_hours": "on", "day_0": "9-12, 11-13"}, "day_0", "These hours overlap."),
        ({"window": "range", "window_first": "2027-03-05", "window_last": "2027-03-01"}, "window_last", "after"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_the_rest_is_kept(staff, host, changes, field, message):
    answer = staff.post("/event-types/new", fields(host, description="Kept words", **changes))
    assert answer.status_code == 422
    assert message in " ".join(answer.context["form"].errors[field])
    assert "Kept words" in answer.content.decode()
    assert not EventType.everywhere.exists()


def test_an_address_that_is_taken_is_said_so(staff, host):
    made(host, slug="talk")
    answer = staff.post("/event-types/new", fields(host, slug="talk"))
    assert answer.context["form"].errors["slug"] == ["This slug is taken."]


def test_the_sentence_says_what_the_rules_mean(staff, host):
    found = saved(staff, fields(host, own_hours="on", window="working", window_days="10", needs_confirmation="on"))
    assert staff.get(f"/event-types/{found.pk}").context["sentence"] == (
        "Monday to Friday 9:00–17:00 in Berlin, 30 minutes or 1 hour, 15 minutes free after, at least 4 hours ahead, "
        "up to 10 working days from now, at most 3 a day, at most 1 a week for one customer, each one waits for your "
        "yes, and others may ask for the same time meanwhile."
    )


def test_the_preview_shows_what_the_decision_says_of_next_week(staff, host):
    found = saved(staff, fields(host, own_hours="on"))
    shown = staff.get(f"/event-types/{found.pk}").context["preview"]
    assert [len(day.times) > 0 for day in shown.days] == [True] * 5 + [False] * 2
    terms = availability.of_event_type(found)
    assert shown == preview.of(terms)
    assert shown.days[0].times[0] == "9:00"


def test_the_live_preview_of_what_is_typed_is_that_of_what_is_saved_then(staff, host):
    data = fields(host, own_hours="on", day_2="10-12", capacity="4")
    typed = staff.post("/event-types/preview", data)
    assert not EventType.everywhere.exists()
    stored = staff.get(f"/event-types/{saved(staff, data).pk}")
    assert typed.context["sentence"] == stored.context["sentence"]
    assert typed.context["preview"] == stored.context["preview"]
    assert "up to 4 people in one session" in typed.content.decode()


def test_a_booking_is_missing_in_the_preview(staff, host):
    found = made(host, durations=[60])
    terms = availability.of_event_type(found)
    before = preview.of(terms)
    start = next(each for each in availability.offer(terms, 0, 2**40).starts if each > before.noon)
    reserve.book(host.organisation, terms, start, reserve.Wish("Talk", "UTC", event_type=found), actor=SYSTEM)
    assert staff.get(f"/event-types/{found.pk}").context["preview"].total == before.total - 1


def test_an_incomplete_form_is_told_what_is_missing_instead_of_times(staff, host):
    html = staff.post("/event-types/preview", fields(host, name="", durations="x")).content.decode()
    assert "As soon as the form is complete" in html
    assert "Write minutes" in html


def test_questions_are_added_ordered_and_taken_away_before_anything_is_saved(staff, host):
    first = {"q0-label": "Company", "q0-kind": "text", "q0-required": "on"}
    second = {"q1-label": "Size", "q1-kind": "select", "q1-options": "Small\nLarge"}
    page = staff.post("/event-types/new", fields(host, add_question="1", questions="1", **first))
    assert (page.status_code, page.context["rows"].count) == (200, 2)
    assert "Company" in page.content.decode()
    data = fields(host, questions="2", **first, **second)
    turned = staff.post("/event-types/new", data | {"up": "1"}).context["rows"]
    assert [row["label"].value() for row in turned.rows] == ["Size", "Company"]
    left = staff.post("/event-types/new", data | {"drop": "0"}).context["rows"]
    assert [row["label"].value() for row in left.rows] == ["Size"]
    assert not EventType.everywhere.exists()
    asked = list(saved(staff, data).questions.all())
    assert [(each.key, each.label, each.required, each.options) for each in asked] == [
        ("company", "Company", True, []),
        ("size", "Size", False, ["Small", "Large"]),
    ]


def test_a_choice_without_answers_is_said_beside_it(staff, host):
    row = {"q0-label": "Size", "q0-kind": "select", "q0-options": " "}
    answer = staff.post("/event-types/new", fields(host, questions="1", **row))
    assert answer.status_code == 422
    assert "Say what there is to choose from." in answer.content.decode()
    assert not EventType.everywhere.exists()


def test_hours_of_one_day_are_copied_to_the_days_below(staff, host):
    page = staff.post("/event-types/new", fields(host, own_hours="on", day_2="10-12", copy="2"))
    assert [page.context["form"][f"day_{index}"].value() for index in range(7)] == [
        *["9:00–17:00"] * 2,
        *["10-12"] * 5,
    ]


def test_everybody_together_is_offered_when_all_are_free(staff, host):
    other = factories.host(host.organisation, timezone="Europe/Berlin", name="Ben", weekly=[[[600, 660]]] * 7)
    data = fields(host, other, team="all", durations="30")
    typed = staff.post("/event-types/preview", data).context
    found = saved(staff, data)
    assert found.group_rule.mode == GroupRule.Mode.ALL
    assert typed["preview"] == staff.get(f"/event-types/{found.pk}").context["preview"]
    assert typed["preview"].days[0].times == ["10:00", "10:30"]


def test_a_group_rule_hosts_and_is_not_changed_by_choosing_people_instead(staff, host):
    other = factories.host(host.organisation, name="Ben")
    rule = groups.create(
        host.organisation, name="Sales", mode="any", parts=[groups.Part(host, 5), groups.Part(other)], actor=SYSTEM
    )
    found = saved(staff, fields(team=str(rule.pk)))
    assert found.group_rule == rule
    staff.post(f"/event-types/{found.pk}", fields(other))
    found.refresh_from_db()
    assert found.group_rule is None
    assert {part.host for part in groups.parts_of(rule)} == {host, other}


def test_own_calendars_block_in_place_of_the_hosts_choice(staff, host):
    calendar = factories.local_calendar(host)
    found = saved(staff, fields(host, calendars=[str(calendar.pk)]))
    assert list(found.calendars.all()) == [calendar]


def test_a_paused_type_says_so_and_is_let_go_on(staff, host):
    found = made(host)
    assert "is paused" in staff.post(f"/event-types/{found.pk}/pause", follow=True).content.decode()
    assert not EventType.everywhere.get().is_active
    staff.post(f"/event-types/{found.pk}/pause")
    assert EventType.everywhere.get().is_active


def test_a_copy_says_the_same_and_is_paused(staff, host):
    data = fields(host, own_hours="on", questions="1", **{"q0-label": "Company", "q0-kind": "text"})
    found = saved(staff, data)
    staff.post(f"/event-types/{found.pk}/duplicate")
    copied = EventType.everywhere.exclude(pk=found.pk).get()
    assert (copied.name, copied.is_active, copied.durations) == ("First talk (copy)", False, [30, 60])
    assert copied.slug != found.slug
    assert [each.label for each in copied.questions.all()] == ["Company"]
    assert copied.schedule.weekly == found.schedule.weekly
    assert copied.schedule != found.schedule
    assert list(copied.hosts.all()) == [host]


def test_deleting_tells_what_becomes_of_bookings_which_stay(staff, host):
    found = made(host)
    terms = availability.of_event_type(found)
    wish = reserve.Wish("Talk", "UTC", event_type=found)
    reserve.book(host.organisation, terms, availability.offer(terms, 0, 2**40).starts[0], wish, actor=SYSTEM)
    html = staff.get(f"/event-types/{found.pk}/delete").content.decode()
    assert "One of these is still to come." in html
    assert "Pause it instead" in html
    staff.post(f"/event-types/{found.pk}/delete")
    assert not EventType.everywhere.exists()
    assert Booking.everywhere.get().state == "confirmed"


def test_those_of_other_organisations_are_not_there(staff, host):
    alien = made(factories.host(name="Alien host"))
    assert "Alien" not in staff.get("/event-types").content.decode()
    for path in ("", "/delete"):
        assert staff.get(f"/event-types/{alien.pk}{path}").status_code == 404
    for path in ("", "/pause", "/duplicate", "/delete"):
        assert staff.post(f"/event-types/{alien.pk}{path}", fields(host)).status_code == 404
    foreign = alien.hosts.get()
    assert staff.post("/event-types/new", fields(foreign)).status_code == 422
    calendar = factories.local_calendar(foreign)
    assert staff.post("/event-types/new", fields(host, calendars=[str(calendar.pk)])).status_code == 422
    assert EventType.everywhere.count() == 1


@pytest.mark.parametrize("many", [1, 12])
def test_pages_cost_the_same_number_of_queries_however_much_there_is(staff, host, many, django_assert_max_num_queries):
    for index in range(many):
        other = factories.host(host.organisation, name=f"Host {index}")
        offers.create(host.organisation, name=f"T{index}", actor=SYSTEM, team=offers.Team((offers.Member(other),)))
    with django_assert_max_num_queries(8):
        staff.get("/event-types")
    with django_assert_max_num_queries(24):
        staff.get(f"/event-types/{EventType.everywhere.first().pk}")


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("9:00–17:00", [(540, 1020)]),
        ("9-12, 13-17", [(540, 720), (780, 1020)]),
        ("9am-5pm", [(540, 1020)]),
        ("12am to 12pm", [(0, 720)]),
        ("13.30 – 24:00", [(810, 1440)]),
        ("22-0", [(1320, 1440)]),
        ("14-15;9-10", [(540, 600), (840, 900)]),
        ("", []),
        ("Closed", []),
    ],
)
def test_hours_are_read_as_people_write_them(text, blocks):
    assert weekly.parse(text) == blocks
    assert weekly.parse(weekly.spell(blocks)) == blocks


@pytest.mark.parametrize("text", ["9", "9-", "25-26", "9:60-10", "10-9", "9-10-11", "9-11, 10-12", "٩-١٠"])
def test_hours_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match=r"hours|Hours"):
        weekly.parse(text)


@pytest.mark.parametrize(
    ("week", "words"),
    [
        ([[[540, 1020]]] * 5 + [[], []], "Monday to Friday 9:00–17:00"),
        ([[[0, 1440]]] * 7, "Every day all day"),
        ([[[540, 720]], [], [[540, 720]], [], [], [], []], "Monday 9:00–12:00, Wednesday 9:00–12:00"),
        ([[], [], [], [], [], [[600, 720], [780, 840]], [[600, 720], [780, 840]]], "10:00–12:00, 13:00–14:00"),
        ([[]] * 7, "never"),
    ],
)
def test_a_week_is_told_in_words(week, words):
    assert words in sentences.hours(week)


def test_a_day_off_is_missing_in_the_preview(staff, host):
    found = made(host)
    monday = dt.datetime.fromtimestamp(preview.of(availability.of_event_type(found)).noon, dt.UTC).date()
    absences.add(host, kind=Override.Kind.CLOSED, first_day=monday, last_day=monday, actor=SYSTEM)
    assert staff.get(f"/event-types/{found.pk}").context["preview"].days[0].times == []
