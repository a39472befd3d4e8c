"""How Morgen's API is entered, how it says no, and what a caller can reach through it."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import rate, refusals
from bookings.api.base import Dialect, DialectView, Principal, Refusal
from bookings.api.morgen import schema, wire
from bookings.domain import keys, refs
from bookings.domain.errors import SlotTaken
from bookings.models import Account, Calendar

_SCHEMES = ("bearer", "apikey")


class Morgen(Dialect):
    """`Bearer` and `ApiKey` credentials alike, on both versions: published clients mix them."""

    name = wire.SURFACE
    title = schema.TITLE
    description = schema.DESCRIPTION
    version = "v3"
    credentials = schema.CREDENTIALS

    def authenticate(self, request: Request) -> Principal:
        scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
        key = keys.find(secret.strip(), self.name) if scheme.lower() in _SCHEMES else None
        if key is None:
            raise refusals.unauthenticated()
        return Principal(key.organisation, key, key.host)

    def is_spoken(self, request: HttpRequest) -> bool:
        return request.headers.get("Authorization", "").strip().lower().startswith("apikey ")

    def refuse(self, refusal: Refusal) -> Response:
        """The envelope of NestJS, in which Morgen is written; what is wrong with values is always 400."""
        status = 400 if refusal.status == 422 else refusal.status
        body: dict[str, Any] = {
            "statusCode": status,
            "message": _words(refusal),
            "error": HTTPStatus(status).phrase,
        }
        if isinstance(refusal.cause, SlotTaken):
            body |= {"reason": refusal.cause.reason, "nextFree": [_utc(start) for start in refusal.cause.next_free]}
        return Response(body, status=status, headers={"WWW-Authenticate": "ApiKey, Bearer"} if status == 401 else None)


def _words(refusal: Refusal) -> str:
    """The message, with the name of each field in it: clients look for it there."""
    spelling = wire.FIELDS if refusal.cause else {}
    parts = []
    for problem in refusal.problems:
        field = spelling.get(problem.path, problem.path)
        parts.append(f"{field}: {problem.message}" if field else problem.message)
    return " ".join(parts) or refusal.message


def _utc(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


DIALECT = Morgen()


class MorgenView(DialectView):
    """One path of either version; `strict` where v3 asks for more than v1 did."""

    dialect = DIALECT
    strict = False

    def check_throttles(self, request: Request) -> None:
        allowance = rate.spend(self.principal.key, self.dialect.calls_per_minute(self.principal))
        left = max(0, allowance.limit - allowance.used)
        self.headers |= {
            "RateLimit-Limit": str(allowance.limit),
            "RateLimit-Remaining": str(left),
            "RateLimit-Reset": str(max(0, allowance.reset_s - int(now().timestamp()))),
        }
        allowance.require()

    # ── What the caller can reach: a key of one host sees that host's accounts, any other the whole organisation's ──

    def accounts(self) -> QuerySet[Account]:
        found: QuerySet[Account] = Account.objects.for_tenant(self.principal.organisation).select_related("host")
        host = self.principal.key.host_id
        return found if host is None else found.filter(host=host)

    def calendars(self) -> QuerySet[Calendar]:
        found: QuerySet[Calendar] = Calendar.objects.for_tenant(self.principal.organisation)
        found = found.select_related("account__host")
        host = self.principal.key.host_id
        return found if host is None else found.filter(account__host=host)

    def account_called(self, account_id: str) -> Account:
        """Raises Refusal 404; a foreign account and a missing one look alike."""
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "account", account_id)
        found = self.accounts().filter(pk=known).first() if known else None
        if found is None:
            raise _nowhere("account")
        return found

    def calendars_called(self, ids: list[str], account: Account | None) -> list[Calendar]:
        """All of these calendars, in that account if one is meant; raises Refusal 404."""
        known = refs.resolve_all(self.principal.organisation, wire.SURFACE, "calendar", ids)
        found = self.calendars().filter(pk__in=known.values())
        if account is not None:
            found = found.filter(account=account)
        by_id = {place.pk: place for place in found}
        places = [by_id.get(known[each]) if each in known else None for each in ids]
        if None in places:
            raise _nowhere("calendar")
        return [place for place in places if place is not None]


def _nowhere(noun: str) -> Refusal:
    return Refusal(404, "not_found", f"There is no such {noun}.")
