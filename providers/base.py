"""Provider: what every adapter fills, so that delivery, retry and reading are written once.

An adapter speaks to one service for one login. It decides nothing about when or whether: it makes one call, reads the
answer, and says which Outcome it was. It never raises for what a service answers; it raises UnsupportedFeature for
what the service cannot do at all.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from django.utils.module_loading import import_string

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes
from bookings.formats.event import EventData
from bookings.models import Account

PULL_S = 120.0
"""How long reading one calendar may take."""


class Outcome(StrEnum):
    """How a call ended, in the only words that delivery understands."""

    OK = "ok"  # the service has it (or, for a deletion, has it not)
    ADOPT = "adopt"  # it was there already, from an earlier attempt of ours
    CONFLICT = "conflict"  # somebody else changed it meanwhile: read, merge, again
    TRANSIENT = "transient"  # surely not applied; wait and try again
    AMBIGUOUS = "ambiguous"  # sent, answer unknown: it may or may not have been applied
    AUTH_REFRESH = "auth_refresh"  # the token is old: renew it and try once more
    AUTH_DEAD = "auth_dead"  # a person has to sign in again
    TARGET_GONE = "target_gone"  # the calendar is not there any more, or became read-only
    PERMANENT = "permanent"  # refused for what it is; the same call never succeeds
    UNKNOWN = "unknown"  # none of these: a few tries, then somebody looks


class UnsupportedFeature(Exception):
    """The service, or this adapter, cannot do that. `feature` names it."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"not supported here: {feature}")
        self.feature = feature


class PullFailed(Exception):
    """A calendar could not be read. What was known of it stays; `outcome` says whether waiting helps."""

    def __init__(self, outcome: Outcome, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True)
class Capability:
    """What a service, or one server of it, can do; stored with the account and shown to the host.

    :param keyed_create: repeating a create with the same key makes no second event, so it needs no search first.
    :param guards_updates: a stale update is refused instead of overwriting.
    :param invites: the service itself mails the guests of an event that is written there.
    :param incremental: changes can be read since a token.
    :param recurrence: series can be written; otherwise only single events.
    :param lag_s: without keys: how long what was made may be missing in a search.
    :param pull_every_s: how often to ask for changes when nothing tells us of them.
    """

    write: bool = True
    keyed_create: bool = True
    guards_updates: bool = True
    invites: bool = False
    rsvp: bool = True
    incremental: bool = True
    conference: bool = False
    recurrence: bool = True
    lag_s: int = 0
    pull_every_s: int = 60
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"notes": list(self.notes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Capability:
        """Read a stored record; names of another version are ignored, missing ones keep their default."""
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        return cls(**known | {"notes": tuple(known.get("notes", ()))})


@dataclass(frozen=True)
class Remote:
    """Where an event is at the service, as far as we have learnt."""

    id: str = ""
    uid: str = ""
    etag: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class Push:
    """One event on its way to one calendar.

    `key` is derived from (event, calendar, generation) and the installation, so every attempt of a generation carries
    the same one. `tag` says the same in words, with the revision, and travels inside the event where the service
    permits. `events` is the whole managed state: the event or master first, then the changed occurrences of a series.

    :param leads: this is the event's own calendar: guests and the virtual room belong here. Other calendars that show
        the event (those of further hosts) would invite everybody a second time.
    :param notify: the service is to mail the guests, if it does that at all; also told for a deletion, whose `events`
        are empty.
    :param body: the frozen body of the create, once there was an attempt: it says what to search for.
    """

    key: uuid.UUID
    tag: str
    uid: str
    events: tuple[EventData, ...]
    remote: Remote = field(default_factory=Remote)
    leads: bool = True
    notify: bool = False
    body: str = ""


@dataclass(frozen=True)
class Result:
    """How one call ended. `revision` is that of our event as it was found there, or None when it is what was sent.

    `room` is what the service says of the virtual room it was asked for: {"state": pending, ready or failed, "url"}.
    """

    outcome: Outcome
    remote: Remote = field(default_factory=Remote)
    status: int | None = None
    retry_after: int | None = None
    detail: str = ""
    revision: int | None = None
    room: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.outcome in (Outcome.OK, Outcome.ADOPT)


@dataclass(frozen=True)
class Answer:
    """What the owner of a calendar answers to an invitation.

    :param rsvp: accepted, declined, tentative or needs-action.
    :param notify: whether the organiser is to be told by the service, if it tells anybody.
    :param wall: of a series, the one occurrence meant, by its original start in wall seconds; `instant` is the same in
        UTC seconds. Both None: the event, or the whole series.
    """

    rsvp: str
    comment: str = ""
    notify: bool = True
    wall: int | None = None
    instant: int | None = None


class Ended(Exception):
    """A call that came to nothing, as the result to hand back. Never leaves an adapter."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.detail)
        self.result = result


class Provider(ABC):
    """One login at one service. `target` is always a calendar's external id, never one of our rows."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def capability(self) -> Capability:
        """What was learnt about this login when it was connected."""

    @abstractmethod
    def list_calendars(self) -> list[FoundCalendar]:
        """The calendars of this login; raises PullFailed."""

    def owner(self) -> str:
        """As whom the service knows this login, a mail address where it has one; empty when it does not tell. Raises
        PullFailed."""
        return ""

    @abstractmethod
    def freeze(self, push: Push) -> str:
        """The body of the create. It is stored before the first attempt and sent unchanged by every later one."""

    @abstractmethod
    def create(self, target: str, push: Push, body: str) -> Result:
        """Make the event. ADOPT with `remote` and `revision` when an earlier attempt had made it."""

    @abstractmethod
    def update(self, target: str, push: Push) -> Result:
        """Bring the event at `push.remote` to the managed state, leaving alone what people may change there."""

    @abstractmethod
    def delete(self, target: str, push: Push) -> Result:
        """Take the event away. OK also when it was away already."""

    @abstractmethod
    def find(self, target: str, push: Push) -> Result | None:
        """Look for what an attempt of unknown end may have made: by key, then by tag. None: surely not there."""

    def rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        """Answer the invitation at `push.remote` in the name of the account's owner, and change nothing else of it."""
        raise UnsupportedFeature("rsvp")

    @abstractmethod
    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        """What changed since `token` ("" reads everything); raises PullFailed.

        `known` maps the ids we hold to their etags, for services whose tokens are missing or lie. What cannot be
        read within `limit_s` seconds is left for the next time: the token is then empty.
        """

    @abstractmethod
    def health(self) -> Result:
        """Whether this login works now, by the cheapest call there is."""

    def renew(self) -> Result:
        """Renew the login's token without a person; for services with tokens that age."""
        return Result(Outcome.AUTH_DEAD, detail="The sign-in no longer works.")


Factory = Callable[[Account], Provider]

ADAPTERS = {
    Account.Provider.CALDAV: "providers.caldav.provider.from_account",
    Account.Provider.ICSFEED: "providers.icsfeed.from_account",
    Account.Provider.GOOGLE: "providers.google.provider.from_account",
    Account.Provider.MICROSOFT: "providers.microsoft.account.from_account",
    Account.Provider.CRONOFY: "providers.cronofy.from_account",
    Account.Provider.TIMEKIT: "providers.timekit.from_account",
    Account.Provider.MORGEN: "providers.morgen.from_account",
    Account.Provider.LEADCONNECTOR: "providers.leadconnector.from_account",
    Account.Provider.MORPH: "providers.morph.from_account",
}
"""Where the adapter of each service is made from an account; imported when the first such account is served."""


def adapter(account: Account) -> Provider:
    """The adapter for an account's login; raises UnsupportedFeature when there is none for its service."""
    where = ADAPTERS.get(Account.Provider(account.provider))
    if where is None:
        raise UnsupportedFeature(account.get_provider_display())
    factory: Factory = import_string(where)
    return factory(account)


def providers() -> Collection[str]:
    """Names of the services that can be served."""
    return [name.value for name in ADAPTERS]
