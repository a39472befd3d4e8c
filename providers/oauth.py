"""Signing in at services with OAuth 2: asking for consent, keeping the tokens fresh, giving them back.

Three kinds of credentials are understood, all sealed in the account:

- of a person: {"access_token", "refresh_token", "expires_s", "scope"} (RFC 6749 4.1 with PKCE, RFC 7636);
- of a service account that acts for people: {"kind": "service_account", "client_email", "private_key", "subject"}
  (RFC 7523, Google's domain-wide delegation);
- of this application in a customer's tenant: {"kind": "application", "tenant"} (RFC 6749 4.4, Microsoft's application
  permissions).

The last two also keep the "access_token" they got, with its "expires_s" (UTC seconds).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.core.cache import cache

from bookings.models import Account
from bookings.models.crypto import Undecryptable
from providers.addresses import Refused
from providers.base import Ended, Outcome, Result
from providers.http import HttpError, Response, fetch

Tokens = dict[str, Any]

SERVICE_ACCOUNT = "service_account"
APPLICATION = "application"
EARLY_S = 120
"""A token is renewed so long before it ends, because clocks differ and calls take time."""
_LOCK_S = 40
_WAIT_S = 25.0
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_IDENTITY = frozenset({"offline_access", "openid", "profile", "email"})
_DEAD = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
_OPERATOR = frozenset({"invalid_client", "unauthorized_client"})

SIGN_IN_AGAIN = "The sign-in no longer works: it was withdrawn, has expired, or the password was changed."
UNREADABLE = "The stored sign-in cannot be read any more. Please sign in again."
WAITING = "The sign-in is being renewed at this moment."
BAD_MINUTE = "The service's sign-in does not answer at the moment."
REGISTRATION = (
    "{name} does not accept this installation's registration. An administrator has to check the client id and secret."
)
GRANT_MISSING = "{name} does not let this application act for the organisation. Its administrator has to permit it."


@dataclass(frozen=True)
class Service:
    """Where and as whom we sign people in at one service.

    :param parameters: added to the address where consent is asked; `token_parameters` to every token request.
    :param revoke_url: empty when the service takes no token back.
    """

    name: str
    authorize_url: str
    token_url: str
    revoke_url: str = ""
    scopes: tuple[str, ...] = ()
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    token_parameters: Mapping[str, str] = field(default_factory=dict)


# ── Asking for consent ──


def new_verifier() -> str:
    """A PKCE code verifier (RFC 7636 4.1)."""
    return secrets.token_urlsafe(48)


def begin(service: Service, *, redirect_uri: str, state: str, verifier: str) -> str:
    """The address where a person gives consent. `state` and `verifier` stay in the session until they come back."""
    asked = {
        "response_type": "code",
        "client_id": service.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(service.scopes),
        "state": state,
        "code_challenge": _base64url(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
        **service.parameters,
    }
    joint = "&" if "?" in service.authorize_url else "?"
    return f"{service.authorize_url}{joint}{urlencode(asked)}"


def exchange(service: Service, *, code: str, redirect_uri: str, verifier: str) -> Tokens:
    """The tokens for a code that consent was answered with; raises Ended."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
        **_registration(service),
    }
    return _tokens(_ask(service, form), {})


def missing_scopes(service: Service, granted: str) -> list[str]:
    """What was asked for and not granted. Services that do not tell what they granted gave all (RFC 6749 5.1)."""
    if not granted.strip():
        return []
    given = {_short(scope) for scope in granted.replace(",", " ").split()}
    return [scope for scope in service.scopes if _short(scope) not in given | _IDENTITY]


def revoke(service: Service, credentials: Mapping[str, Any]) -> bool:
    """Give the tokens of a person back (RFC 7009). True when the service says that they are void."""
    token = credentials.get("refresh_token") or credentials.get("access_token")
    if not service.revoke_url or not token or credentials.get("kind"):
        return False
    try:
        return _post(service.revoke_url, {"token": str(token), **_registration(service)}).status < 300
    except (HttpError, Refused):
        return False


# ── Keeping tokens fresh ──


def access_token(account: Account, service: Service, *, rejected: str = "") -> str:
    """A token that works now; renewed when it is about to end, or is the one that the service `rejected`.

    One process renews while the others wait for what it stores. Raises Ended: AUTH_DEAD when a person has to sign in
    again, TRANSIENT when waiting helps.
    """
    held = _held(account)
    if _is_fresh(held, rejected):
        return str(held["access_token"])
    if account._state.adding:  # tried before it is saved: nobody else knows it
        return _keep(account, _renewed(service, held))
    return _renew_once(account, service, rejected)


def _renew_once(account: Account, service: Service, rejected: str) -> str:
    """Renew under a lock that any process can see. It is no lock of the database: asking a service takes seconds."""
    lock, mine = f"oauth-renewal:{account.pk}", secrets.token_hex(8)
    deadline, pause = time.monotonic() + _WAIT_S, 0.05
    while not cache.add(lock, mine, _LOCK_S):
        if time.monotonic() > deadline:
            raise Ended(Result(Outcome.TRANSIENT, detail=WAITING))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    try:
        _reread(account)
        held = _held(account)
        return str(held["access_token"]) if _is_fresh(held, rejected) else _renew_stored(account, service, held)
    finally:
        if cache.get(lock) == mine:
            cache.delete(lock)


def _renew_stored(account: Account, service: Service, held: Tokens) -> str:
    """Renew what is stored. Whatever was stored meanwhile (a new sign-in) is newer than our answer and stays."""
    read = bytes(account.sealed_credentials or b"")
    try:
        renewed = _renewed(service, held)
    except Ended:
        newer = _stored_meanwhile(account, held)
        if newer:
            return newer
        raise
    account.set_credentials(renewed)
    rows = Account.everywhere.filter(pk=account.pk, sealed_credentials=read)
    if rows.update(sealed_credentials=account.sealed_credentials):
        return str(renewed["access_token"])
    return _stored_meanwhile(account, held) or str(renewed["access_token"])


def _stored_meanwhile(account: Account, held: Tokens) -> str:
    """The token that somebody else stored while the service was asked; empty when nobody did."""
    _reread(account)
    now_held = _held(account)
    differs = now_held.get("access_token") != held.get("access_token")
    return str(now_held["access_token"]) if differs and _is_fresh(now_held, "") else ""


def _reread(account: Account) -> None:
    stored = Account.everywhere.filter(pk=account.pk).values_list("sealed_credentials", flat=True).first()
    if stored is None:
        raise Ended(Result(Outcome.AUTH_DEAD, detail=SIGN_IN_AGAIN))  # disconnected meanwhile
    account.sealed_credentials = bytes(stored)


def _held(account: Account) -> Tokens:
    try:
        return account.credentials()
    except Undecryptable as error:
        raise Ended(Result(Outcome.AUTH_DEAD, detail=UNREADABLE)) from error


def _is_fresh(held: Tokens, rejected: str) -> bool:
    """Whether the token held is worth trying. One without a known end is, until it is rejected."""
    token, ends = held.get("access_token"), int(held.get("expires_s") or 0)
    return bool(token) and token != rejected and (not ends or ends - EARLY_S > time.time())


def _keep(account: Account, renewed: Tokens) -> str:
    account.set_credentials(renewed)
    return str(renewed["access_token"])


# ── The token endpoint ──


def _renewed(service: Service, held: Tokens) -> Tokens:
    """Credentials with a new access token, by the grant that fits their kind; raises Ended."""
    match held.get("kind"):
        case "service_account":
            form = {"grant_type": _JWT_BEARER, "assertion": _assertion(service, held)}
        case "application":
            form = {
                "grant_type": "client_credentials",
                "scope": " ".join(service.scopes),
                **_registration(service),
            }
        case _:
            if not held.get("refresh_token"):
                raise Ended(Result(Outcome.AUTH_DEAD, detail=SIGN_IN_AGAIN))
            form = {
                "grant_type": "refresh_token",
                "refresh_token": held["refresh_token"],
                **_registration(service),
            }
    return _tokens(_ask(service, form, kind=str(held.get("kind") or "")), held)


def _registration(service: Service) -> dict[str, str]:
    secret = {"client_secret": service.client_secret} if service.client_secret else {}
    return {"client_id": service.client_id, **secret, **service.token_parameters}


def _assertion(service: Service, held: Tokens) -> str:
    """A signed statement of who asks for whom (RFC 7523 2.1; Google: sub is the person acted for)."""
    now = int(time.time())
    header = {"alg": "RS256", "typ": "JWT"}
    if held.get("private_key_id"):
        header["kid"] = str(held["private_key_id"])
    claims = {
        "iss": held.get("client_email", ""),
        "scope": " ".join(service.scopes),
        "aud": service.token_url,
        "iat": now,
        "exp": now + 3600,
        "sub": held.get("subject", ""),
    }
    signed = f"{_base64url(json.dumps(header).encode())}.{_base64url(json.dumps(claims).encode())}"
    signature = _private_key(held).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64url(signature)}"


def _private_key(held: Tokens) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(str(held.get("private_key", "")).encode(), password=None)
    except (ValueError, TypeError) as error:
        raise Ended(Result(Outcome.AUTH_DEAD, detail="The service account's private key cannot be read.")) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Ended(Result(Outcome.AUTH_DEAD, detail="The service account's private key is not an RSA key."))
    return key


def _ask(service: Service, form: Mapping[str, str], kind: str = "") -> Tokens:
    try:
        answer = _post(service.token_url, form)
    except (HttpError, Refused) as error:
        raise Ended(Result(Outcome.TRANSIENT, detail=f"{BAD_MINUTE} {error}")) from error
    told = _decoded(answer)
    if answer.status == 200 and isinstance(told.get("access_token"), str):
        return told
    raise Ended(_refusal(service, answer, told, kind))


def _post(url: str, form: Mapping[str, str]) -> Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return fetch("POST", url, headers=headers, body=urlencode(form).encode())


def _refusal(service: Service, answer: Response, told: Tokens, kind: str) -> Result:
    """What a token endpoint's error means. Only its `error` decides: vendors ask not to read more into their text."""
    error, status = str(told.get("error", "")), answer.status
    if status >= 500 or status in (408, 429):
        return Result(Outcome.TRANSIENT, status=status, retry_after=answer.retry_after, detail=BAD_MINUTE)
    if kind and error == "unauthorized_client":
        return Result(Outcome.AUTH_DEAD, status=status, detail=GRANT_MISSING.format(name=service.name))
    if error in _OPERATOR:
        return Result(Outcome.TRANSIENT, status=status, detail=REGISTRATION.format(name=service.name))
    if error in _DEAD:
        return Result(Outcome.AUTH_DEAD, status=status, detail=SIGN_IN_AGAIN)
    words = f" It says: {error[:60]}." if error else ""
    return Result(Outcome.TRANSIENT, status=status, detail=f"{service.name} did not renew the sign-in.{words}")


def _tokens(told: Tokens, held: Tokens) -> Tokens:
    """Credentials after an answer of the token endpoint. A service that rotates sends a new refresh token."""
    lasts = told.get("expires_in")
    seconds = (
        int(float(lasts)) if isinstance(lasts, int | float | str) and str(lasts).replace(".", "", 1).isdigit() else 0
    )
    refresh = told.get("refresh_token") or held.get("refresh_token", "")
    kept = {name: value for name, value in held.items() if name != "refresh_token"}
    return kept | {
        "access_token": told["access_token"],
        "expires_s": int(time.time()) + seconds if seconds else 0,
        "scope": str(told.get("scope") or held.get("scope", "")),
        **({"refresh_token": refresh} if refresh else {}),
    }


def _decoded(answer: Response) -> Tokens:
    try:
        told = json.loads(answer.body or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _short(scope: str) -> str:
    """The name of a scope as services echo it: without the address before it, in any case."""
    return scope.rstrip("/").rpartition("/")[2].lower()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
