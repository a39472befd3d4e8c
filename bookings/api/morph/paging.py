"""Lists: how many, from where on, which ones, in which order; answered `{"data": […], "next": cursor or null}`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict

from bookings.api import refusals
from bookings.api.base import Problem, Refusal

USUAL, MOST = 50, 500
_STRINGIFIED = "[object Object]"  # what the published client makes of an object in the query
_PART = re.compile(r"filters?\[(\w+)\](?:\[(\w+)\])?")

Filters = Mapping[str, str | Mapping[str, str]]


def wrong(name: str, message: str) -> Refusal:
    return refusals.invalid(Problem(name, "invalid", message))


def limit_of(query: QueryDict) -> int:
    """How many at most; more than we give at once means as many as we give. Raises Refusal."""
    given = query.get("limit", "")
    if not given:
        return USUAL
    if not (given.isascii() and given.isdecimal() and len(given) < 10 and int(given)):
        raise wrong("limit", "limit must be a whole number above 0.")
    return min(int(given), MOST)


def cursor_of(query: QueryDict, *kinds: type) -> list[Any] | None:
    """What `cursor` packed, which has values of these kinds; None when there is none. Raises Refusal."""
    given = query.get("cursor", "")
    if not given or given == "null":
        return None
    try:
        said = json.loads(base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        said = None
    fits = isinstance(said, list) and len(said) == len(kinds)
    if not fits or not all(type(value) is kind for value, kind in zip(said, kinds, strict=True)):
        raise wrong("cursor", "cursor must be the next of an earlier answer.")
    assert isinstance(said, list)
    return said


def cursor(*values: Any) -> str:
    packed = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def page(data: Sequence[dict[str, Any]], following: str | None) -> dict[str, Any]:
    return {"data": data, "next": following}


def filters_of(query: QueryDict, *possible: str) -> Filters:
    """`filters` as JSON, or as `filters[name]=value` and `filters[name][gte]=value`. Raises Refusal for others than the
    possible ones, which would otherwise be given more than they asked for."""
    found = _json(query.get("filters", ""))
    for name in query:
        match = _PART.fullmatch(name)
        if match is not None:
            _set(found, match[1], match[2], query.getlist(name)[-1])
    for name, value in found.items():
        if name not in possible:
            raise wrong(f"filters.{name}", f"{name} is no filter here; possible are {', '.join(possible)}.")
        if not isinstance(value, str) and not _is_range(value):
            raise wrong(f"filters.{name}", f"filters.{name} must be a string.")
    return found


def _json(given: str) -> dict[str, Any]:
    if not given or given == _STRINGIFIED:
        return {}
    try:
        said = json.loads(given)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise wrong("filters", "filters must be a JSON object, or be given as filters[name]=value.")
    return said


def _set(found: dict[str, Any], name: str, bound: str | None, value: str) -> None:
    if bound is None:
        found[name] = value
        return
    held = found.get(name)
    found[name] = (held if isinstance(held, dict) else {}) | {bound: value}


def _is_range(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def falls(query: QueryDict, name: str) -> bool:
    """Whether `sort` asks for the latest first: `-startTime`, `startTime:desc` or `startTime desc`."""
    given = query.get("sort", "").strip().lower()
    return given in {f"-{name.lower()}", *(f"{name.lower()}{mark}desc" for mark in (":", " ", "."))}
