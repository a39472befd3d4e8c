"""An account as its applications see it: who it is, its profiles (connected accounts), and their calendars."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.cronofy import schema
from bookings.api.cronofy.dialect import CronofyView
from bookings.api.cronofy.scopes import scope_of
from bookings.api.cronofy.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import accounts, refs
from bookings.models import Account, Calendar

_PROVIDERS: Mapping[str, str] = {
    Account.Provider.LOCAL: "cronofy",
    Account.Provider.MICROSOFT: "office365",
}
"""What the vendor calls providers; the others have the same name there. Its own calendars are those kept here."""

_LONGEST_NAME = 300


class AccountView(CronofyView):
    """What the paths about an account share. The calendar kept here is there before anything is connected."""

    def profiles(self) -> list[tuple[Account, str, list[dict[str, Any]]]]:
        """Every connected account of the host with its profile_id and its calendars; four queries."""
        if self.account.booking_calendar_id is None:
            accounts.ensure_local(self.account)
        rows = Calendar.objects.for_tenant(self.principal.organisation).filter(account__host=self.account)
        calendars = list(rows.select_related("account"))
        named = refs.refs(SURFACE, "calendar", calendars)
        found = {calendar.account_id: calendar.account for calendar in calendars}
        profiles = refs.refs(SURFACE, "account", found.values())
        told: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
        for calendar in calendars:
            told[calendar.account_id].append(self._calendar(calendar, named[calendar.pk]))
        return [(account, profiles[pk], told[pk]) for pk, account in found.items()]

    def _calendar(self, calendar: Calendar, name: str) -> dict[str, Any]:
        booked = calendar.pk == self.account.booking_calendar_id
        return {
            "calendar_id": name,
            "calendar_name": calendar.name,
            "calendar_readonly": not calendar.is_writable or calendar.state == Calendar.State.READ_ONLY,
            "calendar_deleted": calendar.state == Calendar.State.GONE,
            "calendar_primary": calendar.is_primary or booked,
            "calendar_integrated_conferencing_available": calendar.account.provider
            in (Account.Provider.GOOGLE, Account.Provider.MICROSOFT),
            "calendar_attachments_available": False,
            "permission_level": "unrestricted",
        }


def profile(account: Account, name: str) -> dict[str, Any]:
    """A connected account as every answer names it."""
    provider = _PROVIDERS.get(account.provider, account.provider)
    return {"provider_name": provider, "profile_id": name, "profile_name": account.username or account.label}


class Calendars(AccountView):
    scopes = {"GET": "calendars:read", "POST": "calendars:write"}
    fields = {"account": "profile_id"}

    @schema.told("Calendars", schema.CALENDARS)
    def get(self, request: Request) -> Response:
        found = [profile(account, name) | one for account, name, some in self.profiles() for one in some]
        return Response({"calendars": found})

    @schema.told("Make a calendar", schema.ONE_CALENDAR, takes=schema.NEW_CALENDAR)
    def post(self, request: Request) -> Response:
        """A further calendar, of the profile kept here. Those of other services are made there."""
        reader = Reader()
        profile_id = reader.text(self.body, "profile_id", "profile_id", required=True)
        name = reader.text(self.body, "name", "name", required=True, longest=_LONGEST_NAME)
        known = {name: account for account, name, _ in self.profiles()}.get(profile_id)
        if profile_id and known is None:
            reader.wrong("profile_id", "invalid", "profile_id is not the id of a profile of this account.")
        reader.finish()
        assert known is not None
        with transaction.atomic():
            made = accounts.add_calendar(known, name, actor=self.principal.actor)
            told = self._calendar(made, refs.ref(SURFACE, "calendar", made))
            return Response({"calendar": profile(known, profile_id) | told})


class Profiles(AccountView):
    scopes = {"GET": "calendars:read"}

    @schema.told("Connected accounts", schema.PROFILES)
    def get(self, request: Request) -> Response:
        found = [profile(account, name) | _health(account) for account, name, _ in self.profiles()]
        return Response({"profiles": found})


class ProfileRevocation(AccountView):
    """Let a connected account go. What was made here stays, in the calendar kept here."""

    scopes = {"POST": "calendars:write"}
    fields = {"account": "profile_id"}

    @schema.told("Let a connected account go", None, status=202)
    def post(self, request: Request, profile_id: str) -> Response:
        known = {name: account for account, name, _ in self.profiles()}.get(profile_id)
        if known is None:
            raise refusals.not_found()
        accounts.disconnect(known, actor=self.principal.actor)
        return Response(status=202)


class UserInfo(AccountView):
    """GET /v1/userinfo (OpenID Connect Core 5.3)."""

    scopes = {"GET": "calendars:read"}

    @schema.told("Who the account is, with its calendars", schema.USERINFO)
    def get(self, request: Request) -> Response:
        host = self.account
        profiles = [
            profile(account, name) | _health(account) | {"profile_calendars": some}
            for account, name, some in self.profiles()
        ]
        return Response(
            {
                "sub": refs.ref(SURFACE, "host", host),
                "email": host.email,
                "name": host.name,
                "zoneinfo": host.timezone,
                "cronofy.type": "account",
                "cronofy.data": {
                    "authorization": {"scope": scope_of(self.principal.key.scopes), "status": "active"},
                    "profiles": profiles,
                },
            }
        )


class AccountInfo(AccountView):
    """GET /v1/account: what userinfo was before."""

    scopes = {"GET": "calendars:read"}

    @schema.told("Who the account is", schema.ACCOUNT)
    def get(self, request: Request) -> Response:
        host = self.account
        told = {
            "account_id": refs.ref(SURFACE, "host", host),
            "email": host.email,
            "name": host.name,
            "type": "account",
            "scope": scope_of(self.principal.key.scopes),
            "default_tzid": host.timezone,
        }
        return Response({"account": told})


def _health(account: Account) -> dict[str, Any]:
    """Whether the login works; where it does not, the page on which the host signs in again."""
    connected = account.health != Account.Health.REAUTH
    told = {"profile_connected": connected, "profile_initial_sync_required": account.last_ok_at is None}
    return told if connected else told | {"profile_relink_url": f"{settings.BASE_URL}/calendars"}
