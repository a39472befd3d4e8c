"""Lists as the vendor's framework gives them (Laravel's paginator), with its search and order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from rest_framework.request import Request

USUAL, MOST = 50, 1_000

T = TypeVar("T", covariant=True)


class Sliceable(Protocol[T]):
    """A list or a QuerySet."""

    def __getitem__(self, index: slice, /) -> Any: ...


def page(
    request: Request,
    total: int,
    items: Sliceable[Any],
    shown: Callable[[Sequence[Any]], list[Any]],
    *,
    usual: int = USUAL,
) -> dict[str, Any]:
    """One page of items: `?limit=` and `?page=`; numbers that are none mean the usual ones."""
    limit = min(_number(request, "limit", usual), MOST)
    last = max(1, -(-total // limit))
    current = _number(request, "page", 1)
    begin = (current - 1) * limit
    data = shown(list(items[begin : begin + limit])) if begin < total else []
    return {
        "total": total,
        "per_page": limit,
        "current_page": current,
        "last_page": last,
        "next_page_url": _address(request, current + 1) if current < last else None,
        "prev_page_url": _address(request, current - 1) if 1 < current <= last + 1 else None,
        "from": begin + 1 if data else None,
        "to": begin + len(data) if data else None,
        "data": data,
    }


def searched(request: Request) -> list[tuple[str, str]]:
    """`?search=field:value;field2:value2` as (field, value)."""
    parts = (part.partition(":") for part in request.query_params.get("search", "").split(";"))
    return [(name.strip(), value.strip()) for name, mark, value in parts if mark]


def ordered(request: Request, columns: Mapping[str, str], usual: str) -> list[str]:
    """Columns to order by, from `?orderBy=` and `?sortedBy=asc|desc`; `columns` says which of ours a name means."""
    column = columns.get(request.query_params.get("orderBy", ""))
    if column is None:
        return [usual, "pk"]
    falling = request.query_params.get("sortedBy", "asc").lower() == "desc"
    return ["-" + column if falling else column, "pk"]


def _number(request: Request, name: str, usual: int) -> int:
    given = request.query_params.get(name, "")
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        return usual
    return int(given) or usual


def _address(request: Request, number: int) -> str:
    rest = [(name, value) for name, value in request.query_params.items() if name != "page"]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*rest, ('page', number)])}")
