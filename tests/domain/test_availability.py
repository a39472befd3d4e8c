"""offer() lists, check() decides, explain() says why: one rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.domain import availability, calendar, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import check, explain, next_free, of_group, of_host, offer
from bookings.domain.errors import SlotTaken
from bookings.engine.zones import DAY, wall, zone
from bookings.formats.event import EventData
from bookings.models import Calendar, Claim, EventType, GroupMember, GroupRule, Override, Schedule
from tests import factories

pytestmark = pytest.mark.django_db

NOW = wall(2027, 3, 1, 8)  # a Monday
TUESDAY = wall(2027, 3, 2)
HOUR = 3600


def busy(host, start, end, kind="busy"):
    data = EventData("Something", start, "UTC", end - start, free_busy_status=kind)
    return calendar.create(factories.local_calendar(host), data, actor=SYSTEM)


def terms(host, **changes):
    return replace(of_host(host, minutes=30, notice=0), latest=NOW + 60 * DAY, **changes)


def starts(host, lo=TUESDAY, hi=TUESDAY + DAY, **changes):
    return offer(terms(host, **changes), lo, hi, now=NOW).starts


def clock(seconds):
    return [dt.datetime.fromtimestamp(s, dt.UTC).strftime("%H:%M") for s in seconds]


def test_working_hours_are_offered_every_half_hour():
    listed = clock(starts(factories.host()))
    assert listed[0] == "09:00"
    assert listed[-1] == "16:30"
    assert len(listed) == 16


def test_a_busy_event_takes_its_time_and_nothing_more():
    host = factories.host()
    busy(host, TUESDAY + 10 * HOUR, TUESDAY + 11 * HOUR)
    listed = clock(starts(host))
    assert {"10:00", "10:30"}.isdisjoint(listed)
    assert {"09:30", "11:00"} <= set(listed)


def test_an_event_of_ten_days_blocks_its_last_day_although_it_began_long_before():
    host = factories.host()
    calendar.create(
        factories.local_calendar(host),
        EventData("Leave", TUESDAY - 9 * DAY, "UTC", 10 * DAY),
        actor=SYSTEM,
    )
    assert starts(host) == []
    assert starts(host, TUESDAY + DAY, TUESDAY + 2 * DAY) != []


def test_wall_times_stay_when_the_clocks_change():
    host = factories.host(timezone="Europe/Berlin")
    berlin = zone("Europe/Berlin")
    for day in (wall(2027, 3, 26), wall(2027, 3, 29)):  # the change is on 28 March
        listed = starts(host, day, day + DAY)
        assert berlin.to_wall(listed[0]) == day + 9 * HOUR


@pytest.mark.parametrize(
    ("kind", "policy", "blocks"),
    [
        ("busy", {"blocks": True}, True),
        ("tentative", {"blocks": True}, True),
        ("tentative", {"tentative_blocks": False}, False),
        ("away", {"blocks": True}, True),
        ("away", {"away_blocks": False}, False),
        ("free", {"blocks": True}, False),
        ("free", {"free_blocks": True}, True),
        ("busy", {"blocks": False}, False),
    ],
)
def test_each_calendar_decides_which_classes_of_events_block(kind, policy, blocks):
    host = factories.host()
    busy(host, TUESDAY + 9 * HOUR, TUESDAY + 10 * HOUR, kind)
    Calendar.everywhere.filter(account__host=host).update(**policy)
    assert ("09:00" not in clock(starts(host))) is blocks


def test_two_buffers_share_a_gap():
    host = factories.host()
    Claim.everywhere.create(
        organisation=host.organisation,
        host=host,
        start_s=TUESDAY + 10 * HOUR,
        end_s=TUESDAY + 11 * HOUR,
        pad_before_s=1800,
        pad_after_s=1800,
        state=Claim.State.BOOKED,
    )
    assert "09:00" in clock(starts(host))
    assert "09:30" not in clock(starts(host)), "their buffer is kept"
    assert "11:30" in clock(starts(host, before=1800, after=1800)), "ours and theirs are the same half hour"
    assert "11:30" not in clock(starts(host, before=3600))


def test_an_expired_hold_is_offered_and_a_live_one_is_not():
    host = factories.host()
    hold = Claim.everywhere.create(
        organisation=host.organisation,
        host=host,
        start_s=TUESDAY + 9 * HOUR,
        end_s=TUESDAY + 10 * HOUR,
        state=Claim.State.HOLD,
        expires_s=NOW + 60,
    )
    assert "09:00" not in clock(starts(host))
    Claim.everywhere.filter(pk=hold.pk).update(expires_s=NOW)
    assert "09:00" in clock(starts(host))


def test_a_day_off_closes_and_other_hours_replace():
    host = factories.host()
    day = dt.date(2027, 3, 2)
    Override.everywhere.create(
        organisation=host.organisation,
        host=host,
        kind=Override.Kind.HOURS,
        first_day=day,
        last_day=day,
        blocks=[[1200, 1260]],
    )
    assert clock(starts(host)) == ["20:00", "20:30"]
    Override.everywhere.all().update(kind=Override.Kind.LEAVE)
    assert starts(host) == []


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_overrides_for_one_day_the_later_one_counts(order):
    host = factories.host()
    week = {"first_day": dt.date(2027, 3, 1), "last_day": dt.date(2027, 3, 7), "blocks": [[600, 630]]}
    day = {"first_day": dt.date(2027, 3, 2), "last_day": dt.date(2027, 3, 2), "blocks": [[1200, 1230]]}
    for fields in (week, day)[::order]:
        Override.everywhere.create(organisation=host.organisation, host=host, kind="hours", **fields)
    assert clock(starts(host)) == ["20:00"]
    assert clock(starts(host, TUESDAY + DAY, TUESDAY + 2 * DAY)) == ["10:00"]


def test_travel_to_nowhere_leaves_the_hours_at_home():
    host, day = factories.host(), dt.date(2027, 3, 2)
    Override.everywhere.create(organisation=host.organisation, host=host, kind="travel", first_day=day, last_day=day)
    assert clock(starts(host))[0] == "09:00"


def test_a_colleague_who_stands_in_is_not_booked_beyond_the_own_limit():
    host, day = factories.host(), dt.date(2027, 3, 2)
    colleague = factories.host(host.organisation, limits={"day": 1})
    Override.everywhere.create(
        organisation=host.organisation, host=host, kind="leave", first_day=day, last_day=day, redirect_to=colleague
    )
    nine = TUESDAY + 9 * HOUR
    with time_machine.travel(NOW, tick=False):
        asked = of_host(host, minutes=30)
        booking = reserve.book(host.organisation, asked, nine, reserve.Wish("Talk", "UTC"), actor=SYSTEM)
        assert booking.claims.get().host == colleague
        assert offer(asked, TUESDAY, TUESDAY + DAY).starts == []
        assert {reason.code for reason in availability.explain(asked, nine + HOUR)} >= {"limit_day"}


def test_a_limit_for_a_customer_counts_the_seats_they_have():
    host = factories.host()
    kind = EventType.everywhere.create(
        organisation=host.organisation, name="Class", slug="class", capacity=3, customer_limits={"day": 1}
    )
    kind.hosts.set([host])

    def seat(start, email, contact=None):
        wish = reserve.Wish("Class", "UTC", email=email, event_type=kind)
        asked = availability.of_event_type(kind, contact=contact)
        return reserve.take_seat(host.organisation, asked, start, wish, actor=SYSTEM)

    with time_machine.travel(NOW, tick=False):
        nine, ten = TUESDAY + 9 * HOUR, TUESDAY + 10 * HOUR
        doc = seat(nine, "doc@example.org").contact
        seat(ten, "marty@example.org")
        his = availability.of_event_type(kind, contact=doc)
        assert offer(his, TUESDAY, TUESDAY + DAY).starts == []
        assert check(his, ten).code == "limit_day"
        assert [reason.code for reason in explain(his, ten) if not reason.ok] == ["limit_day"]
        with pytest.raises(SlotTaken):
            seat(ten, "doc@example.org", contact=doc)
        assert seat(nine, "doc@example.org", contact=doc).number == 1, "the seat they have stays theirs"
        assert check(his, nine + DAY).ok


def test_working_days_are_those_of_the_event_types_own_hours():
    host = factories.host()
    saturdays = Schedule.everywhere.create(organisation=host.organisation, weekly=[[]] * 5 + [[[600, 660]], []])
    kind = EventType.everywhere.create(
        organisation=host.organisation, name="Talk", slug="talk", schedule=saturdays, window="working", window_days=2
    )
    kind.hosts.set([host])
    with time_machine.travel(NOW, tick=False):
        listed = offer(availability.of_event_type(kind), NOW, NOW + 60 * DAY).starts
    assert [start // DAY * DAY for start in listed[::2]] == [wall(2027, 3, 6), wall(2027, 3, 13)]


def test_travel_moves_the_hours_into_the_other_zone():
    host = factories.host(timezone="Europe/Berlin")
    Override.everywhere.create(
        organisation=host.organisation,
        host=host,
        kind=Override.Kind.TRAVEL,
        first_day=dt.date(2027, 3, 2),
        last_day=dt.date(2027, 3, 2),
        timezone="Asia/Tokyo",
    )
    assert clock(starts(host, TUESDAY - DAY // 2, TUESDAY + DAY // 2))[:2] != clock(starts(host))[:2]
    assert zone("Asia/Tokyo").to_wall(starts(host, TUESDAY - HOUR, TUESDAY + HOUR)[0]) == TUESDAY + 9 * HOUR


def test_notice_and_window_bound_the_offer():
    host = factories.host()
    now = TUESDAY + 10 * HOUR
    noticed = replace(terms(host), notice=2 * HOUR, latest=TUESDAY + 15 * HOUR)
    listed = offer(noticed, TUESDAY, TUESDAY + DAY, now=now).starts
    assert clock(listed) == ["12:00", "12:30", "13:00", "13:30", "14:00", "14:30"]
    assert check(noticed, now - 60, now=now).code == "past"
    assert check(noticed, now + HOUR, now=now).code == "too_soon"
    assert check(noticed, TUESDAY + 15 * HOUR, now=now).code == "too_far"


def test_a_calendar_that_was_not_verified_lately_is_not_free_for_the_public():
    host = factories.host()
    connected = factories.caldav_calendar(host, last_verified_at=dt.datetime.fromtimestamp(NOW - 3 * DAY, dt.UTC))
    assert starts(host) == []
    assert check(terms(host), TUESDAY + 9 * HOUR, now=NOW).code == "stale_calendar"
    assert offer(terms(host), TUESDAY, TUESDAY + DAY, now=NOW, public=False).starts, "programs are accepted and flagged"
    connected.last_verified_at = dt.datetime.fromtimestamp(NOW - 60, dt.UTC)
    connected.save()
    assert starts(host)


def group(mode, *hosts, required=1):
    org = hosts[0].organisation
    rule = GroupRule.everywhere.create(organisation=org, name="Team", mode=mode, required=required)
    for host in hosts:
        GroupMember.everywhere.create(organisation=org, rule=rule, host=host)
    return replace(of_group(rule, minutes=30, notice=0), latest=NOW + 60 * DAY)


@pytest.mark.parametrize(
    ("mode", "required", "offered"),
    [("any", 1, True), ("all", 1, False), ("some", 2, True), ("some", 3, False), ("some", 0, True)],
)
def test_group_rules_need_any_all_or_a_number_of_hosts(mode, required, offered):
    org = factories.organisation()
    team = [factories.host(org) for _ in range(3)]
    busy(team[0], TUESDAY + 9 * HOUR, TUESDAY + 10 * HOUR)
    asked = group(mode, *team, required=required)
    found = offer(asked, TUESDAY, TUESDAY + DAY, now=NOW)
    nine = TUESDAY + 9 * HOUR
    assert (nine in found.starts) is offered
    assert check(asked, nine, now=NOW).ok is offered
    if offered:
        assert team[0] not in found.hosts_at(nine)
    ten = set(found.hosts_at(TUESDAY + 10 * HOUR))
    assert ten == set(team)


def test_explain_names_the_rule_for_each_host():
    org = factories.organisation()
    free, taken = factories.host(org, name="Free"), factories.host(org, name="Taken")
    busy(taken, TUESDAY + 9 * HOUR, TUESDAY + 10 * HOUR)
    chain = explain(group("all", free, taken), TUESDAY + 9 * HOUR, now=NOW)
    assert {reason.host: reason.code for reason in chain} == {"": "in_window", "Free": "free", "Taken": "busy"}


def test_the_next_free_times_follow_the_refused_one():
    host = factories.host()
    busy(host, TUESDAY + 9 * HOUR, TUESDAY + 10 * HOUR)
    assert clock(next_free(terms(host), TUESDAY + 9 * HOUR, 3, now=NOW)) == ["10:00", "10:30", "11:00"]


@pytest.mark.parametrize("many", [1, 10, 60])
def test_the_number_of_queries_does_not_grow_with_the_hosts(many, django_assert_max_num_queries):
    org = factories.organisation()
    asked = group("any", *[factories.host(org) for _ in range(many)])
    with django_assert_max_num_queries(6):
        offer(asked, TUESDAY, TUESDAY + 30 * DAY, now=NOW)


intervals = st.lists(
    st.tuples(
        st.integers(8 * 60, 18 * 60),
        st.integers(5, 300),
        st.sampled_from(["busy", "free", "tentative", "claim", "hold"]),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    taken=intervals,
    minutes=st.sampled_from([15, 20, 30, 45, 60]),
    before=st.sampled_from([0, 600, 1800]),
    after=st.sampled_from([0, 900]),
    pad=st.sampled_from([0, 600, 2700]),
    zone_name=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_what_is_listed_can_be_had_and_what_is_not_is_refused(taken, minutes, before, after, pad, zone_name):
    host = factories.host(timezone=zone_name)
    day = zone(zone_name).to_utc(TUESDAY)
    for start, length, kind in taken:
        lo = day + start * 60
        if kind in ("claim", "hold"):
            if not Claim.everywhere.filter(host=host, start_s__lt=lo + length * 60, end_s__gt=lo).exists():
                Claim.everywhere.create(
                    organisation=host.organisation,
                    host=host,
                    start_s=lo,
                    end_s=lo + length * 60,
                    pad_before_s=pad,
                    pad_after_s=pad,
                    state="booked" if kind == "claim" else "hold",
                    expires_s=None if kind == "claim" else NOW + 60,
                )
        else:
            busy(host, lo, lo + length * 60, kind)
    asked = replace(of_host(host, minutes=minutes, notice=0), before=before, after=after, latest=NOW + 60 * DAY)
    listed = set(offer(asked, day, day + DAY, now=NOW).starts)
    for start in range(day + 8 * HOUR, day + 18 * HOUR, 900):
        verdict = check(asked, start, now=NOW)
        assert verdict.ok is (start in listed), (start, verdict)
        assert verdict.ok or verdict.code in availability.REFUSALS


def test_reserve_and_offer_read_the_same_tables():
    host = factories.host()
    soon = of_host(host, minutes=30)
    first = offer(soon, 0, 2**40).starts[0]
    reserve.book(host.organisation, soon, first, reserve.Wish("Talk", "UTC"), actor=SYSTEM)
    assert first not in offer(soon, 0, 2**40).starts
