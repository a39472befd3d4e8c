"""What every page has in common on which a customer chooses a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.timezone import now

from bookings.domain import availability
from bookings.domain.availability import Terms
from bookings.domain.errors import SlotTaken
from bookings.engine.zones import zone
from bookings.pages.customer.months import Choice, month_end
from bookings.pages.customer.reading import A_YEAR, is_framed, week_begins
from bookings.pages.zones import chosen as known_zone
from bookings.pages.zones import options

ZONE_COOKIE = "tz"
_FURTHEST = 366 * 86_400
_FIRST_LOOK = 62 * 86_400


@dataclass(frozen=True)
class What:
    """What a time is chosen for, as it stands beside the choice. `lead` stands above the title."""

    title: str
    minutes: int
    lead: str
    who: str
    place: str = ""
    description: str = ""

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.who.split()[:2]).upper()


@dataclass(frozen=True)
class Asked:
    """A page on which a time is chosen. `keep` are the parameters that its links carry along."""

    request: HttpRequest
    what: What
    terms: Terms
    form: Form
    keep: dict[str, str] = field(default_factory=dict)
    template: str = "customer/select.html"
    timezone: str = ""
    """The zone when nobody chose one; the host's when empty."""
    without: Collection[int] = ()
    """Starts that are not offered."""
    notes: Mapping[int, str] = field(default_factory=dict)
    """{start: what is said of it}."""

    @property
    def tzid(self) -> str:
        return chosen_zone(self.request, self.timezone or self.terms.timezone)

    def show(
        self,
        *,
        status: int = 200,
        posted: bool = False,
        refusal: SlotTaken | None = None,
        **more: Any,
    ) -> HttpResponse:
        """The choice, or the form for a chosen time; `posted` shows the form again with what was typed."""
        moment = int(now().timestamp())
        free, until = self._free(moment)
        choice = Choice(free, self.tzid, moment, until=until, week_begins=week_begins(self.request))
        context = self._context() | self._calendar(choice) | self._chosen(free, posted, refusal) | more
        context |= {"now": moment, "anything_free": bool(free)}
        response = render(self.request, self.template, context, status=status)
        if known_zone(self.request.GET.get("tz")):
            response.set_cookie(ZONE_COOKIE, self.tzid, max_age=A_YEAR, samesite="Lax", secure=self.request.is_secure())
        return response

    def _free(self, now: int) -> tuple[list[int], int]:
        """The starts around the month looked at, and until when there may be more. Two months are looked through
        first, and all that can be booked only when these have none."""
        end = min(self.terms.latest or now + _FURTHEST, now + _FURTHEST)
        month = month_end(self.request.GET.get("month", ""))
        beyond = zone(self.tzid).day_bounds(month)[1] if month is not None else 0
        first = min(end, max(now + _FIRST_LOOK, beyond))
        found = availability.offer(self.terms, now, first, now=now).starts
        if first < end and not any(start >= beyond - 31 * 86_400 for start in found):
            found = availability.offer(self.terms, now, end, now=now).starts
        return [start for start in found if start not in self.without], end

    def _context(self) -> dict[str, Any]:
        return common(self.request, self.keep) | {
            "what": self.what,
            "timezone": self.tzid,
            "host_zone": self.terms.timezone if len(self.terms.hosts) == 1 else self.tzid,
            "zones": options(self.tzid),
            "form": self.form,
        }

    def _calendar(self, choice: Choice) -> dict[str, Any]:
        """The month and the times of the chosen day."""
        asked = self.request.GET
        day = choice.day_named(asked.get("day", ""))
        if day is None and not asked.get("month"):
            day = choice.first_day
        month = choice.month(asked.get("month", ""), day)
        day = day if day in choice.by_day else None
        begins = week_begins(self.request)
        order = [(begins + index) % 7 for index in range(7)]
        return {
            "month": month,
            "weekdays": [(WEEKDAYS_ABBR[index], WEEKDAYS[index]) for index in order],
            "day": day,
            "day_start": choice.by_day[day][0] if day is not None else None,
            "times": [replace(time, note=self.notes.get(time.start, "")) for time in choice.times(day)] if day else [],
        }

    def _chosen(self, free: list[int], posted: bool, refusal: SlotTaken | None) -> dict[str, Any]:
        start = number((self.request.POST if posted else self.request.GET).get("start", ""))
        asked = start is not None and (start in free or posted)
        return {
            "start": start if asked else None,
            "end": start + self.terms.length if asked and start is not None else None,
            "gone": start is not None and not asked,
            "refusal": refusal,
            "next_free": [each for each in refusal.next_free if each not in self.without] if refusal else [],
        }


def common(request: HttpRequest, keep: dict[str, str] | None = None) -> dict[str, Any]:
    """What the frame of every customer's page needs."""
    keep = {name: value for name, value in (keep or {}).items() if value} | kept(request)
    asked = {name: request.GET[name] for name in ("day", "month", "start", "tz") if request.GET.get(name)}
    own = {name: value for name, value in keep.items() if name != "lang"} | asked
    return {
        "keep": "".join(f"&{urlencode({name: value})}" for name, value in keep.items()),
        "here": f"{request.path}?{urlencode(keep)}" if keep else request.path,
        "kept": keep,
        "languages": [(code, name, f"?{urlencode(own | {'lang': code})}") for code, name in settings.LANGUAGES],
        "framed": is_framed(request),
    }


def kept(request: HttpRequest) -> dict[str, str]:
    """What every link of a page in a frame has to say again, where no cookie says it."""
    if not is_framed(request):
        return {}
    lang = request.GET.get("lang", "")
    return {"embed": "1"} | ({"lang": lang} if lang in dict(settings.LANGUAGES) else {})


def chosen_zone(request: HttpRequest, fallback: str) -> str:
    """The zone chosen just now, the one remembered, or the host's."""
    wanted = (request.POST.get("tz"), request.GET.get("tz"), request.COOKIES.get(ZONE_COOKIE))
    return next((zone for zone in map(known_zone, wanted) if zone), fallback)


def number(text: str) -> int | None:
    """A start as addresses spell it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None
