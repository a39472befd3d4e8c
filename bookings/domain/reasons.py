"""What an explanation says of one host and one time: which rule holds there, what is in the calendars, how fresh.

For staff only. Every link has a machine code; the words beside it are for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bookings.domain import facts
from bookings.domain.terms import Terms, weekly_hours
from bookings.engine.zones import DAY, weekday, zone
from bookings.models import Busy, Calendar, Claim, Event, Host, Override
from bookings.models.ledger import LONGEST_BUSY, LONGEST_CLAIM

_EPOCH = date(1970, 1, 1).toordinal()
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Reason:
    """One link of an explanation, for staff only: which host, which rule, and whether it lets the time through.

    `detail` names the rule that holds, or what stands in the way (calendar, class of event, booking) and how fresh it
    is.
    """

    code: str
    message: str
    ok: bool
    host: str = ""
    detail: str = ""


def leading_to(code: str, terms: Terms, host: Host, start: int, now: int) -> list[Reason]:
    """The links before a host's verdict, which is `code`: what was looked at and let the time through."""
    if code in ("inactive", "outside_hours"):
        return []
    found = [Reason("hours", "Inside the working hours.", True, host.name, hours_rule(terms, host, start))]
    if code == "stale_calendar":
        return found
    told = _calendars(terms, host, now)
    return found + [Reason("calendar", "Read and up to date.", True, host.name, words) for words in told]


def detail(code: str, terms: Terms, host: Host, start: int, now: int) -> str:
    """What stands behind a verdict."""
    if code == "outside_hours":
        return hours_rule(terms, host, start)
    if code == "busy":
        return "; ".join(_busy_events(terms, host, start, now))
    if code == "booked":
        return "; ".join(_bookings(terms, host, start))
    if code == "stale_calendar":
        return "; ".join(_calendars(terms, host, now))
    return ""


def hours_rule(terms: Terms, host: Host, start: int) -> str:
    """Which rule says when a host works on the day of that start, in words."""
    if abs(start) > 200 * 366 * DAY:
        return ""
    day = zone(host.timezone).day_of(start)
    named = f"{_DAYS[weekday(day)]} {date.fromordinal(day + _EPOCH).isoformat()}"
    there = date.fromordinal(day + _EPOCH)
    rows = Override.everywhere.filter(host=host, first_day__lte=there, last_day__gte=there).order_by("kind")
    overrides = {row.kind: row for row in rows}
    for kind in (Override.Kind.LEAVE, Override.Kind.CLOSED, Override.Kind.HOLIDAY):
        if (row := overrides.get(kind)) is not None and Override.Kind.HOURS not in overrides:
            return f"{row.get_kind_display()} from {row.first_day} to {row.last_day}"
    if (row := overrides.get(Override.Kind.HOURS)) is not None:
        return f"Other hours on {named}: {_clock(row.blocks)}"
    if day in facts.holidays_of(host, start, start + 1):
        return f"Public holiday in {host.holiday_country} on {named}"
    weekly = terms.weekly if terms.weekly is not None else weekly_hours(host.schedule.weekly)
    whose = "Hours of the event type" if terms.weekly is not None else "Weekly hours"
    away = f", in {overrides[Override.Kind.TRAVEL].timezone}" if Override.Kind.TRAVEL in overrides else ""
    return f"{whose} on {named}: {_clock(weekly[weekday(day)])} ({host.timezone}{away})"


def _clock(blocks: object) -> str:
    pairs = [f"{a // 60:02}:{a % 60:02}–{b // 60:02}:{b % 60:02}" for a, b in blocks]  # type: ignore[attr-defined]
    return ", ".join(pairs) or "closed"


def _busy_events(terms: Terms, host: Host, start: int, now: int) -> list[str]:
    lo, hi = start - terms.before, start + terms.length + terms.after
    near = Busy.everywhere.filter(host=host, start_s__lt=hi, start_s__gt=lo - LONGEST_BUSY - 1, end_s__gt=lo)
    return [
        f"{row.calendar.name}: {_title(row.event)} ({row.kind}), {_freshness(row.calendar, now)}"
        for row in near.select_related("event", "calendar__account")
        if _blocks(row.calendar, row.kind, terms)
    ]


def _title(event: Event) -> str:
    if event.privacy != Event.Privacy.PUBLIC:
        return "(private)"
    return event.title or "(no title)"


def _blocks(calendar: Calendar, kind: str, terms: Terms) -> bool:
    """Whether events of this class count there, as in the decision itself."""
    if not (calendar.blocks if terms.calendars is None else calendar.pk in terms.calendars):
        return False
    policy = {"tentative": calendar.tentative_blocks, "free": calendar.free_blocks, "away": calendar.away_blocks}
    return policy.get(kind, True)


def _bookings(terms: Terms, host: Host, start: int) -> list[str]:
    lo, hi = start - terms.before - DAY, start + terms.length + terms.after + DAY
    near = Claim.everywhere.filter(
        host=host,
        state__in=(Claim.State.BOOKED, Claim.State.HOLD),
        start_s__lt=hi,
        start_s__gt=lo - LONGEST_CLAIM,
        end_s__gt=lo,
    ).select_related("booking")
    return [
        f"{claim.booking.title if claim.booking else 'Held by a customer'}"
        for claim in near
        if claim.start_s - max(claim.pad_before_s, terms.after) < start + terms.length
        and claim.end_s + max(claim.pad_after_s, terms.before) > start
    ]


def _calendars(terms: Terms, host: Host, now: int) -> list[str]:
    """The calendars that block, each with its freshness."""
    rows = Calendar.everywhere.filter(account__host=host).select_related("account").order_by("name")
    return [f"{row.name}: {_freshness(row, now)}" for row in rows if _blocks(row, "busy", terms)]


def _freshness(calendar: Calendar, now: int) -> str:
    if calendar.account.provider == "local":
        return "kept on this server"
    if calendar.last_verified_at is None:
        return "not read yet"
    return f"last verified {max(0, now - int(calendar.last_verified_at.timestamp())) // 60} minutes ago"
