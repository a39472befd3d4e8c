"""Lists in pages, as clients follow them: `next_page` is a whole address on our own host, taken verbatim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.conf import settings
from rest_framework.request import Request

from bookings.api.reader import Reader

T = TypeVar("T")

PAGE = 500
"""Items on a page."""

_FURTHEST = 1_000_000


def query(request: Request, *lists: str) -> dict[str, Any]:
    """What stands after the question mark, for a Reader: texts, and arrays for the `lists` (written `name[]`)."""
    found: dict[str, Any] = {name: request.GET.get(name) for name in request.GET if not name.endswith("[]")}
    for name in lists:
        values = request.GET.getlist(f"{name}[]") or request.GET.getlist(name)
        found[name] = values or None
    return found


def flag(asked: dict[str, Any], name: str, reader: Reader) -> bool:
    """A boolean of the query, in any case: pycronofy writes True and False."""
    text = reader.text(asked, name, name).strip().lower()
    if text not in ("", "true", "false", "1", "0"):
        reader.wrong(name, "invalid", f"{name} must be true or false.")
    return text in ("true", "1")


def number(asked: dict[str, Any], reader: Reader) -> int:
    """Which page is asked for, from 1."""
    text = reader.text(asked, "page", "page").strip() or "1"
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= _FURTHEST):
        reader.wrong("page", "invalid", "page must be the number of a page.")
        return 1
    return int(text)


def page(
    request: Request, name: str, items: Sequence[T], at: int, shown: Callable[[Sequence[T]], list[dict[str, Any]]]
) -> dict[str, Any]:
    """One page of a list: `shown` renders only what is on it."""
    total = max(1, -(-len(items) // PAGE))
    pages: dict[str, Any] = {"current": at, "total": total}
    if at < total:
        asked = request.GET.copy()
        asked["page"] = str(at + 1)
        pages["next_page"] = f"{settings.BASE_URL}{request.path}?{asked.urlencode()}"
    return {"pages": pages, name: shown(items[(at - 1) * PAGE : at * PAGE])}
