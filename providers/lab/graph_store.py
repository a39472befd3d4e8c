"""Mailboxes as the double of Graph keeps them: calendars, events with their occurrences, and what changed when."""

from __future__ import annotations

import base64
import copy
import html
import itertools
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from providers.lab import graph_series as series
from providers.lab.graph_schema import Json, Wrong

TEAMS = "teamsForBusiness"
_LINE = "_" * 80
_clock = itertools.count()


def moment() -> datetime:
    """Now, and never the same twice."""
    return datetime.now(UTC) + timedelta(milliseconds=next(_clock))


@dataclass
class CalendarRow:
    id: str
    name: str
    owner: str
    can_edit: bool = True
    is_default: bool = False
    teams: bool = True
    color: str = "lightBlue"


@dataclass
class Item:
    """An event, a series or a changed occurrence; `said` are its properties as they were sent, without its times."""

    key: str
    calendar: str
    said: Json
    start: datetime
    end: datetime
    zone: ZoneInfo
    zone_name: str
    change: int
    organizer: str
    is_organizer: bool = True
    answer: str = "organizer"
    created: datetime = field(default_factory=moment)
    modified: datetime = field(default_factory=moment)
    marks: dict[str, str] = field(default_factory=dict)
    join_url: str = ""
    master: Item | None = None
    original: datetime | None = None
    exceptions: dict[str, Item] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    @property
    def recurrence(self) -> Json | None:
        return self.said.get("recurrence")

    @property
    def begins(self) -> datetime:
        return series.instant(self.start, self.zone)

    @property
    def ends(self) -> datetime:
        return series.instant(self.end, self.zone)

    @property
    def kind(self) -> str:
        if self.master is not None:
            return "exception" if self.original_key in self.master.exceptions else "occurrence"
        return "seriesMaster" if self.recurrence else "singleInstance"

    @property
    def original_key(self) -> str:
        return (self.original or self.start).date().isoformat()

    def happenings(self, lo: datetime, hi: datetime) -> Iterator[Item]:
        """What of it overlaps [lo, hi): itself, or occurrences and exceptions."""
        if not self.recurrence:
            if self.begins < hi and (self.ends > lo or self.begins == self.ends >= lo):
                yield self
            return
        length = self.end - self.start
        for start in series.starts(self.recurrence, self.start):
            if series.instant(start, self.zone) >= hi + 40 * series.DAY:
                return
            date = start.date().isoformat()
            if date in self.cancelled:
                continue
            found = self.exceptions.get(date) or self._occurrence(start, length)
            if found.begins < hi and found.ends > lo:
                yield found

    def _occurrence(self, start: datetime, length: timedelta) -> Item:
        said = {name: value for name, value in self.said.items() if name != "recurrence"}
        made = copy.copy(self)
        made.key, made.said, made.master, made.original = f"{self.key}.{start:%Y%m%d}", said, self, start
        made.start, made.end = start, start + length
        made.exceptions, made.cancelled = {}, set()
        return made

    def occurrence(self, key: str) -> Item | None:
        """The occurrence or exception with this key."""
        for each in self.exceptions.values():
            if each.key == key:
                return each
        date = key.rpartition(".")[2]
        for start in series.starts(self.recurrence or {}, self.start) if self.recurrence else ():
            if f"{start:%Y%m%d}" == date:
                return (
                    None
                    if start.date().isoformat() in self.cancelled
                    else self._occurrence(start, self.end - self.start)
                )
            if f"{start:%Y%m%d}" > date:
                return None
        return None


@dataclass
class Mailbox:
    """One person's calendars."""

    person: str
    calendars: dict[str, CalendarRow] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    tombstones: list[tuple[int, str, str]] = field(default_factory=list)
    transactions: dict[str, tuple[str, str]] = field(default_factory=dict)
    counter: int = 1

    def tick(self) -> int:
        self.counter += 1
        return self.counter

    def touch(self, item: Item) -> None:
        """A change of an occurrence is one of its series too."""
        for each in (item, item.master) if item.master else (item,):
            each.change, each.modified = self.tick(), moment()

    def drop(self, item: Item) -> None:
        for each in (item, *item.exceptions.values()):
            self.tombstones.append((self.tick(), each.key, each.calendar))
        self.items.pop(item.key, None)

    def leave_out(self, item: Item) -> None:
        """Take one occurrence out of its series."""
        assert item.master is not None
        item.master.exceptions.pop(item.original_key, None)
        item.master.cancelled.add(item.original_key)
        self.tombstones.append((self.tick(), item.key, item.calendar))
        self.touch(item.master)

    def item(self, key: str, calendar: str | None = None) -> Item | None:
        found = self.items.get(key)
        if found is None and "." in key:
            master = self.items.get(key.partition(".")[0])
            found = master.occurrence(key) if master else None
        return found if found and calendar in (None, found.calendar) else None


def new_key() -> str:
    """An immutable id: case-sensitive, with characters that a URL has to quote."""
    return f"AAkALg{base64.b64encode(uuid.uuid4().bytes).decode().replace('/', '_').replace('+', '-')}"


def change_key(item: Item) -> str:
    return base64.b64encode(f"{item.key[-8:]}#{item.change}".encode()).decode()


# ── Bodies ──


def stored_body(body: Json | None) -> Json:
    given = body or {}
    kind, content = given.get("contentType") or "text", given.get("content") or ""
    if kind == "html" and "<html" not in content.lower():
        content = f"<html><head></head><body>{content}</body></html>"
    return {"contentType": kind, "content": content}


def body_as(body: Json, kind: str) -> Json:
    if body["contentType"] == kind:
        return body
    if kind == "text":
        text = re.sub(r"(?i)<br\s*/?>|</div>", "\n", body["content"])
        return {"contentType": "text", "content": html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\n", "\r\n")}
    text = html.escape(body["content"], quote=False).replace("\r\n", "\n").replace("\n", "<br>\r\n")
    return {"contentType": "html", "content": f'<html><body><div class="PlainText">{text}</div></body></html>'}


def with_join_text(body: Json, url: str) -> Json:
    """What Exchange adds to the body of an online meeting."""
    page = body_as(body, "html")["content"]
    added = f'<div><span>{_LINE}</span></div><div>Microsoft Teams meeting</div><div><a href="{url}">{url}</a></div>'
    return {"contentType": "html", "content": page.replace("</body>", f"<br>{added}</body>")}


def check_boundary(item: Item) -> None:
    """An occurrence does not move beyond its neighbours, nor onto their days."""
    assert item.master is not None
    assert item.master.recurrence is not None
    assert item.original is not None
    before = after = None
    for start in series.starts(item.master.recurrence, item.master.start):
        if start < item.original:
            before = start
        elif start > item.original:
            after = start
            break
    day = item.start.date()
    if (before and day <= before.date()) or (after and day >= after.date()):
        raise Wrong("Cannot move the occurrence beyond its neighbours.", "ErrorOccurrenceCrossingBoundary")


def copied(value: Any) -> Any:
    return copy.deepcopy(value)
