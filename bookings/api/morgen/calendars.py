"""Calendars, accounts and the services they may come from."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.morgen import asked, wire
from bookings.api.morgen.dialect import MorgenView
from bookings.domain import refs
from bookings.models import Calendar


class CalendarList(MorgenView):
    scopes = {"GET": "calendars:read"}

    def get(self, request: Request) -> Response:
        places = self.calendars().order_by("account__created_at", "account_id", "-is_primary", "name", "pk")
        if account_id := asked.text(request.query_params.dict(), "accountId", required=False):
            places = places.filter(account=self.account_called(account_id))
        return Response({"data": {"calendars": shown(list(places))}})


def shown(places: list[Calendar]) -> list[dict[str, object]]:
    names = wire.Names(
        {},
        refs.refs(wire.SURFACE, "calendar", places),
        refs.refs(wire.SURFACE, "account", [place.account for place in places]),
    )
    kept = refs.kept(wire.SURFACE, "calendar", places)
    seen: dict[object, int] = {}
    orders = [
        seen.update({place.account_id: seen.get(place.account_id, -1) + 1}) or seen[place.account_id]
        for place in places
    ]
    return [wire.calendar(place, names, order, kept[place.pk]) for place, order in zip(places, orders, strict=True)]


class AccountList(MorgenView):
    scopes = {"GET": "calendars:read"}

    def get(self, request: Request) -> Response:
        accounts = list(self.accounts().order_by("created_at", "pk"))
        names = refs.refs(wire.SURFACE, "account", accounts)
        users = refs.refs(wire.SURFACE, "host", [each.host for each in accounts])
        shown = [wire.account(each, names[each.pk], users[each.host_id]) for each in accounts]
        return Response({"data": {"accounts": shown}})


class Integrations(MorgenView):
    """The services there are. Nobody needs a key to ask."""

    def perform_authentication(self, request: Request) -> None: ...

    def check_throttles(self, request: Request) -> None: ...

    def get(self, request: Request) -> Response:
        return Response({"data": wire.integrations()})
