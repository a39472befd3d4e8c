"""Booking, moving, cancelling: one writer, nothing lost, nothing taken twice."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from bookings.domain import calendar, links, requests, reserve
from bookings.domain.audit import SYSTEM, Actor
from bookings.domain.availability import Terms, of_group, of_host, offer
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed, SlotTaken
from bookings.formats.event import EventData
from bookings.models import AuditEntry, Booking, Claim, Contact, GroupMember, GroupRule, Mirror, SchedulerRequest
from tests import factories

pytestmark = pytest.mark.django_db

ENDLESS = 2**40


def first_free(terms, index=0):
    return offer(terms, 0, ENDLESS).starts[index]


def book(host, index=0, **wish):
    terms = of_host(host, minutes=30)
    wanted = reserve.Wish(wish.pop("title", "Talk"), "Europe/Paris", **wish)
    return reserve.book(host.organisation, terms, first_free(terms, index), wanted, actor=SYSTEM)


@pytest.fixture
def host():
    return factories.host(weekly=factories.ALWAYS)


@pytest.fixture
def request_(host):
    return requests.send(host.organisation, host=host, recipient_email="doc@example.org", summary="Talk", actor=SYSTEM)


def test_a_booking_writes_claim_event_contact_and_audit_together(host):
    booking = book(host, name="Doc", email="doc@example.org")
    claim = booking.claims.get()
    assert (claim.host, claim.start_s, claim.end_s, claim.state) == (host, booking.start_s, booking.end_s, "booked")
    assert booking.event.start_s == booking.start_s
    assert booking.event.end_s == booking.end_s
    assert booking.contact.email == "doc@example.org"
    assert AuditEntry.everywhere.filter(object_id=booking.pk, action="booking.made").exists()


def test_a_booking_for_a_connected_calendar_states_it_in_the_outbox(host):
    from django.utils.timezone import now

    calendar = factories.caldav_calendar(host, last_verified_at=now())
    host.refresh_from_db()
    booking = book(host)
    mirror = Mirror.everywhere.get(event=booking.event)
    assert (mirror.calendar, mirror.desired, mirror.applied_revision) == (calendar, "present", 0)


def test_a_taken_slot_is_refused_with_the_reason_and_the_next_free_times(host):
    terms = of_host(host, minutes=30)
    start = first_free(terms)
    reserve.book(host.organisation, terms, start, reserve.Wish("One", "UTC"), actor=SYSTEM)
    with pytest.raises(SlotTaken) as refused:
        reserve.book(host.organisation, terms, start, reserve.Wish("Two", "UTC"), actor=SYSTEM)
    assert refused.value.reason == "booked"
    assert refused.value.next_free[0] == start + 1800
    assert Booking.everywhere.count() == 1


def test_the_database_itself_refuses_an_overlap_that_goes_around_the_domain(host):
    booking = book(host)
    claim = {"organisation": host.organisation, "host": host, "state": "booked"}
    with pytest.raises(IntegrityError, match="claim_no_overlap"), transaction.atomic():
        Claim.everywhere.create(start_s=booking.start_s + 600, end_s=booking.end_s + 600, **claim)
    Claim.everywhere.create(start_s=booking.end_s, end_s=booking.end_s + 600, **claim)
    Claim.everywhere.create(start_s=booking.start_s, end_s=booking.end_s, lane=1, **claim)


def test_cancelling_frees_the_time_and_withdraws_the_event(host):
    booking = book(host)
    reserve.cancel(booking, by="invitee", actor=SYSTEM, reason="Ill")
    booking.refresh_from_db()
    assert (booking.state, booking.cancelled_by, booking.cancel_reason) == ("cancelled", "invitee", "Ill")
    booking.event.refresh_from_db()
    assert booking.event.deleted_at
    assert book(host).start_s == booking.start_s


def test_cancelling_twice_changes_nothing(host):
    booking = book(host)
    once = reserve.cancel(booking, by="host", actor=SYSTEM)
    twice = reserve.cancel(booking, by="invitee", actor=SYSTEM)
    assert (twice.cancelled_by, twice.revision) == ("host", once.revision)


def test_a_move_frees_the_old_time_and_takes_the_new_one_with_the_same_event(host):
    booking = book(host)
    terms = of_host(host, minutes=30)
    old, new = booking.start_s, first_free(terms, 4)
    moved = reserve.move(booking, terms, new, actor=SYSTEM)
    assert (moved.start_s, moved.claims.get().start_s, moved.event_id) == (new, new, booking.event_id)
    moved.event.refresh_from_db()
    assert moved.event.start_s == new
    assert moved.event.sequence == booking.event.sequence + 1
    assert old in offer(terms, 0, ENDLESS).starts


def test_a_booking_may_move_into_time_it_overlaps_itself(host):
    terms = of_host(host, minutes=60)
    start = first_free(terms)
    booking = reserve.book(host.organisation, terms, start, reserve.Wish("Long", "UTC"), actor=SYSTEM)
    assert reserve.move(booking, terms, start + 1800, actor=SYSTEM).start_s == start + 1800


def test_a_refused_move_changes_nothing(host):
    first, second = book(host), book(host)
    with pytest.raises(SlotTaken):
        reserve.move(second, of_host(host, minutes=30), first.start_s, actor=SYSTEM)
    before = second.start_s
    second.refresh_from_db()
    assert (second.start_s, second.claims.get().start_s) == (before, before)


def test_a_live_hold_keeps_its_slot_and_an_expired_one_lets_go(host):
    terms = of_host(host, minutes=30)
    start = first_free(terms)
    reserve.hold(host.organisation, terms, start)
    with pytest.raises(SlotTaken):
        reserve.book(host.organisation, terms, start, reserve.Wish("Two", "UTC"), actor=SYSTEM)
    Claim.everywhere.update(expires_s=0)
    assert reserve.book(host.organisation, terms, start, reserve.Wish("Two", "UTC"), actor=SYSTEM).start_s == start


def test_one_free_member_of_a_group_is_chosen_by_share_and_the_reason_is_kept(host):
    org = host.organisation
    other = factories.host(org, weekly=factories.ALWAYS)
    rule = GroupRule.everywhere.create(organisation=org, name="Team")
    for member in (host, other):
        GroupMember.everywhere.create(organisation=org, rule=rule, host=member)
    terms = of_group(rule, minutes=30)
    made = [
        reserve.book(org, terms, first_free(terms, index), reserve.Wish("Talk", "UTC"), actor=SYSTEM)
        for index in (0, 1, 2, 3)
    ]
    hosts = [booking.claims.get().host_id for booking in made]
    assert sorted(hosts.count(each) for each in {host.pk, other.pk}) == [2, 2]
    assert made[0].assignment["rule"] == "priority_share_idle"


def test_a_meeting_that_needs_all_takes_everybody_or_nobody(host):
    org = host.organisation
    other = factories.host(org, weekly=factories.ALWAYS)
    rule = GroupRule.everywhere.create(organisation=org, name="Both", mode="all")
    for member in (host, other):
        GroupMember.everywhere.create(organisation=org, rule=rule, host=member)
    terms = of_group(rule, minutes=30)
    start = first_free(terms)
    both = reserve.book(org, terms, start, reserve.Wish("Both", "UTC"), actor=SYSTEM)
    assert {claim.host_id for claim in both.claims.all()} == {host.pk, other.pk}
    book(other)
    with pytest.raises(SlotTaken):
        reserve.book(org, terms, start + 1800, reserve.Wish("Both", "UTC"), actor=SYSTEM)


def test_states_move_only_as_the_lifecycle_allows(host):
    booking = reserve.cancel(book(host), by="host", actor=SYSTEM)
    with pytest.raises(NotAllowed):
        reserve.move(booking, of_host(host, minutes=30), booking.start_s + 7200, actor=SYSTEM)


# ── Scheduler requests ──


def choose(request, start=None, **wish):
    start = start if start is not None else first_free(requests.terms(request))
    return requests.select(request, start, name="Doc", timezone="America/New_York", **wish)


def test_a_request_is_found_by_its_link_and_only_by_it(request_):
    token = links.select_url(request_.pk).rsplit("/", 1)[1]
    assert requests.find(token) == request_
    assert len(token) >= 22
    for wrong in (token[:-1], token.lower(), "", "x" * 5000, str(request_.pk)):
        with pytest.raises(LinkClosed):
            requests.find(wrong)


def test_selecting_books_and_closes_the_choice(request_):
    booking = choose(request_)
    request_.refresh_from_db()
    assert request_.state == SchedulerRequest.State.BOOKED
    assert (booking.title, booking.contact.email, booking.timezone) == ("Talk", "doc@example.org", "America/New_York")


def test_selecting_the_same_time_again_returns_the_same_booking(request_):
    booking = choose(request_)
    assert choose(request_, booking.start_s) == booking
    assert Claim.everywhere.count() == 1


def test_selecting_another_time_afterwards_is_refused(request_):
    booking = choose(request_)
    with pytest.raises(NotAllowed):
        choose(request_, booking.start_s + 3600)


def test_cancelled_by_the_customer_the_link_opens_again_for_the_same_slot(request_):
    booking = choose(request_)
    reserve.cancel(booking, by="invitee", actor=SYSTEM)
    request_.refresh_from_db()
    again = choose(request_, booking.start_s)
    assert again.pk != booking.pk
    assert again.start_s == booking.start_s


def test_a_withdrawn_or_expired_link_is_closed(request_):
    from django.utils.timezone import now

    requests.withdraw(request_, actor=SYSTEM)
    token = links.token("request", request_.pk)
    with pytest.raises(LinkClosed):
        requests.find(token)
    SchedulerRequest.everywhere.filter(pk=request_.pk).update(state="open", expires_at=now())
    with pytest.raises(LinkClosed):
        requests.find(token)


def test_an_unknown_zone_is_refused_by_name(request_):
    with pytest.raises(Invalid) as refused:
        requests.select(request_, first_free(requests.terms(request_)), name="Doc", timezone="Mars/Olympus")
    assert refused.value.field == "timezone"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"summary": ""}, "summary"),
        ({"summary": "x" * 1025}, "summary"),
        ({"recipient_email": "nobody"}, "recipient_email"),
        ({"host": None}, "host"),
        ({"duration": 0}, "duration"),
        ({"buffer_after": -1}, "buffer_after"),
    ],
)
def test_a_request_says_which_field_is_wrong(host, changes, field):
    good = {"host": host, "recipient_email": "doc@example.org", "summary": "Talk"}
    with pytest.raises(Invalid) as refused:
        requests.send(host.organisation, actor=Actor("test"), **(good | changes))
    assert refused.value.field == field
    assert not SchedulerRequest.everywhere.exists()


def test_1024_characters_of_any_script_are_a_summary(host):
    summary = "🚗" * 1024
    made = requests.send(host.organisation, host=host, recipient_email="a@b.co", summary=summary, actor=SYSTEM)
    assert choose(made).event.title == summary


def test_a_host_of_another_organisation_cannot_be_asked(host):
    stranger = factories.host()
    with pytest.raises(Invalid):
        requests.send(host.organisation, host=stranger, recipient_email="a@b.co", summary="Talk", actor=SYSTEM)


def test_a_customer_is_one_contact_however_often_they_book(host):
    for index in range(2):
        book(host, index, email="Doc@Example.org" if index else "doc@example.org")
    assert Contact.everywhere.count() == 1


def test_tokens_are_long_random_and_stored_only_as_hashes(request_):
    tokens = {links.token("request", uuid.uuid4()) for _ in range(2000)}
    assert len(tokens) == 2000
    assert all(len(token) == 27 for token in tokens)
    own = links.token("request", request_.pk)
    stored = SchedulerRequest.everywhere.filter(pk=request_.pk).values().get()
    assert own not in str(stored)


def test_a_meeting_of_several_keeps_the_conflict_of_each(host):
    org = host.organisation
    other = factories.host(org, weekly=factories.ALWAYS)
    terms = Terms((host, other), 1800, required=2)
    start = first_free(terms, 4)
    booking = reserve.book(org, terms, start, reserve.Wish("Both", "UTC"), actor=SYSTEM)

    def land(whose, at=start):
        return calendar.create(factories.local_calendar(whose), EventData("Late", at, "UTC", 1800), actor=SYSTEM)

    def told():
        booking.refresh_from_db()
        return set(booking.conflict.get("hosts", {}))

    first = land(host)
    land(other, start + 7200)
    assert told() == {str(host.pk)}, "what happens to the other host's calendar does not clear it"
    second = land(other)
    assert told() == {str(host.pk), str(other.pk)}
    calendar.delete(first, actor=SYSTEM)
    assert told() == {str(other.pk)}
    calendar.delete(second, actor=SYSTEM)
    assert booking.conflict != {}
    assert told() == set()
    assert booking.conflict == {}


def test_a_link_withdrawn_while_its_page_was_open_books_nothing(request_):
    opened = SchedulerRequest.everywhere.get(pk=request_.pk)
    start = first_free(requests.terms(opened))
    requests.withdraw(request_, actor=SYSTEM)
    with pytest.raises(LinkClosed):
        choose(opened, start)
    assert not Booking.everywhere.exists()
    assert SchedulerRequest.everywhere.get().state == "withdrawn"


def test_a_hold_becomes_the_booking_of_who_has_it_and_refuses_everybody_else(host):
    terms = of_host(host, minutes=30)
    start = first_free(terms)
    held = reserve.hold(host.organisation, terms, start)
    with pytest.raises(SlotTaken):
        reserve.book(host.organisation, terms, start, reserve.Wish("Another", "UTC"), actor=SYSTEM)
    booking = reserve.book(host.organisation, terms, start, reserve.Wish("Mine", "UTC"), actor=SYSTEM, held=held)
    claims = Claim.everywhere.filter(host=host).order_by("state")
    assert list(claims.values_list("state", "booking")) == [("booked", booking.pk), ("released", None)]


def test_a_hold_stays_when_its_booking_is_refused(host):
    terms = of_host(host, minutes=30)
    start = first_free(terms)
    held = reserve.hold(host.organisation, terms, start)
    closed = replace(terms, latest=start)
    with pytest.raises(SlotTaken) as refused:
        reserve.book(host.organisation, closed, start, reserve.Wish("Late", "UTC"), actor=SYSTEM, held=held)
    assert (refused.value.reason, Claim.everywhere.get().state) == ("too_far", "hold")


def test_a_superseded_booking_frees_its_time_and_is_final(host):
    booking = book(host)
    assert reserve.supersede(booking, actor=SYSTEM, reason="Later, please").state == Booking.State.RESCHEDULED
    assert reserve.supersede(booking, actor=SYSTEM).state == Booking.State.RESCHEDULED
    booking.refresh_from_db()
    assert (booking.cancelled_by, booking.cancel_reason) == (Booking.By.INVITEE, "Later, please")
    assert book(host).start_s == booking.start_s
    with pytest.raises(NotAllowed):
        reserve.confirm(booking, actor=SYSTEM)


def test_a_wish_says_whether_an_unconfirmed_booking_keeps_its_time(host):
    held = book(host, confirmed=False)
    asked = book(host, confirmed=False, keeps_time=False)
    assert (held.state, asked.state) == (Booking.State.HELD, Booking.State.REQUESTED)
    assert not asked.claims.exists()
    assert book(host).start_s == asked.start_s
