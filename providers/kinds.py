"""The kinds of calendar that can be connected: what each asks of a person, why, and who tries it.

A kind is offered once its adapter stands in `base.ADAPTERS`. Beside `from_account`, in the same module (or in the one
that `hooks` names), an adapter may offer, each by its name:

- `service(tenant: str = "") -> oauth.Service`: needed by kinds that sign in by OAuth or with an organisation's own key.
  Its client id is empty where the operator has no registration; the page then says what to set.
- `try_login(given: Mapping[str, str]) -> Tried`: for kinds whose sign-in needs more than listing the calendars.
  Without it, an account that is not saved is made of what was typed and `list_calendars()` is called.
- `service_of(account) -> oauth.Service`: where an account's tokens are given back, when that differs between accounts.
- `probe(account, calendar) -> Capability`: tries out the calendar that is to receive bookings; raises ConnectFailed.
- `leave(account) -> None`: called before an account is disconnected, to give up what only the service can end (watch
  channels, subscriptions). Whatever it raises is ignored.

`Provider.owner()` says as whom the service knows the login; that becomes the account's `username`. What was typed into
`server_url` and `username` goes to those columns, everything else into `account.credentials()` under its field's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from bookings.domain.accounts import FoundCalendar
from bookings.models import Account
from providers import base
from providers.oauth import Service

_WHY = "Convene reads when you are busy, and writes bookings into the calendar you choose."


class ConnectFailed(Exception):
    """The account does not work as it was typed. `field` is where in the form, `message` what to do about it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True)
class Tried:
    """A login that works, with what was found behind it. Nothing of it is saved yet.

    :param addresses: where its owner is invited, as far as the service says.
    """

    provider: str
    server_url: str = ""
    username: str = ""
    credentials: dict[str, Any] = field(default_factory=dict, repr=False)
    calendars: tuple[FoundCalendar, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """Something a person types. What is secret never comes back to the page.

    :param choices: (value, label) pairs to choose from, instead of typing.
    :param lines: it is long: a key file, for example.
    """

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = True
    lines: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kind:
    """One way of connecting.

    :param slug: its name in addresses.
    :param asks: what is asked of the person and why, in plain words.
    :param why: what it is asked for.
    :param fields: what is typed; none when consent is given at the service.
    :param signs_in: by OAuth: the person is sent to the service and comes back.
    :param for_everybody: one key of the organisation, with which all its hosts are connected at once.
    :param kind: of such a key, its name in `oauth`.
    :param makes_do: consent to a part of what was asked is enough; the capability's notes say what is missing then.
    :param settings: environment variables without which the operator has no registration at the service.
    """

    slug: str
    provider: Account.Provider
    title: str
    asks: str
    why: str = _WHY
    fields: tuple[Field, ...] = ()
    signs_in: bool = False
    for_everybody: bool = False
    kind: str = ""
    makes_do: bool = False
    settings: tuple[str, ...] = ()
    hooks: str = ""

    def hook(self, name: str) -> Callable[..., Any] | None:
        """What the adapter offers under this name, or None."""
        where = self.hooks or base.ADAPTERS[self.provider].rpartition(".")[0]
        found: Callable[..., Any] | None = getattr(import_module(where), name, None)
        return found

    def service(self, tenant: str = "") -> Service | None:
        """Where it signs in, or None when it does not, or the operator has no registration for it."""
        make = self.hook("service")
        service: Service | None = make(tenant) if make else None
        return service if service and (service.client_id or not self.settings) else None

    @property
    def is_registered(self) -> bool:
        """Whether the operator has set what this kind needs."""
        return not (self.signs_in or self.settings) or self.service() is not None


_USUAL = Field("server_url", "Address of its API", "Only when it is not the usual one.", required=False)

KINDS = (
    Kind(
        "google",
        Account.Provider.GOOGLE,
        "Google Calendar",
        "You are sent to Google and asked for your list of calendars, your busy times and your events."
        " Nothing else of your Google account is asked for.",
        signs_in=True,
        makes_do=True,
        settings=("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    ),
    Kind(
        "google-workspace",
        Account.Provider.GOOGLE,
        "Google Workspace, for everybody",
        "An administrator of your Workspace gives a service account access to everybody's calendars, once; then nobody"
        " has to sign in. Only the hosts you tick are connected.",
        fields=(
            Field(
                "key",
                "Key of the service account (JSON)",
                "The whole file, as the Google Cloud console makes it. It is stored encrypted.",
                secret=True,
                lines=True,
            ),
        ),
        for_everybody=True,
        kind="service_account",
    ),
    Kind(
        "microsoft",
        Account.Provider.MICROSOFT,
        "Microsoft 365 and Outlook.com",
        "You are sent to Microsoft and asked to let Convene read and write your calendars."
        " Mail and files are not asked for.",
        signs_in=True,
        settings=("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"),
    ),
    Kind(
        "microsoft-organisation",
        Account.Provider.MICROSOFT,
        "Microsoft 365, for everybody",
        "An administrator of your tenant permits the application to read and write calendars, once; then nobody has to"
        " sign in. Only the hosts you tick are connected.",
        fields=(
            Field(
                "tenant", "Directory (tenant) id", "In the Entra admin centre, under Overview: a long id with dashes."
            ),
        ),
        for_everybody=True,
        kind="application",
        settings=("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"),
    ),
    Kind(
        "caldav",
        Account.Provider.CALDAV,
        "CalDAV: iCloud, Nextcloud, Fastmail and others",
        "The address of the server, a user name and a password made for Convene (an app password).",
        fields=(
            Field(
                "server_url",
                "Server address",
                "As your calendar's settings give it, for example https://cloud.example.com/dav/"
                " – iCloud: https://caldav.icloud.com, Fastmail: https://caldav.fastmail.com",
            ),
            Field("username", "User name"),
            Field(
                "password",
                "Password",
                "With two-step sign-in, make an app password for Convene. It is stored encrypted.",
                secret=True,
            ),
        ),
        hooks="providers.caldav.connecting",
    ),
    Kind(
        "icsfeed",
        Account.Provider.ICSFEED,
        "Calendar feed (.ics)",
        "The address of a published calendar. Its events make the host busy; nothing can be written there.",
        why="",
        fields=(
            Field(
                "feed",
                "Address of the feed",
                "It begins with https:// or webcal:// and is kept encrypted, as whoever has it can read the calendar.",
                secret=True,
            ),
        ),
    ),
    Kind(
        "cronofy",
        Account.Provider.CRONOFY,
        "Cronofy",
        "An access token of the Cronofy account, with which its calendars are reached.",
        fields=(
            Field("access_token", "Access token", "It is stored encrypted.", secret=True),
            Field(
                "refresh_token", "Refresh token", "Needed, with the next two, when tokens age.", True, required=False
            ),
            Field("client_id", "Client id", required=False),
            Field("client_secret", "Client secret", secret=True, required=False),
            Field("server_url", "Data centre", "Outside the US, such as https://api-de.cronofy.com", required=False),
        ),
    ),
    Kind(
        "timekit",
        Account.Provider.TIMEKIT,
        "Timekit",
        "An API key of your Timekit app.",
        fields=(Field("api_key", "API key", "It is stored encrypted.", secret=True), _USUAL),
    ),
    Kind(
        "morgen",
        Account.Provider.MORGEN,
        "Morgen",
        "An API key of your Morgen account.",
        fields=(
            Field("api_key", "API key", "It is stored encrypted.", secret=True, required=False),
            Field(
                "access_token", "Access token", "Instead of a key, at the older service.", secret=True, required=False
            ),
            _USUAL,
        ),
    ),
    Kind(
        "leadconnector",
        Account.Provider.LEADCONNECTOR,
        "LeadConnector (HighLevel)",
        "A private integration token of your location, with the scopes for calendars, events and contacts. Bookings"
        " become appointments, and their guests become contacts.",
        fields=(
            Field("token", "Private integration token", "It is stored encrypted.", secret=True),
            Field("location_id", "Location id"),
            _USUAL,
        ),
    ),
    Kind(
        "morph",
        Account.Provider.MORPH,
        "Morph",
        "The keys of your Morph environment and of one connection in it. Bookings become scheduling events there.",
        fields=(
            Field("api_key", "API key (x-api-key)", secret=True),
            Field("api_secret", "API secret (x-api-secret)", secret=True),
            Field("connector_id", "Connector id (x-connector-id)"),
            Field("owner_id", "Owner id (x-owner-id)"),
            Field("session_token", "Session token (x-session-token)", secret=True, required=False),
            _USUAL,
        ),
    ),
)
"""In the order in which they are offered."""


def offered() -> list[Kind]:
    """The kinds whose adapter is here."""
    return [kind for kind in KINDS if kind.provider in base.ADAPTERS]


def find(slug: str) -> Kind | None:
    return next((kind for kind in offered() if kind.slug == slug), None)


def of(account: Account) -> Kind | None:
    """The kind by which an account was connected."""
    shared = str(account.capabilities.get("shared_key", ""))
    fitting = [kind for kind in offered() if kind.provider == account.provider]
    return next((kind for kind in fitting if kind.kind == shared), None)
