"""What to change in a program so that it speaks to this installation instead of the vendor's, as code to copy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from shlex import quote

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain import refs
from bookings.models import ApiKey, EventType, Host, Organisation

PLACEHOLDERS = {
    "client_secret": "CLIENT_SECRET",
    "access_token": "ACCESS_TOKEN",
    "app_key": "APP_KEY",
    "widget_key": "WIDGET_KEY",
    "api_key": "API_KEY",
    "bearer": "BEARER_TOKEN",
    "token": "TOKEN",
    "public_key": "PUBLIC_KEY",
    "secret_key": "SECRET_KEY",
}
"""What stands for a secret that nobody can read any more."""


@dataclass(frozen=True)
class Code:
    """Something to copy: for whom it is, and the lines themselves."""

    title: str
    text: str


@dataclass(frozen=True)
class Place:
    """What the code speaks of: where we answer, how a thing is called there, whose key it is."""

    base: str
    secrets: Mapping[str, str]
    ids: Mapping[str, str]
    email: str = ""

    def secret(self, kind: str) -> str:
        return self.secrets.get(kind) or PLACEHOLDERS[kind]


@dataclass(frozen=True)
class Ids:
    """What programs call things, by our names for them; without these they could ask for nothing."""

    title: str
    named: Mapping[str, str]


def ids_for(key: ApiKey, organisation: Organisation) -> Ids | None:
    """The ids that a program which shows this key must know beforehand; None where the API tells them."""
    if key.dialect == "morgen":
        return None
    if key.dialect == "leadconnector":
        return Ids(_("Your location"), {organisation.name: refs.ref(key.dialect, "organisation", organisation)})
    if key.kind == ApiKey.Kind.WIDGET_KEY:
        offered = EventType.objects.for_tenant(organisation).filter(is_active=True).order_by("name")
        return Ids(_("Your projects"), _called(key.dialect, "event_type", offered))
    hosts = Host.objects.for_tenant(organisation).filter(is_active=True).order_by("name")
    reached = hosts.filter(pk=key.host_id) if key.host_id else hosts
    return Ids(str(_HOSTS_ARE[key.dialect]), _called(key.dialect, "host", reached))


_HOSTS_ARE = {
    "cronofy": gettext_lazy("The sub of each host"),
    "timekit": gettext_lazy("Your resources"),
    "morph": gettext_lazy("The x-owner-id of each host, with calendly as x-connector-id"),
}


def _called(surface: str, kind: str, things: Iterable[Host | EventType]) -> dict[str, str]:
    known = list(things)
    ids = refs.refs(surface, kind, known)
    return {thing.name: ids[thing.pk] for thing in known}


def code(key: ApiKey, place: Place) -> list[Code]:
    """The lines for the client library of the key's API, and a call that shows that the key works."""
    client, curl = _CODE[key.dialect]
    return [*client(key.kind, place), Code(_("Try it with curl"), curl(key.kind, place))]


def _an_id(place: Place, otherwise: str) -> str:
    return next(iter(place.ids.values()), otherwise)


def _cronofy(kind: str, place: Place) -> list[Code]:
    secret = _text(place.secret(kind))
    shown = f'client_id="convene", client_secret={secret}' if kind == "client_secret" else f"access_token={secret}"
    lines = f"pycronofy.settings.API_BASE_URL = {_text(place.base)}", f"client = pycronofy.Client({shown})"
    return [Code("pycronofy", "\n".join(lines))]


def _try_cronofy(kind: str, place: Place) -> str:
    shown = f"Authorization: Bearer {place.secret(kind)}"
    if kind != "client_secret":
        return _curl(f"{place.base}/v1/calendars", shown)
    body = {
        "host": {"sub": _an_id(place, "SUB")},
        "recipients": [{"email": "you@example.com"}],
        "event": {"summary": "A first try"},
    }
    return _curl(f"{place.base}/v1/scheduler_requests", shown, "Content-Type: application/json", body=body)


def _timekit(kind: str, place: Place) -> list[Code]:
    base, secret = _text(f"{place.base}/"), _text(place.secret(kind))
    if kind == "widget_key":
        lines = (
            "new TimekitBooking().init({",
            f"  api_base_url: {base},",
            f"  app_key: {secret},",
            "  project_id: …",
            "})",
        )
        return [Code("timekit-booking", "\n".join(lines))]
    shown = f"appKey: {secret}"
    if kind == "api_key":
        shown = f"resourceEmail: {_text(place.email)},\n  resourceKey: {secret}"
    return [Code("timekit-sdk", f'timekit.configure({{\n  apiBaseUrl: {base},\n  apiVersion: "v2",\n  {shown}\n}})')]


def _try_timekit(kind: str, place: Place) -> str:
    user = f"{place.email if kind == 'api_key' else ''}:{place.secret(kind)}"
    body: dict[str, object] = {"resources": [_an_id(place, "RESOURCE_ID")]}
    if kind == "widget_key":
        body = {"project_id": _an_id(place, "PROJECT_ID")}
    return _curl(f"{place.base}/v2/availability", "Content-Type: application/json", user=user, body=body)


def _morgen(kind: str, place: Place) -> list[Code]:
    version = "v3" if kind == "api_key" else "v1"
    lines = [
        f"export MORGEN_BASE_URL={quote(f'{place.base}/{version}')}",
        f"export MORGEN_API_KEY={place.secret(kind)}",
    ]
    if kind == "bearer":  # which it prefers, but it does not start without the other
        lines[1] = f"export MORGEN_BEARER_TOKEN={place.secret(kind)} MORGEN_API_KEY=unused"
    return [Code("guten-morgen", "\n".join(lines))]


def _try_morgen(kind: str, place: Place) -> str:
    version, scheme = ("v3", "ApiKey") if kind == "api_key" else ("v1", "Bearer")
    return _curl(f"{place.base}/{version}/calendars/list", f"Authorization: {scheme} {place.secret(kind)}")


def _leadconnector(kind: str, place: Place) -> list[Code]:
    lines = (
        f"const ghl = new HighLevel({{ privateIntegrationToken: {_text(place.secret(kind))} }})",
        f"ghl.getHttpClient().defaults.baseURL = {_text(place.base)}",
    )
    return [Code("@gohighlevel/api-client", "\n".join(lines))]


def _try_leadconnector(kind: str, place: Place) -> str:
    return _curl(
        f"{place.base}/calendars/?locationId={_an_id(place, 'LOCATION_ID')}",
        f"Authorization: Bearer {place.secret(kind)}",
        "Version: 2021-04-15",
    )


def _morph(kind: str, place: Place) -> list[Code]:
    lines = (
        f"process.env.MORPH_CLOUD_API_BASE_URL = {_text(place.base)}",
        "const morph = new Morph({",
        f"  publicKey: {_text(place.secret('public_key'))},",
        f"  secretKey: {_text(place.secret('secret_key'))}",
        "})",
    )
    return [Code("@runmorph/cloud", "\n".join(lines))]


def _try_morph(kind: str, place: Place) -> str:
    return _curl(
        f"{place.base}/v1/resources/schedulingEvent",
        f"x-api-key: {place.secret('public_key')}",
        f"x-api-secret: {place.secret('secret_key')}",
        "x-connector-id: calendly",
        f"x-owner-id: {_an_id(place, 'OWNER_ID')}",
    )


def _curl(address: str, *headers: str, user: str = "", body: object = None) -> str:
    parts = [f"curl {quote(address)}"]
    parts += [f"-u {quote(user)}"] if user else []
    parts += [f"-H {quote(header)}" for header in headers]
    parts += [f"-d {quote(json.dumps(body))}"] if body else []
    return " \\\n  ".join(parts)


def _text(value: str) -> str:
    """A string as Python and JavaScript both write it."""
    return json.dumps(value, ensure_ascii=False)


_CODE: Mapping[str, tuple[Callable[[str, Place], list[Code]], Callable[[str, Place], str]]] = {
    "cronofy": (_cronofy, _try_cronofy),
    "timekit": (_timekit, _try_timekit),
    "morgen": (_morgen, _try_morgen),
    "leadconnector": (_leadconnector, _try_leadconnector),
    "morph": (_morph, _try_morph),
}
