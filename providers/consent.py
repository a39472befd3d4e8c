"""A person's way to a service's consent page and back: what is kept meanwhile, in their own session."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from bookings.members import StaffRequest
from providers import oauth
from providers.kinds import Kind
from providers.oauth import Service

KEPT_S = 600
_SESSION_KEY = "consents"
_AT_ONCE = 5

STRANGE = (
    "This answer does not belong to a sign-in that was started here in the last ten minutes. Nothing was connected."
)
_WORDS = {
    "access_denied": "Consent was not given, so nothing was connected.",
    "consent_required": "An administrator of your organisation has to permit Convene at {name} first.",
    "interaction_required": "{name} wants to ask you something first. Please try again.",
    "admin_policy_enforced": "An administrator of your organisation has to permit Convene at {name} first.",
    "org_internal": "This registration at {name} admits only people of one organisation.",
    "server_error": "{name} failed at this moment. Please try again.",
    "temporarily_unavailable": "{name} is busy at this moment. Please try again.",
    "invalid_scope": "{name} does not grant what is asked for. An administrator has to check the registration.",
}


class StrangeAnswer(Exception):
    """Somebody came back who was not sent, or not from here, or too late."""


@dataclass(frozen=True)
class Consent:
    """What was meant when a person was sent to a service. `account` is the one to be reconnected, or empty."""

    slug: str
    user: int
    organisation: str
    host: str
    label: str
    account: str
    verifier: str
    at: float


def begin(request: StaffRequest, kind: Kind, service: Service, *, host: str, label: str, account: str = "") -> str:
    """The address to send the person to. What they meant is remembered under a state that works once."""
    state, verifier = secrets.token_urlsafe(32), oauth.new_verifier()
    consent = Consent(
        slug=kind.slug,
        user=int(request.user.pk or 0),
        organisation=str(request.organisation.pk),
        host=host,
        label=label,
        account=account,
        verifier=verifier,
        at=time.time(),
    )
    open_ones: dict[str, Any] = request.session.get(_SESSION_KEY, {})
    latest = dict(list(open_ones.items())[1 - _AT_ONCE :])
    request.session[_SESSION_KEY] = latest | {state: asdict(consent)}
    return oauth.begin(service, redirect_uri=redirect_uri(kind), state=state, verifier=verifier)


def returned(request: StaffRequest, kind: Kind, service: Service) -> Consent:
    """What was meant by the person who comes back; their state is void from now on. Raises StrangeAnswer."""
    open_ones: dict[str, Any] = request.session.get(_SESSION_KEY, {})
    kept = open_ones.pop(request.GET.get("state", ""), None)
    request.session[_SESSION_KEY] = open_ones
    if kept is None:
        raise StrangeAnswer
    consent = Consent(**kept)
    here = (kind.slug, request.user.pk, str(request.organisation.pk))
    if (consent.slug, consent.user, consent.organisation) != here or time.time() - consent.at > KEPT_S:
        raise StrangeAnswer
    issuer = request.GET.get("iss", "")  # RFC 9207: an answer of another service than the one asked
    if issuer and urlsplit(issuer).netloc != urlsplit(service.authorize_url).netloc:
        raise StrangeAnswer
    return consent


def refusal(request: StaffRequest, service: Service) -> str:
    """Why the service sent the person back without a code, in words."""
    error = request.GET.get("error", "")
    if error in _WORDS:
        return _WORDS[error].format(name=service.name)
    said = " ".join(request.GET.get(name, "")[:200] for name in ("error", "error_description")).strip()
    return f"{service.name} did not let us in. It says: {said or 'nothing'}"


def redirect_uri(kind: Kind) -> str:
    """Where a service sends people back to; registered there letter by letter."""
    return f"{settings.BASE_URL}{reverse('account-callback', args=[kind.slug])}"
