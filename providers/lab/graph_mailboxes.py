"""The mailboxes behind the double of Graph, and everything that can be done to them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from providers.lab import graph_series as series
from providers.lab import graph_store as store
from providers.lab import graph_views as views
from providers.lab.graph_notices import Notices
from providers.lab.graph_schema import WRITABLE, Json, Wrong, check
from providers.lab.graph_store import CalendarRow, Item, Mailbox
from providers.lab.login import LoginDouble


class Mailboxes(LoginDouble):
    """Exchange without its interface.

    Switches: `iana_zones` (whether it takes IANA names), `teams_later` (join links come with `finish_rooms`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.iana_zones = True
        self.teams_later = False
        self.mails: list[tuple[str, str, tuple[str, ...]]] = []
        self.notices = Notices()
        self._boxes: dict[str, Mailbox] = {}

    # ── What tests, demos and operators do ──

    def mailbox(self, person: str) -> Mailbox:
        """The mailbox of a person, with its default calendar."""
        if person not in self._boxes:
            box = self._boxes[person] = Mailbox(person)
            key = f"AQMkADAw{hashlib.sha256(person.encode()).hexdigest()[:20]}="
            box.calendars[key] = CalendarRow(key, "Calendar", person, is_default=True)
        return self._boxes[person]

    def default_calendar(self, person: str) -> str:
        return next(each.id for each in self.mailbox(person).calendars.values() if each.is_default)

    def add_calendar(self, person: str, name: str, **fields: Any) -> str:
        key = f"AQMkADAw{hashlib.sha256(f'{person}{name}'.encode()).hexdigest()[:20]}="
        self.mailbox(person).calendars[key] = CalendarRow(key, name, person, **fields)
        return key

    def remove_calendar(self, person: str, calendar: str) -> None:
        box = self.mailbox(person)
        del box.calendars[calendar]
        for item in [each for each in box.items.values() if each.calendar == calendar]:
            box.drop(item)

    def events(self, person: str, calendar: str = "") -> list[Json]:
        """The events there now, as Graph shows them: single ones and series."""
        items = self.mailbox(person).items.values()
        return [views.shown(each) for each in items if calendar in ("", each.calendar)]

    def add(self, person: str, calendar: str = "", **said: Any) -> str:
        """An event that somebody made there by hand; returns its id."""
        box = self.mailbox(person)
        check(said, "event")
        return self.make(box, calendar or self.default_calendar(person), said, mail=False).key

    def invite(self, person: str, organizer: str, **said: Any) -> str:
        """An invitation from somebody else; returns its id."""
        guests = [{"emailAddress": {"address": person, "name": ""}, "type": "required"}]
        item = self.mailbox(person).item(self.add(person, **said, attendees=guests))
        assert item is not None
        item.is_organizer, item.organizer, item.answer = False, organizer, "notResponded"
        return item.key

    def edit(self, person: str, key: str, **said: Any) -> None:
        """Change an event or an occurrence as its owner would in Outlook."""
        box = self.mailbox(person)
        item = box.item(key)
        assert item is not None
        check(said, "event")
        self.change(box, item, said, mail=False)

    def move(self, person: str, key: str, calendar: str) -> None:
        """Drag an event into another calendar: its immutable id stays."""
        box = self.mailbox(person)
        item = box.items[key]
        box.tombstones.append((box.tick(), item.key, item.calendar))
        item.calendar = calendar
        box.touch(item)
        self.notices.tell(box, item)

    def remove(self, person: str, key: str) -> None:
        box = self.mailbox(person)
        item = box.item(key)
        assert item is not None
        self.drop(box, item)

    def answer(self, person: str, key: str, guest: str, response: str) -> None:
        """A guest's answer arrives."""
        box = self.mailbox(person)
        item = box.items[key]
        for each in item.said.get("attendees") or ():
            if each["emailAddress"]["address"].casefold() == guest.casefold():
                each["status"] = {"response": response, "time": series.stamp(store.moment())}
        box.touch(item)
        self.notices.tell(box, item)

    def finish_rooms(self) -> None:
        """The join links that were waited for arrive."""
        for box in self._boxes.values():
            for item in [each for each in box.items.values() if each.said.get("isOnlineMeeting") and not each.join_url]:
                self._open_room(item)
                box.touch(item)
                self.notices.tell(box, item)

    # ── How events are made and changed ──

    def make(self, box: Mailbox, calendar: str, said: Json, *, mail: bool) -> Item:
        if "start" not in said or "end" not in said:
            raise Wrong("start and end are needed.", "ErrorInvalidRequest")
        utc = series.zone_named("UTC", iana=True)
        item = Item(store.new_key(), calendar, {}, datetime.min, datetime.min, utc, "UTC", box.tick(), box.person)
        self._take(box, item, said)
        box.items[item.key] = item
        self.mail("invite", item, mail)
        self.notices.tell(box, item)
        return item

    def change(self, box: Mailbox, item: Item, said: Json, *, mail: bool) -> Item:
        before = {each["emailAddress"]["address"] for each in item.said.get("attendees") or ()}
        item = self.own(item)
        self._take(box, item, said)
        box.touch(item)
        if said.keys() - {"singleValueExtendedProperties"} == {"attendees"}:
            changed = before ^ {each["emailAddress"]["address"] for each in item.said["attendees"]}
            self.mails += [("update", item.key, tuple(sorted(changed)))] if mail and changed else []
        else:
            self.mail("update", item, mail)
        self.notices.tell(box, item)
        return item

    def own(self, item: Item) -> Item:
        """An occurrence that is changed becomes an exception of its series."""
        if item.master is not None:
            item.master.exceptions.setdefault(item.original_key, item)
        return item

    def drop(self, box: Mailbox, item: Item) -> None:
        if item.master is not None:
            box.leave_out(item)
        else:
            box.drop(item)
        self.notices.tell(box, item)

    def _take(self, box: Mailbox, item: Item, said: Json) -> None:
        """Check what is said against the rest of the event, then take it over; nothing of it when it is refused."""
        if unknown := said.keys() - WRITABLE - {"@odata.type"}:
            raise Wrong(f"The property '{min(unknown)}' is read-only.", "ErrorInvalidPropertyRequest")
        new = {**item.said, **{name: store.copied(value) for name, value in said.items()}}
        marks = {each["id"]: each["value"] for each in new.pop("singleValueExtendedProperties", None) or ()}
        moved = {name: said.get(name) for name in ("start", "end") if said.get(name)}
        start, end, zone, name = self._times(item, moved)
        _check_times(new, start, end)
        if new.get("recurrence") and item.master is not None:
            raise Wrong("An occurrence does not repeat.", "ErrorInvalidRequest")
        if new.get("recurrence"):
            series.zone_named(
                new["recurrence"].get("range", {}).get("recurrenceTimeZone") or name, iana=self.iana_zones
            )
            series.check_recurrence(new["recurrence"], start)
        self._check_room(box, item, new, said)
        if "body" in said:
            new["body"] = store.stored_body(said["body"])
        if item.master is not None and moved:
            probe = store.copied(item)
            probe.start, probe.end = start, end
            store.check_boundary(probe)
        if item.recurrence and ("recurrence" in said or moved):
            item.exceptions.clear()
            item.cancelled.clear()
        item.said, item.start, item.end, item.zone, item.zone_name = new, start, end, zone, name
        item.marks = {**item.marks, **marks}
        self._keep_room(item, said)

    def _times(self, item: Item, moved: Json) -> tuple[datetime, datetime, Any, str]:
        if not moved:
            return item.start, item.end, item.zone, item.zone_name
        begin, finish = moved.get("start"), moved.get("end")
        if begin is None or finish is None:
            raise Wrong("start and end are changed together.", "ErrorInvalidRequest")
        zone = series.zone_named(begin.get("timeZone"), iana=self.iana_zones)
        until = series.zone_named(finish.get("timeZone"), iana=self.iana_zones)
        end = series.instant(series.wall_of(finish), until).astimezone(zone).replace(tzinfo=None)
        return series.wall_of(begin), end, zone, str(begin["timeZone"])

    def _check_room(self, box: Mailbox, item: Item, new: Json, said: Json) -> None:
        if item.said.get("isOnlineMeeting") and said.get("isOnlineMeeting") is False:
            raise Wrong("An online meeting cannot be made offline.", "ErrorInvalidRequest")
        row = box.calendars[item.calendar]
        if said.get("isOnlineMeeting") and (new.get("onlineMeetingProvider") != store.TEAMS or not row.teams):
            raise Wrong("The online meeting provider is not allowed in this calendar.", "ErrorInvalidRequest")

    def _keep_room(self, item: Item, said: Json) -> None:
        if not item.said.get("isOnlineMeeting"):
            return
        if item.join_url and "body" in said and item.join_url not in item.said["body"]["content"]:
            item.join_url, item.said["isOnlineMeeting"] = "", False  # whoever drops the join text ends the meeting
        elif not item.join_url and not self.teams_later:
            self._open_room(item)

    def _open_room(self, item: Item) -> None:
        item.join_url = f"https://teams.microsoft.com/l/meetup-join/{item.key[-12:]}"
        item.said["body"] = store.with_join_text(store.stored_body(item.said.get("body")), item.join_url)

    def mail(self, what: str, item: Item, wanted: bool) -> None:
        guests = tuple(each["emailAddress"]["address"] for each in item.said.get("attendees") or ())
        if wanted and guests and item.is_organizer:
            self.mails.append((what, item.key, guests))


def _check_times(said: Json, start: datetime, end: datetime) -> None:
    if end < start:
        raise Wrong("The end is before the start.", "ErrorPropertyValidationFailure")
    if said.get("isAllDay") and (
        start.time() != datetime.min.time() or end.time() != datetime.min.time() or end <= start
    ):
        raise Wrong("An all-day event starts and ends at midnight of its zone.", "ErrorInvalidRequest")
