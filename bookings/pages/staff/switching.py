"""What to change in a program so that it speaks to this installation instead of the vendor's, as code to copy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain import refs
from bookings.models import ApiKey, Host, Organisation

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


IDS = {
    "cronofy": gettext_lazy("The sub of each host"),
    "leadconnector": gettext_lazy("Your location"),
    "morph": gettext_lazy("The owner of each host, with calendly as connector"),
}
"""What the ids are that programs must know beforehand; the other APIs list theirs."""


def ids_for(key: ApiKey, organisation: Organisation) -> dict[str, str]:
    """By name, the ids without which a program that shows this key could ask for nothing."""
    if key.dialect == "leadconnector":
        return {organisation.name: refs.ref(key.dialect, "organisation", organisation)}
    if key.dialect not in IDS:
        return {}
    hosts = Host.objects.for_tenant(organisation).filter(is_active=True).order_by("name")
    reached = {host.pk: host for host in (hosts.filter(pk=key.host_id) if key.host_id else hosts)}
    called = refs.refs(key.dialect, "host", reached.values())
    return {host.name: called[pk] for pk, host in reached.items()}


def code(key: ApiKey, place: Place) -> list[Code]:
    """The lines for the client library of the key's API, and a call that shows that the key works."""
    client, curl = _CODE[key.dialect]
    return [*client(key.kind, place), Code(_("Try it"), curl(key.kind, place))]


def _an_id(place: Place, otherwise: str) -> str:
    return next(iter(place.ids.values()), otherwise)


def _cronofy(kind: str, place: Place) -> list[Code]:
    secret = _text(place.secret(kind))
    shown = f'client_id="convene", client_secret={secret}' if kind == "client_secret" else f"access_token={secret}"
    lines = f"pycronofy.settings.API_BASE_URL = {_text(place.base)}", f"client = pycronofy.Client({shown})"
    return [Code("pycronofy", "\n".join(lines))]


def _try_cronofy(kind: str, place: Place) -> str:
    body: dict[str, object] = {"recipients": [{"email": "you@example.com"}], "event": {"summary": "A first try"}}
    if kind == "client_secret":
        body = {"host": {"sub": _an_id(place, "SUB")}} | body
    return _curl(
        f"{place.base}/v1/scheduler_requests",
        f"Authorization: Bearer {place.secret(kind)}",
        "Content-Type: application/json",
        more=f"-d {quote(json.dumps(body))}",
    )


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
    user = quote(f"{place.email if kind == 'api_key' else ''}:{place.secret(kind)}")
    if kind == "widget_key":
        return _curl(f"{place.base}/v2/availability", more=f"-u {user} -d '{{}}'")
    return _curl(f"{place.base}/v2/events", more=f"-u {user}")


def _morgen(kind: str, place: Place) -> list[Code]:
    version, name = ("v3", "MORGEN_API_KEY") if kind == "api_key" else ("v1", "MORGEN_BEARER_TOKEN")
    lines = [f"export MORGEN_BASE_URL={quote(f'{place.base}/{version}')}", f"export {name}={place.secret(kind)}"]
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


def _curl(address: str, *headers: str, more: str = "") -> str:
    parts = [f"curl {quote(address)}", *(f"-H {quote(header)}" for header in headers), *([more] if more else [])]
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
