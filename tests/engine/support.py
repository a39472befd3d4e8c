"""Oracle files and reference conversions by aware datetimes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ORACLES = Path(__file__).parent.parent / "oracles"
EPOCH = datetime(1970, 1, 1)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Antarctica/Troll",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Africa/Cairo",
)


def oracle(name: str) -> dict[str, Any]:
    """The named oracle file."""
    return json.loads((ORACLES / name).read_text("utf-8"))


def utc(text: str) -> int:
    """UTC seconds of an ISO 8601 time with Z."""
    return int(datetime.fromisoformat(text).timestamp())


def wall(text: str) -> int:
    """Wall seconds of an ISO 8601 local time or date."""
    return naive_seconds(datetime.fromisoformat(text))


def intervals(pairs: list[list[str]]) -> list[tuple[int, int]]:
    """UTC intervals from ISO 8601 pairs."""
    return [(utc(start), utc(end)) for start, end in pairs]


def naive_seconds(local: datetime) -> int:
    """Wall seconds of a naive datetime."""
    return (local - EPOCH) // timedelta(seconds=1)


def naive(seconds: int) -> datetime:
    """The naive datetime of wall seconds."""
    return EPOCH + timedelta(seconds=seconds)


def aware(instant: int, tzid: str) -> datetime:
    """The local time of an instant, by zoneinfo."""
    return datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(tzid))


def reference_utc(local: datetime, tzid: str) -> int:
    """The instant of a naive local time by zoneinfo, whose fold=0 is the rule of RFC 5545 3.3.5."""
    return int(local.replace(tzinfo=ZoneInfo(tzid), fold=0).timestamp())
