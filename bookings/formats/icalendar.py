"""iCalendar, RFC 5545: `parse` reads any file into events and problems, `render` writes ours.

What it cannot carry is lost on the way out: ids and phone numbers of people, several locations, default alerts.
"""

from __future__ import annotations

from .event import DECLINED, EventData, fingerprint
from .ical_parts import kept_property
from .ical_read import Parsed, Problem, parse
from .ical_write import render
from .lines import Malformed

__all__ = [
    "DECLINED",
    "EventData",
    "Malformed",
    "Parsed",
    "Problem",
    "fingerprint",
    "kept_property",
    "parse",
    "render",
]
