"""Rules beyond hours and busy time: windows, limits, holidays, stand-ins, confirmation, seats, series."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils.timezone import now

from bookings.domain import availability, calendar, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import check, explain, of_event_type, of_group, of_host, offer
from bookings.domain.calendar import Changes, PulledObject
from bookings.domain.errors import Invalid, NotAllowed, SlotTaken
from bookings.engine.zones import DAY, ymd, zone
from bookings.formats.event import EventData
from bookings.models import (
    Booking,
    Calendar,
    Claim,
    Contact,
    Event,
    EventType,
    GroupMember,
    GroupRule,
    Override,
    Schedule,
    Seat,
)
from tests import factories

pytestmark = pytest.mark.django_db

ENDLESS = 2**40
BERLIN = ZoneInfo("Europe/Berlin")
EPOCH = dt.date(1970, 1, 1).toordinal()


@pytest.fixture
def host():
    return factories.host(weekly=factories.ALWAYS, timezone="Europe/Berlin")


def event_type(*hosts, **fields):
    made = EventType.everywhere.create(
        organisation=hosts[0].organisation, name="Talk", slug=f"talk-{EventType.everywhere.count()}",
        **({"minimum_notice": 0} | fields),
    )  # fmt: skip
    made.hosts.set(hosts)
    return made


def today(host):
    return zone(host.timezone).day_of(availability._now(None))


def day_bounds(host, ahead):
    return zone(host.timezone).day_bounds(today(host) + ahead)


def as_date(day):
    return dt.date.fromordinal(day + EPOCH)


def wish(kind=None, name="Doc", **fields):
    return reserve.Wish("Talk", "Europe/Paris", event_type=kind, name=name, **fields)


def book(kind, start, **fields):
    return reserve.book(kind.organisation, of_event_type(kind), start, wish(kind, **fields), actor=SYSTEM)


# ── Windows ──


def test_a_rolling_window_ends_with_the_last_local_day(host):
    listed = offer(of_event_type(event_type(host, window_days=3)), 0, ENDLESS).starts
    assert listed[-1] == day_bounds(host, 3)[1] - 1800


def test_a_window_of_working_days_counts_only_days_with_hours():
    host = factories.host(timezone="Europe/Berlin")
    listed = offer(of_event_type(event_type(host, window="working", window_days=5)), 0, ENDLESS).starts
    days = {zone(host.timezone).day_of(start) for start in listed} - {today(host)}
    assert len(days) == 5


def test_a_fixed_window_is_open_from_its_first_to_its_last_day(host):
    first, last = today(host) + 10, today(host) + 11
    kind = event_type(host, window="range", window_first=as_date(first), window_last=as_date(last))
    listed = offer(of_event_type(kind), 0, ENDLESS).starts
    clock = zone(host.timezone)
    assert {clock.day_of(start) for start in listed} == {first, last}


def test_the_slot_interval_is_independent_of_the_length(host):
    kind = event_type(host, durations=[60, 90], slot_interval=15)
    lo, hi = day_bounds(host, 1)
    for minutes in (60, 90):
        listed = offer(of_event_type(kind, minutes=minutes), lo, hi).starts
        assert listed[1] - listed[0] == 900
        assert listed[-1] == hi - minutes * 60


def test_an_event_type_may_have_hours_of_its_own(host):
    mornings = Schedule.everywhere.create(organisation=host.organisation, weekly=[[[480, 540]]] * 7)
    lo, hi = day_bounds(host, 1)
    listed = offer(of_event_type(event_type(host, schedule=mornings)), lo, hi).starts
    assert [zone(host.timezone).to_wall(start) % DAY // 60 for start in listed] == [480, 510]


# ── Limits ──


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_used_up_limit_of_the_event_type_closes_its_period_and_no_other(host, period):
    kind = event_type(host, limits={period: 1}, window_days=70)
    lo, _ = day_bounds(host, 35)
    start = offer(of_event_type(kind), lo, ENDLESS).starts[0]
    book(kind, start)
    clock = zone(host.timezone)
    same = {"day": lambda d: d, "week": lambda d: (d + 3) // 7, "month": lambda d: ymd(d)[:2]}[period]
    taken = same(clock.day_of(start))
    left = {same(clock.day_of(each)) for each in offer(of_event_type(kind), 0, ENDLESS).starts}
    assert taken not in left
    assert left
    assert check(of_event_type(kind), start + 7200).code == f"limit_{period}"
    other = event_type(host)
    assert check(of_event_type(other), start + 7200).ok


def test_a_limit_of_the_host_counts_every_event_type(host):
    host.limits = {"day": 1}
    host.save()
    one, two = event_type(host), event_type(host)
    start = day_bounds(host, 2)[0]
    book(one, start)
    assert check(of_event_type(two), start + 7200).code == "limit_day"
    assert check(of_event_type(two), day_bounds(host, 3)[0]).ok


def test_a_limit_for_a_customer_counts_only_that_customer(host):
    kind = event_type(host, customer_limits={"week": 1})
    start = day_bounds(host, 10)[0]
    book(kind, start, email="doc@example.org")
    doc = Contact.everywhere.get(email="doc@example.org")
    other = Contact.everywhere.create(organisation=host.organisation, email="marty@example.org")
    assert check(of_event_type(kind, contact=doc), start + 7200).code == "limit_week"
    assert check(of_event_type(kind, contact=other), start + 7200).ok


def test_a_member_at_the_cap_leaves_the_group_to_the_others(host):
    other = factories.host(host.organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin")
    rule = GroupRule.everywhere.create(organisation=host.organisation, name="Team")
    for member in (host, other):
        GroupMember.everywhere.create(organisation=host.organisation, rule=rule, host=member, cap_per_day=1)
    start = day_bounds(host, 2)[0]
    terms = of_group(rule, minutes=30)
    first = reserve.book(host.organisation, terms, start, wish(), actor=SYSTEM).claims.get().host
    second = reserve.book(host.organisation, terms, start + 3600, wish(), actor=SYSTEM).claims.get().host
    assert {first, second} == {host, other}
    assert check(terms, start + 7200).code == "limit_day"


def test_a_cancelled_booking_no_longer_counts(host):
    kind = event_type(host, limits={"day": 1})
    start = day_bounds(host, 2)[0]
    reserve.cancel(book(kind, start), by="host", actor=SYSTEM)
    assert check(of_event_type(kind), start).ok


def test_only_the_first_free_slot_of_each_day_is_offered(host):
    kind = event_type(host, first_slot_only=True)
    lo, hi = day_bounds(host, 2)
    assert offer(of_event_type(kind), lo, hi).starts == [lo]
    assert offer(of_event_type(kind), lo + 7200, hi).starts == [], "a window inside the day does not make another first"
    assert check(of_event_type(kind), lo + 1800).code == "not_first"
    book(kind, lo)
    assert offer(of_event_type(kind), lo, hi).starts == [lo + 1800]


def test_the_first_slot_of_a_day_may_end_on_the_next():
    host = factories.host(weekly=[[[1380, 1440]]] * 7, timezone="Europe/Berlin")
    Override.everywhere.create(
        organisation=host.organisation, host=host, kind="hours", blocks=[[0, 30]],
        first_day=as_date(today(host) + 3), last_day=as_date(today(host) + 3),
    )  # fmt: skip
    kind = event_type(host, first_slot_only=True, durations=[90], slot_interval=60)
    (lo, _), (_, hi) = day_bounds(host, 2), day_bounds(host, 3)
    (start,) = offer(of_event_type(kind), lo, hi).starts
    assert start == lo + 23 * 3600
    assert check(of_event_type(kind), start).ok


# ── Days off ──


def test_public_holidays_of_the_hosts_country_are_closed():
    host = factories.host(weekly=factories.ALWAYS, timezone="Europe/Berlin", holiday_country="DE")
    year = as_date(today(host)).year + 1
    first_of_may = dt.date(year, 5, 1).toordinal() - EPOCH
    terms = of_event_type(event_type(host, window="open"))
    clock = zone(host.timezone)
    assert offer(terms, *clock.day_bounds(first_of_may)).starts == []
    assert offer(terms, *clock.day_bounds(first_of_may + 1)).starts


def test_a_host_who_says_so_works_on_a_holiday():
    host = factories.host(weekly=factories.ALWAYS, timezone="Europe/Berlin", holiday_country="DE")
    day = dt.date(as_date(today(host)).year + 1, 5, 1)
    Override.everywhere.create(
        organisation=host.organisation, host=host, kind="hours", first_day=day, last_day=day, blocks=[[600, 660]]
    )
    listed = offer(
        of_event_type(event_type(host, window="open")), *zone(host.timezone).day_bounds(day.toordinal() - EPOCH)
    )
    assert len(listed.starts) == 2


def leave(host, stand_in, ahead=2):
    day = as_date(today(host) + ahead)
    return Override.everywhere.create(
        organisation=host.organisation, host=host, kind="leave", first_day=day, last_day=day, redirect_to=stand_in
    )


def test_a_colleague_stands_in_during_leave_and_only_then(host):
    colleague = factories.host(host.organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin")
    leave(host, colleague)
    terms = of_host(host, minutes=30, notice=0)
    start = day_bounds(host, 2)[0] + 3600
    found = offer(terms, *day_bounds(host, 2))
    assert found.hosts_at(start) == [colleague]
    assert offer(terms, *day_bounds(host, 3)).hosts_at(day_bounds(host, 3)[0]) == [host]
    booking = reserve.book(host.organisation, terms, start, wish(), actor=SYSTEM)
    assert booking.claims.get().host == colleague
    assert check(terms, start).code in ("booked", "outside_hours")


def test_nobody_takes_two_places_of_a_meeting(host):
    other, colleague = (
        factories.host(host.organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin") for _ in range(2)
    )
    leave(host, colleague)
    both = GroupRule.everywhere.create(organisation=host.organisation, name="Both", mode="all")
    for member in (host, colleague):
        GroupMember.everywhere.create(organisation=host.organisation, rule=both, host=member)
    terms = of_group(both, minutes=30)
    assert offer(terms, *day_bounds(host, 2)).starts == [], "the colleague is needed already"
    assert check(terms, day_bounds(host, 2)[0]).code == "outside_hours"
    leave(host, other)
    start = day_bounds(host, 2)[0]
    assert set(offer(terms, *day_bounds(host, 2)).hosts_at(start)) == {other, colleague}
    booking = reserve.book(host.organisation, terms, start, wish(), actor=SYSTEM)
    assert {claim.host for claim in booking.claims.all()} == {other, colleague}


def test_leave_without_a_colleague_is_closed(host):
    leave(host, None)
    assert offer(of_host(host, minutes=30), *day_bounds(host, 2)).starts == []


def test_an_event_type_may_name_the_calendars_that_block_it(host):
    start = day_bounds(host, 2)[0]
    calendar.create(factories.local_calendar(host), EventData("Something", start, "UTC", 3600), actor=SYSTEM)
    other = factories.caldav_calendar(host, blocks=False, last_verified_at=now())
    ignoring = event_type(host)
    ignoring.calendars.set([other])
    assert check(of_event_type(ignoring), start).ok
    assert not check(of_event_type(event_type(host)), start).ok


# ── Confirmation ──


def test_a_pending_request_holds_its_time_by_default(host):
    kind = event_type(host, needs_confirmation=True)
    start = day_bounds(host, 2)[0]
    booking = book(kind, start)
    assert (booking.state, booking.event.status) == ("held", "tentative")
    with pytest.raises(SlotTaken):
        book(kind, start)
    confirmed = reserve.confirm(booking, actor=SYSTEM)
    assert (confirmed.state, confirmed.event.status) == ("confirmed", "confirmed")


def test_requests_that_hold_nothing_compete_and_one_is_confirmed(host):
    kind = event_type(host, needs_confirmation=True, pending_blocks=False)
    start = day_bounds(host, 2)[0]
    one, two = book(kind, start), book(kind, start)
    assert not Claim.everywhere.exists()
    assert reserve.confirm(one, actor=SYSTEM).state == "confirmed"
    with pytest.raises(SlotTaken):
        reserve.confirm(two, actor=SYSTEM)
    two.refresh_from_db()
    assert two.state == "requested", "nothing is lost: it can be declined or moved"
    assert Event.everywhere.filter(origin="booking", deleted_at=None).count() == 1


def test_a_cancellation_can_be_taken_back_while_the_time_is_free(host):
    kind = event_type(host)
    start = day_bounds(host, 2)[0]
    cancelled = reserve.cancel(book(kind, start), by="host", actor=SYSTEM)
    again = reserve.confirm(cancelled, actor=SYSTEM)
    assert (again.state, again.cancelled_by, again.event.deleted_at) == ("confirmed", "", None)
    other = reserve.cancel(again, by="host", actor=SYSTEM)
    book(kind, start)
    with pytest.raises(SlotTaken):
        reserve.confirm(other, actor=SYSTEM)


def test_declining_frees_the_time(host):
    kind = event_type(host, needs_confirmation=True)
    start = day_bounds(host, 2)[0]
    declined = reserve.decline(book(kind, start), actor=SYSTEM, reason="No")
    assert (declined.state, declined.cancel_reason) == ("declined", "No")
    assert check(of_event_type(kind), start).ok


def test_a_no_show_is_noted_only_after_the_start(host):
    booking = book(event_type(host), day_bounds(host, 2)[0])
    with pytest.raises(NotAllowed):
        reserve.mark_no_show(booking, actor=SYSTEM)
    Booking.everywhere.update(start_s=1, end_s=1801)
    assert reserve.mark_no_show(booking, actor=SYSTEM).state == "no_show"


# ── Seats ──


def seat(kind, start, email):
    return reserve.take_seat(kind.organisation, of_event_type(kind), start, wish(kind, email=email), actor=SYSTEM)


def test_seats_of_one_session_are_numbered_and_end(host):
    kind = event_type(host, capacity=2)
    start = day_bounds(host, 2)[0]
    one, two = seat(kind, start, "a@b.co"), seat(kind, start, "c@d.co")
    assert (one.number, two.number, one.booking_id) == (1, 2, two.booking_id)
    assert Claim.everywhere.count() == 1
    with pytest.raises(SlotTaken):
        seat(kind, start, "e@f.co")
    assert start not in offer(of_event_type(kind), *day_bounds(host, 2)).starts


def test_a_session_with_seats_left_is_still_offered(host):
    kind = event_type(host, capacity=3)
    start = day_bounds(host, 2)[0]
    seat(kind, start, "a@b.co")
    found = offer(of_event_type(kind), *day_bounds(host, 2)).starts
    assert start in found
    assert found == sorted(found)
    assert not check(of_event_type(event_type(host)), start).ok, "for another event type the host is taken"


def test_asking_again_gives_the_same_seat(host):
    kind = event_type(host, capacity=2)
    start = day_bounds(host, 2)[0]
    assert seat(kind, start, "a@b.co") == seat(kind, start, "A@b.co")
    assert Seat.everywhere.count() == 1


def test_leaving_a_seat_touches_nobody_else_and_the_last_one_ends_the_session(host):
    kind = event_type(host, capacity=2)
    start = day_bounds(host, 2)[0]
    one, two = seat(kind, start, "a@b.co"), seat(kind, start, "c@d.co")
    reserve.leave_seat(one, by="invitee", actor=SYSTEM)
    two.refresh_from_db()
    assert two.cancelled_at is None
    assert seat(kind, start, "e@f.co").number == 1
    for left in Seat.everywhere.filter(cancelled_at=None):
        reserve.leave_seat(left, by="invitee", actor=SYSTEM)
    assert Booking.everywhere.get().state == "cancelled"
    assert check(of_event_type(kind), start).ok


def test_guests_of_a_session_do_not_see_each_other(host):
    kind = event_type(host, capacity=2)
    session = seat(kind, day_bounds(host, 2)[0], "a@b.co").booking
    assert not session.event.participants.filter(email="a@b.co").exists()


def test_a_group_that_became_too_small_offers_no_seats(host):
    rule = GroupRule.everywhere.create(organisation=host.organisation, name="Team", mode="some", required=1)
    GroupMember.everywhere.create(organisation=host.organisation, rule=rule, host=host)
    kind = event_type(host, capacity=2, group_rule=rule)
    start = day_bounds(host, 2)[0]
    seat(kind, start, "a@b.co")
    GroupRule.everywhere.update(required=2)
    kind.refresh_from_db()
    assert check(of_event_type(kind), start).code == "no_host"
    assert offer(of_event_type(kind), *day_bounds(host, 2)).starts == []


# ── Series ──


def series(host, start, rule, **kwargs):
    terms = of_host(host, minutes=30, notice=0)
    return reserve.book_series(host.organisation, terms, start, rule, wish(), actor=SYSTEM, **kwargs)


def test_a_series_is_booked_whole_and_keeps_its_wall_time(host):
    start = day_bounds(host, 1)[0] + 10 * 3600
    made = series(host, start, "FREQ=DAILY;COUNT=10")
    assert len({booking.series for booking in made}) == 1
    to_wall = zone(host.timezone).to_wall
    assert len({to_wall(booking.start_s) % DAY for booking in made}) == 1
    assert Claim.everywhere.count() == 10


def test_one_taken_date_refuses_the_whole_series_and_is_named(host):
    start = day_bounds(host, 1)[0] + 10 * 3600
    taken = zone(host.timezone).to_utc(zone(host.timezone).to_wall(start) + 6 * DAY)
    reserve.book(host.organisation, of_host(host, minutes=30), taken, wish(), actor=SYSTEM)
    with pytest.raises(reserve.SeriesTaken) as refused:
        series(host, start, "RRULE:FREQ=DAILY;COUNT=10")
    assert refused.value.refused == [(taken, "booked")]
    assert Booking.everywhere.count() == 1
    assert len(series(host, start, "FREQ=DAILY;COUNT=10", skip_taken=True)) == 9


def test_cancelling_from_one_date_on_leaves_the_earlier_ones(host):
    made = series(host, day_bounds(host, 1)[0], "FREQ=DAILY;COUNT=5")
    reserve.cancel_series(made[2], by="host", actor=SYSTEM, following_only=True)
    states = list(Booking.everywhere.order_by("start_s").values_list("state", flat=True))
    assert states == ["confirmed"] * 2 + ["cancelled"] * 3


@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=SECONDLY;COUNT=5", "FREQ=DAILY;COUNT=100000", "nonsense"])
def test_a_series_without_an_end_or_sense_is_refused_at_its_field(host, rule):
    with pytest.raises(Invalid) as refused:
        series(host, day_bounds(host, 1)[0], rule)
    assert refused.value.field == "rrule"


# ── Explanations ──


def test_staff_learn_what_stands_in_the_way(host):
    start = day_bounds(host, 2)[0]
    book(event_type(host), start)
    chain = explain(of_host(host, minutes=30, notice=0), start)
    assert [(reason.code, reason.detail) for reason in chain if not reason.ok] == [("booked", "Talk")]


def test_every_explanation_ends_as_the_decision_does(host):
    kind = event_type(host, limits={"day": 1}, first_slot_only=True, window_days=5)
    book(kind, day_bounds(host, 2)[0])
    for ahead in range(8):
        for offset in (0, 900, 1800):
            start = day_bounds(host, ahead)[0] + offset
            verdict = check(of_event_type(kind), start)
            chain = explain(of_event_type(kind), start)
            assert all(reason.ok for reason in chain) is verdict.ok
            assert verdict.ok or verdict.code in {reason.code for reason in chain}


def first_refusal(chain):
    return next(reason.code for reason in chain if not reason.ok)


def test_the_first_refusal_of_an_explanation_is_the_reason_of_the_decision(host):
    busy = factories.host(host.organisation, weekly=[[]] * 7, timezone="Europe/Berlin")
    rule = GroupRule.everywhere.create(organisation=host.organisation, name="Team", mode="some", required=1)
    for member in (host, busy):
        GroupMember.everywhere.create(organisation=host.organisation, rule=rule, host=member)
    later = day_bounds(host, 2)[0] + 3600
    firsts = of_event_type(event_type(host, group_rule=rule, first_slot_only=True))
    assert check(firsts, later).code == first_refusal(explain(firsts, later)) == "not_first"
    rule.required = 3
    assert check(of_group(rule, minutes=30), later).code == "no_host"
    assert first_refusal(explain(of_group(rule, minutes=30), later)) == "no_host"


def test_a_seat_that_is_not_in_the_first_session_of_the_day_is_explained_so(host):
    kind = event_type(host, capacity=2)
    later = day_bounds(host, 2)[0] + 3600
    seat(kind, later, "a@b.co")
    EventType.everywhere.update(first_slot_only=True)
    kind.refresh_from_db()
    assert check(of_event_type(kind), later).code == "not_first"
    assert first_refusal(explain(of_event_type(kind), later)) == "not_first"


def test_times_beyond_the_calendar_are_explained_too(host):
    terms = of_host(host, minutes=30)
    assert first_refusal(explain(terms, 2**40)) == "too_far"
    assert first_refusal(explain(terms, -(2**40))) == "past"


def test_an_explanation_names_the_rule_the_calendars_their_classes_and_how_fresh_they_are(host):
    there = factories.caldav_calendar(host, last_verified_at=now() - dt.timedelta(minutes=7))
    start = day_bounds(host, 2)[0] + 9 * 3600
    data = EventData("Dentist", start, "UTC", 3600, uid="d", free_busy_status="away")
    secret = EventData("Surgery", start, "UTC", 3600, uid="s", privacy="private")
    news = [PulledObject(f"/{each.uid}.ics", "1", [each], []) for each in (data, secret)]
    calendar.apply(there, Changes(news, [], False, "token"))
    Calendar.everywhere.filter(pk=there.pk).update(last_verified_at=now() - dt.timedelta(minutes=7))
    chain = explain(of_host(host, minutes=30, notice=0), start)
    assert [reason.code for reason in chain] == ["in_window", "hours", "calendar", "calendar", "busy"]
    day = dt.datetime.fromtimestamp(start, BERLIN)
    assert chain[1].detail == f"Weekly hours on {day:%A %Y-%m-%d}: 00:00–24:00 (Europe/Berlin)"
    told = {reason.detail for reason in chain[2:4]}
    assert told == {f"{host.name}: kept on this server", "Work: last verified 7 minutes ago"}
    assert set(chain[4].detail.split("; ")) == {
        "Work: Dentist (away), last verified 7 minutes ago",
        "Work: (private) (busy), last verified 7 minutes ago",
    }


@pytest.mark.parametrize(
    ("kind", "words"),
    [("leave", "Out of office from {day} to {day}"), ("closed", "Closed from {day} to {day}")],
)
def test_an_explanation_tells_why_a_day_is_closed(host, kind, words):
    start = day_bounds(host, 2)[0] + 9 * 3600
    day = dt.datetime.fromtimestamp(start, BERLIN).date()
    Override.everywhere.create(organisation=host.organisation, host=host, kind=kind, first_day=day, last_day=day)
    chain = explain(of_host(host, minutes=30, notice=0), start)
    assert [(reason.code, reason.detail) for reason in chain if not reason.ok] == [
        ("outside_hours", words.format(day=day))
    ]
