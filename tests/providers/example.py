"""The smallest adapter that signs in by OAuth, for tests of what all of them share."""

from __future__ import annotations

from collections.abc import Mapping

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes
from bookings.models import Account
from providers import oauth
from providers.base import PULL_S, Ended, PullFailed
from providers.icsfeed import IcsFeed
from providers.lab.login import LoginDouble

double = LoginDouble()
client_id = "lab"


def service(tenant: str = "") -> oauth.Service:
    way = f"{tenant or 'common'}/oauth2/v2.0" if tenant else "oauth2"
    return oauth.Service(
        "Example",
        authorize_url=f"{double.url}/{way}/authorize",
        token_url=f"{double.url}/{way}/token",
        revoke_url=f"{double.url}/oauth2/revoke",
        scopes=("https://graph.example/.default",) if tenant else ("calendars.read", "events.write"),
        client_id=client_id,
        client_secret="lab-secret",
    )


class Example(IcsFeed):
    """Lists one calendar, that of the person whose token it has."""

    def __init__(self, account: Account) -> None:
        super().__init__("https://unused.example/", zone="UTC")
        self.account = account

    def owner(self) -> str:
        held = self.account.credentials()
        try:
            token = oauth.access_token(self.account, service(str(held.get("tenant", ""))))
        except Ended as ended:
            raise PullFailed(ended.result.outcome, ended.result.detail) from ended
        return double.owner_of(token) or str(held.get("subject", ""))

    def list_calendars(self) -> list[FoundCalendar]:
        owner = self.owner()
        return [FoundCalendar(owner, owner, primary=True)]

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        return Changes(objects=[], removed=[], complete=True, token="")


def from_account(account: Account) -> Example:
    return Example(account)
