"""Calendars, accounts and the services they may come from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.morgen import asked, schema, wire
from bookings.api.morgen.dialect import MorgenView
from bookings.domain import accounts, refs
from bookings.models import Calendar


class CalendarList(MorgenView):
    scopes = {"GET": "calendars:read"}

    @schema.told(
        "List calendars",
        answers={200: schema.data(calendars=schema.listed(schema.CALENDAR))},
        parameters=[schema.ACCOUNT_ID],
    )
    def get(self, request: Request) -> Response:
        places = in_order(self.calendars())
        if account_id := asked.text(request.query_params.dict(), "accountId", required=False):
            places = places.filter(account=self.account_called(account_id))
        return Response({"data": {"calendars": shown(list(places))}})


class CalendarUpdate(MorgenView):
    """Whether a calendar makes busy, and what its owner calls it here; the calendar at its service stays as it is."""

    scopes = {"POST": "calendars:write"}

    @schema.told(
        "Update a calendar's metadata",
        takes=schema.CHANGED_CALENDAR,
        answers={200: schema.data(calendar=schema.CALENDAR)},
        conflicts=True,
    )
    def post(self, request: Request) -> Response:
        calendar_id = asked.text(self.body, "id")
        account_id = asked.text(self.body, "accountId", required=self.strict)
        busy, kept = asked.metadata(self.body)
        [place] = self.calendars_called([calendar_id], self.account_called(account_id) if account_id else None)
        with transaction.atomic():
            if busy is not None:
                accounts.block(place, busy, actor=self.principal.actor)
            refs.keep(wire.SURFACE, "calendar", place, kept)
        siblings = shown(list(in_order(Calendar.everywhere.filter(account=place.account)).select_related("account")))
        [calendar] = [each for each in siblings if each["id"] == calendar_id]
        return Response({"data": {"calendar": calendar}})


def in_order(places: QuerySet[Calendar]) -> QuerySet[Calendar]:
    return places.order_by("account__created_at", "account_id", "-is_primary", "name", "pk")


def shown(places: Sequence[Calendar]) -> list[dict[str, Any]]:
    """Calendars as they are answered, given in their order."""
    names = wire.Names(
        {},
        refs.refs(wire.SURFACE, "calendar", places),
        refs.refs(wire.SURFACE, "account", [place.account for place in places]),
    )
    kept = refs.kept(wire.SURFACE, "calendar", places)
    grouped = groupby(places, key=lambda place: place.account_id)
    return [
        wire.calendar(place, names, order, kept[place.pk])
        for _, siblings in grouped
        for order, place in enumerate(siblings)
    ]


class AccountList(MorgenView):
    scopes = {"GET": "calendars:read"}

    @schema.told("List accounts", answers={200: schema.data(accounts=schema.listed(schema.ACCOUNT))})
    def get(self, request: Request) -> Response:
        reachable = list(self.accounts().order_by("created_at", "pk"))
        names = refs.refs(wire.SURFACE, "account", reachable)
        users = refs.refs(wire.SURFACE, "host", [each.host for each in reachable])
        return Response(
            {"data": {"accounts": [wire.account(each, names[each.pk], users[each.host_id]) for each in reachable]}}
        )


class Integrations(MorgenView):
    """The services there are. Nobody needs a key to ask."""

    def perform_authentication(self, request: Request) -> None: ...

    def check_throttles(self, request: Request) -> None: ...

    @schema.told("List services", answers={200: schema.SERVICES})
    def get(self, request: Request) -> Response:
        return Response({"data": wire.integrations()})
