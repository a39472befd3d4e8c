"""Scenarios of the fault matrix about what people do at the service, to our events and to others."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from bookings.domain import calendar as events
from bookings.domain import outbox, rooms, rsvp
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY, wall, zone
from bookings.models import Event, Mirror
from providers.base import Push
from tests.providers.matrix.columns import BERLIN, GUEST, Column, meeting, soon
from tests.providers.matrix.writing import ends_as


def deleted_by_the_host(at: Column) -> None:
    event = _known_there(at)
    at.remove(at.one())
    at.pull()
    if not at.mirror(event).difference:
        at.pull()
    assert at.mirror(event).difference == {"kind": "deleted"}
    at.deliver()
    assert at.titles() == [], "it is not made again by itself"
    at.change(event, "Second")
    at.deliver()
    assert at.titles() == []
    mirror = at.mirror(event)
    assert (mirror.state, mirror.difference) == (Mirror.State.NEEDS_CHECK, {"kind": "deleted"})
    event.refresh_from_db()
    assert event.deleted_at is None


def put_back(at: Column) -> None:
    event = _known_there(at)
    before = at.mirror(event)
    at.remove(at.one())
    at.pull()
    outbox.put_back(at.mirror(event), SYSTEM)
    at.deliver()
    assert at.titles() == ["First"]
    after = at.mirror(event)
    assert after.in_sync
    assert after.generation == before.generation + 1
    at.pull()
    assert at.mirror(event).difference == {}


def moved_by_the_host(at: Column) -> None:
    event = _known_there(at)
    at.move(at.one(), soon(5), soon(6))
    at.pull()
    difference = at.mirror(event).difference
    assert (difference["kind"], difference["start_s"], difference["end_s"]) == ("moved", soon(5), soon(6))
    at.deliver()
    assert at.one().start_s == soon(5), "it is not moved back"
    event.refresh_from_db()
    assert event.start_s == soon(), "and the booking does not move"
    outbox.overwrite(at.mirror(event), SYSTEM)
    ends_as(at, event, "First")
    assert at.one().start_s == soon()


def stale_tag(at: Column) -> None:
    """A host's own words and a guest's answer, between our last call and the next: neither is lost, nor copied."""
    event = at.make(people=(GUEST,), notify_guests=True)
    at.deliver(1)
    at.retitle(at.one(), "Theirs")
    _answered(at, "accepted")
    at.change(event, "Second", 3, people=(GUEST,), notify_guests=True)
    ends_as(at, event, "Second")
    assert at.one().start_s == soon(3)
    assert _answer_there(at) == "accepted"
    _answered(at, "declined")
    at.pull()
    assert at.mirror(event).difference == {}, "an answer is no edit"


def _answered(at: Any, answer: str) -> None:
    seen = at.one()
    if at.name == "google" or at.name == "microsoft":
        at.double.answer(at.person, seen.id, GUEST.email, answer)
    else:
        at.rewrite(seen, (r"PARTSTAT=[A-Z-]+", f"PARTSTAT={answer.upper()}"))


def _answer_there(at: Any) -> str:
    seen = at.one()
    if at.name == "google":
        return str(at.shelf.find(seen.id)["attendees"][-1].get("responseStatus"))
    if at.name == "microsoft":
        return str(at.box.items[seen.id].said["attendees"][-1]["status"]["response"])
    return "accepted" if "PARTSTAT=ACCEPTED" in at.server.get(seen.id).replace("\r\n ", "") else ""


def read_back(at: Column) -> None:
    event = at.make()
    at.fault("lost_answer", at.CREATE)
    at.deliver(1)
    at.pull()
    assert at.busy() == [(soon(), soon(0.5))], "not twice, though nobody has said yet that it is ours"
    at.deliver()
    for _ in range(2):
        at.pull()
    assert at.busy() == [(soon(), soon(0.5))]
    assert at.calendar.events.filter(deleted_at=None).count() == 1
    assert at.mirror(event).in_sync


def two_installations(at: Column) -> None:
    """Another installation writes into the same calendar: its events are somebody else's, to be left alone."""
    ours = at.make("Ours")
    at.deliver(1)
    data = meeting("Theirs", 5)
    key = uuid.uuid4()
    uid = f"{uuid.uuid4()}@elsewhere"
    tag = f"{uuid.uuid4()}|{uuid.uuid4()}|{uuid.uuid4()}|1|1"
    sent = Push(key=key, tag=tag, uid=uid, events=(replace(data, uid=uid),))
    adapter = at.adapter
    assert adapter.create(at.calendar.external_id, sent, adapter.freeze(sent)).is_done
    at.pull()
    assert at.busy() == [(soon(), soon(0.5)), (soon(5), soon(5.5))], "their booking takes the host's time"
    at.change(ours, "Ours, changed")
    ends_as(at, ours, "Ours, changed", "Theirs")
    at.delete(ours)
    ends_as(at, ours, "Theirs")


def restored_from_yesterday(at: Column) -> None:
    """The database is that of yesterday; what was delivered since is neither copied nor overwritten unasked."""
    changed = at.make("Changed since")
    at.deliver(1)
    waiting, both = at.make("Waiting then", 3), at.make("Waiting, and changed since", 5)
    tables = (Mirror, Event)
    yesterday = [(table, row) for table in tables for row in table.everywhere.values()]
    at.deliver(1)
    at.change(changed, "Today's words")
    at.change(both, "Today's as well", 5)
    at.deliver(1)
    for table, row in yesterday:
        table.everywhere.filter(pk=row.pop("id")).update(**row)
    Mirror.everywhere.update(created_at=now() - timedelta(days=1))
    at.pull()
    at.deliver()
    at.pull()
    knows = at.adapter.capability.keyed_create and at.name != "cronofy"
    last = "Today's as well" if knows else "Waiting, and changed since"
    assert at.titles() == sorted(["Today's words", "Waiting then", last]), "no copies"
    assert at.mirror(changed).difference["kind"] == "edited"
    assert at.mirror(waiting).in_sync
    assert at.mirror(both).applied_revision == at.mirror(both).desired_revision
    assert at.mirror(both).in_sync != knows, "what is newer there is shown, not overwritten"


# ── Times, rooms, answers ──


def days_zones_and_folds(at: Column) -> None:
    night = wall(2027, 10, 31, 1, 30)
    first = soon() // DAY * DAY
    cases = {
        "Days": meeting("Days", all_day=True, start_wall=first, duration=2 * DAY),
        "Kiritimati": meeting("Kiritimati", timezone="Pacific/Kiritimati", start_wall=soon(7) + 14 * 3600),
        "Far west": meeting("Far west", timezone="Pacific/Pago_Pago", start_wall=soon(9) - 11 * 3600),
        "Midnight": meeting("Midnight", start_wall=(zone(BERLIN).to_wall(soon()) // DAY + 3) * DAY, duration=DAY),
        "Twice": meeting("Twice", timezone="UTC", start_wall=night),
    }
    made = {name: events.create(at.calendar, data, actor=SYSTEM) for name, data in cases.items()}
    at.deliver()
    seen = {each.title: each for each in at.there()}
    for name, event in made.items():
        assert at.mirror(event).in_sync, (name, at.mirror(event).last_error)
        if name != "Days":
            assert (seen[name].start_s, seen[name].end_s) == (event.start_s, event.end_s), name
    at.pull()
    for name, event in made.items():
        assert at.mirror(event).difference == {}, name


def room_pending_then_failed(at: Any) -> None:
    type(at.host).everywhere.filter(pk=at.host.pk).update(room_url="https://rooms.example.org/ada")
    kind = rooms.MEET if at.name == "google" else rooms.TEAMS
    if at.name == "google":
        at.double.rooms = "pending"
    else:
        at.double.teams_later = True
    wish = {"kind": kind, "url": "", "state": rooms.REQUESTED, "request_id": "one"}
    event = at.make(conference=wish)
    at.deliver(1)
    event.refresh_from_db()
    assert event.conference["state"] == rooms.PENDING
    if at.name == "google":
        at.double.finish_rooms(at.person, "failure")
        at.pull()
    else:
        rooms.settle(event.pk, {"state": rooms.FAILED}, told_by=at.calendar)
    event.refresh_from_db()
    assert event.conference["url"] == "https://rooms.example.org/ada"
    ends_as(at, event, "First")


def room_is_never_asked_for_there(at: Column) -> None:
    """A service without rooms shows the link of a room that needs no call, and the same one after a lost answer."""
    link = rooms.request(rooms.JITSI, host=at.host, key="one")
    event = at.make(conference=link, location="")
    at.fault("lost_answer", at.CREATE)
    at.deliver(1)
    ends_as(at, event, "First")
    assert rooms.request(rooms.JITSI, host=at.host, key="one") == link
    event.refresh_from_db()
    assert event.conference["url"] == link["url"]


def answer_to_an_invitation_lost(at: Any) -> None:
    invited = {
        "google": _invited_at_google,
        "microsoft": _invited_at_microsoft,
        "ada": _invited_over_caldav,
        "cronofy": _invited_at_cronofy,
        "morgen": _invited_at_morgen,
    }
    replies = invited[at.name](at)
    at.pull()
    event = Event.everywhere.get(calendar=at.calendar, title="Board")
    at.fault("lost_answer", "(POST|PATCH|PUT) ")
    rsvp.answer(event, at.person, "accepted", comment="Gladly", actor=SYSTEM)
    at.deliver()
    assert at.mirror(event).in_sync
    before = replies()
    at.deliver()
    assert replies() == before <= 1
    assert len(at.there()) == 1


def _invited_at_google(at: Any) -> Any:
    guests = [{"email": at.person, "responseStatus": "needsAction"}]
    times = at._times(soon(), soon(1))
    at.double.add(at.person, organiser="boss@example.org", summary="Board", attendees=guests, **times)
    return lambda: sum(1 for mail in at.double.mails if mail.kind == "answer")


def _invited_at_microsoft(at: Any) -> Any:
    at.double.invite(at.person, "boss@example.org", subject="Board", **at._times(soon(), soon(1)))
    return lambda: sum(1 for kind, _, _ in at.double.mails if kind == "response")


def _invited_over_caldav(at: Any) -> Any:
    url = at.add("Board", soon(), soon(1))
    account = at.server.username
    with_guests = f"ORGANIZER:mailto:boss@example.org\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{at.person}\nEND:VEVENT"
    at.rewrite(at.one(), ("END:VEVENT", with_guests))
    assert account
    assert url
    return lambda: 0


def _invited_at_cronofy(at: Any) -> Any:
    there = at.add("Board", soon(), soon(1))
    guest = {"email": at.person, "status": "needs_action"}
    at.double.edit(
        there, organizer={"email": "boss@example.org"}, attendees=[guest], participation_status="needs_action"
    )
    return lambda: 0


def _invited_at_morgen(at: Any) -> Any:
    there = at.add("Board", soon(), soon(1))
    at.double.invite(there, "boss@example.org", at.person)
    return lambda: len(at.double.mailed)


def _known_there(at: Column) -> Event:
    """An event of ours that was delivered and read back."""
    event = at.make()
    at.deliver(1)
    at.pull()
    assert at.mirror(event).in_sync
    return event
