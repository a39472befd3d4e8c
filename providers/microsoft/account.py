"""Which mailbox at Microsoft an account is, and how it signs in there."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote, urlsplit

from django.conf import settings

from bookings.models import Account, Calendar
from providers import oauth
from providers.base import Ended
from providers.http import Bearer
from providers.microsoft import notices
from providers.microsoft.calls import ME, Calls, manners
from providers.microsoft.provider import Microsoft
from providers.microsoft.wire import Owner
from providers.rest import Rest

SCOPES = ("offline_access", "User.Read", "Calendars.ReadWrite")


def service(tenant: str = "") -> oauth.Service:
    """Where people sign in; with a `tenant`, where this application signs in by itself, for everybody of it."""
    login, registration = settings.MICROSOFT_URLS["login"].rstrip("/"), settings.MICROSOFT
    endpoint = f"{login}/{quote(tenant or registration['tenant'], safe='')}/oauth2/v2.0"
    api = urlsplit(settings.MICROSOFT_URLS["api"])
    return oauth.Service(
        name="Microsoft",
        authorize_url=f"{endpoint}/authorize",
        token_url=f"{endpoint}/token",
        scopes=(f"{api.scheme}://{api.netloc}/.default",) if tenant else SCOPES,
        client_id=registration["client_id"],
        client_secret=registration["client_secret"],
        parameters={"prompt": "select_account", "response_mode": "query"},
    )


class _SignIn:
    """The tokens of an account."""

    def __init__(self, account: Account, at: oauth.Service) -> None:
        self._account = account
        self._service = at
        self._used = ""

    def bearer(self) -> Bearer:
        self._used = oauth.access_token(self._account, self._service)
        return Bearer(self._used)

    def renewed(self) -> str:
        return oauth.access_token(self._account, self._service, rejected=self._used)


def from_account(account: Account) -> Microsoft:
    """The adapter for a connected account."""
    held = account.credentials()
    shared = held.get("kind") == oauth.APPLICATION
    sign_in = _SignIn(account, service(str(held.get("tenant", ""))) if shared else service())
    rest = Rest(manners(account.server_url or settings.MICROSOFT_URLS["api"]), sign_in.bearer)
    root = f"/users/{quote(account.username, safe='@')}" if shared else ME

    @cache
    def zones() -> dict[str, str]:
        rows = Calendar.everywhere.filter(account=account).exclude(timezone="")
        return dict(rows.values_list("external_id", "timezone"))

    def owner(target: str) -> Owner:
        home = zones().get(target) or account.host.timezone
        return Owner(frozenset(account.addresses), home)

    return Microsoft(Calls(rest, root, str(account.pk)), owner=owner, renewed=sign_in.renewed)


def leave(account: Account) -> None:
    """End the subscriptions of an account that is about to be disconnected."""
    try:
        notices.end(account, from_account(account).calls)
    except Ended:
        return  # they end by themselves within three days


def keep_watch(account: Account) -> None:
    """Have Microsoft tell us of changes, where it can reach us; called once an hour. Raises Ended."""
    if account.health != Account.Health.REAUTH:
        notices.keep(account, from_account(account).calls)
