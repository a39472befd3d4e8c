"""A double of an OAuth 2 server, strict where vendors are: PKCE, exact redirects, single-use codes, rotation.

A service's double derives from LoginDouble and asks `owner_of(asked.bearer)` who calls. It answers at
/oauth2/authorize, /oauth2/token, /oauth2/revoke and, as Microsoft spells it, at /{tenant}/oauth2/v2.0/authorize and
/{tenant}/oauth2/v2.0/token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode

from providers.lab.double import Asked, Double, Told, route

Form = dict[str, str]

_CODE_S = 600
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 9.2, note 1


class Denied(Exception):
    """A token request that is refused, with the `error` of RFC 6749 5.2."""

    def __init__(self, error: str, words: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.told = Told(status, {"error": error, "error_description": words or error})


@dataclass
class Grant:
    """What one person (or, without a person, an organisation) allowed one client."""

    person: str
    client_id: str
    scope: str
    alive: bool = True
    refresh_token: str = ""
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    until: float


class LoginDouble(Double):
    """Tokens of people, service accounts and applications.

    Switches: `rotates` (each renewal makes a new refresh token and voids the old one), `lifetime_s` of access tokens,
    `tells_scope`. `kill(person)` withdraws a consent as the person would; `expire()` ends all access tokens.
    """

    name: ClassVar[str] = "login"

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[str, str] = {"lab": "lab-secret"}
        self.redirects: set[str] = set()
        self.people: list[str] = ["ada@example.org", "bo@example.org"]
        self.delegates: dict[str, tuple[int, int]] = {}
        self.tenants: set[str] = set()
        self.rotates = False
        self.lifetime_s = 3600
        self.tells_scope = True
        self.renewals = 0
        self._codes: dict[str, _Code] = {}
        self._spent: dict[str, Grant] = {}
        self._access: dict[str, tuple[Grant, float]] = {}
        self._refresh: dict[str, Grant] = {}

    # ── What doubles and tests ask ──

    def owner_of(self, token: str) -> str | None:
        """Whose token it is; "" for an application's own; None when it is void."""
        grant = self.grant_of(token)
        return grant.person if grant else None

    def grant_of(self, token: str) -> Grant | None:
        grant, until = self._access.get(token, (None, 0.0))
        return grant if grant and grant.alive and until > time.time() else None

    def issue(self, person: str, scope: str = "", client_id: str = "lab") -> dict[str, Any]:
        """Tokens as if the person had consented just now, as our credentials keep them."""
        told = self._tokens(Grant(person, client_id, scope), refresh=True)
        return {
            "access_token": told["access_token"],
            "refresh_token": told["refresh_token"],
            "expires_s": int(time.time()) + told["expires_in"],
            "scope": scope,
        }

    def kill(self, person: str) -> None:
        """The person withdraws every consent."""
        for grant in self._refresh.values():
            if grant.person == person:
                grant.alive = False

    def expire(self) -> None:
        """All access tokens end now; refresh tokens live on."""
        self._access.clear()

    def is_login(self, asked: Asked) -> bool:
        """Whether a path belongs to the sign-in, which needs no token."""
        return asked.path.startswith("/oauth2/") or "/oauth2/v2.0/" in asked.path

    # ── Where it answers ──

    @route("GET", "/oauth2/authorize")
    def _page(self, asked: Asked) -> Told:
        return self._consent_page(asked)

    @route("POST", "/oauth2/authorize")
    def _decision(self, asked: Asked) -> Told:
        return self._decide(asked)

    @route("POST", "/oauth2/token")
    def _token(self, asked: Asked) -> Told:
        return self._answer(asked, "")

    @route("POST", "/oauth2/revoke")
    def _revoke(self, asked: Asked) -> Told:
        token = _form(asked).get("token", "")
        grant = self._refresh.get(token) or self._access.get(token, (None, 0.0))[0]
        if grant is None or not grant.alive:
            return Denied("invalid_token", "Token expired or revoked").told
        grant.alive = False
        return Told(200, {})

    @route("GET", "/{tenant}/oauth2/v2.0/authorize")
    def _tenant_page(self, asked: Asked, tenant: str) -> Told:
        return self._consent_page(asked)

    @route("POST", "/{tenant}/oauth2/v2.0/authorize")
    def _tenant_decision(self, asked: Asked, tenant: str) -> Told:
        return self._decide(asked)

    @route("POST", "/{tenant}/oauth2/v2.0/token")
    def _tenant_token(self, asked: Asked, tenant: str) -> Told:
        return self._answer(asked, tenant)

    # ── Consent ──

    def _consent_page(self, asked: Asked) -> Told:
        query = dict(asked.query)
        wrong = self._wrong_request(query)
        if wrong:
            return Told(400, f"Error 400: {wrong}")
        people = "".join(f"<option>{html.escape(person)}</option>" for person in self.people)
        scopes = "".join(
            f'<p><label><input type="checkbox" name="scope" value="{html.escape(scope)}" checked> {html.escape(scope)}'
            "</label></p>"
            for scope in query.get("scope", "").split()
        )
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Sign in</title><h1>Sign in at the lab’s double of {self.name}</h1>"
            f'<form method="post"><p><label>Account <select name="person">{people}</select></label></p>{scopes}'
            '<p><button name="allow" value="1">Allow</button> <button name="allow" value="">Deny</button></p></form>'
        )
        return Told(200, page, {"Content-Type": "text/html; charset=utf-8"})

    def _wrong_request(self, query: Form) -> str:
        if query.get("client_id") not in self.clients:
            return "invalid_client"
        if self.redirects and query.get("redirect_uri") not in self.redirects:
            return "redirect_uri_mismatch"
        if query.get("response_type") != "code" or not query.get("redirect_uri"):
            return "invalid_request"
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return "invalid_request: PKCE with S256 is needed"
        return ""

    def _decide(self, asked: Asked) -> Told:
        query, typed = dict(asked.query), parse_qs(asked.body.decode())
        if wrong := self._wrong_request(query):
            return Told(400, f"Error 400: {wrong}")
        back = {"state": query["state"]} if "state" in query else {}
        if not typed.get("allow"):
            return _redirect(query["redirect_uri"], {"error": "access_denied", **back})
        person = typed.get("person", self.people)[0]
        grant = Grant(person, query["client_id"], " ".join(typed.get("scope", query.get("scope", "").split())))
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(grant, query["redirect_uri"], query["code_challenge"], time.time() + _CODE_S)
        return _redirect(query["redirect_uri"], {"code": code, **back})

    # ── Tokens ──

    def _answer(self, asked: Asked, tenant: str) -> Told:
        form = _form(asked)
        try:
            match form.get("grant_type"):
                case "authorization_code":
                    told = self._from_code(form)
                case "refresh_token":
                    told = self._from_refresh_token(form)
                case "client_credentials":
                    told = self._from_registration(form, tenant)
                case kind if kind == _JWT_BEARER:
                    told = self._from_assertion(form, asked)
                case _:
                    raise Denied("unsupported_grant_type")
        except Denied as denied:
            return denied.told
        return Told(200, told, {"Cache-Control": "no-store"})

    def _from_code(self, form: Form) -> dict[str, Any]:
        self._check_client(form)
        code = form.get("code", "")
        if code in self._spent:  # RFC 6749 4.1.2: used twice, so somebody has stolen it
            self._spent[code].alive = False
            raise Denied("invalid_grant", "Code was already redeemed.")
        known = self._codes.pop(code, None)
        if known is None or known.until < time.time() or known.grant.client_id != form["client_id"]:
            raise Denied("invalid_grant", "Malformed auth code.")
        if known.redirect_uri != form.get("redirect_uri"):
            raise Denied("redirect_uri_mismatch")
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(hashed).rstrip(b"=").decode() != known.challenge:
            raise Denied("invalid_grant", "Invalid code verifier.")
        self._spent[code] = known.grant
        return self._tokens(known.grant, refresh=True)

    def _from_refresh_token(self, form: Form) -> dict[str, Any]:
        self._check_client(form)
        token = form.get("refresh_token", "")
        grant = self._refresh.get(token)
        if grant is None or not grant.alive or grant.client_id != form["client_id"] or token in grant.used:
            raise Denied("invalid_grant", "Token has been expired or revoked.")
        self.renewals += 1
        if self.rotates:
            grant.used.add(token)
        return self._tokens(grant, refresh=self.rotates)

    def _from_registration(self, form: Form, tenant: str) -> dict[str, Any]:
        self._check_client(form)
        if not form.get("scope", "").endswith("/.default"):
            raise Denied("invalid_scope", "The scope of an application is its resource with /.default.")
        if tenant not in self.tenants:
            raise Denied("unauthorized_client", "The application was not found in the directory.")
        return self._tokens(Grant("", form["client_id"], form["scope"]), refresh=False)

    def _from_assertion(self, form: Form, asked: Asked) -> dict[str, Any]:
        claims, issuer = self._checked_assertion(form.get("assertion", ""))
        now = time.time()
        if not str(claims.get("aud", "")).endswith(asked.path):
            raise Denied("invalid_grant", "Invalid JWT: wrong audience.")
        if not claims.get("iat", 0) - 300 <= now < claims.get("exp", 0) <= claims.get("iat", 0) + 3600:
            raise Denied("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).")
        if claims.get("sub") not in self.people:
            raise Denied("invalid_grant", "Invalid email or User ID")
        return self._tokens(Grant(str(claims["sub"]), issuer, str(claims.get("scope", ""))), refresh=False)

    def _checked_assertion(self, assertion: str) -> tuple[dict[str, Any], str]:
        """The claims of a JWT that one of the delegates signed with RS256."""
        try:
            head, body, signature = assertion.split(".")
            header, claims = json.loads(_unpack(head)), json.loads(_unpack(body))
            signed = _unpack(signature)
        except (ValueError, binascii.Error) as error:
            raise Denied("invalid_request", "Bad JWT") from error
        issuer = str(claims.get("iss", ""))
        if header.get("alg") != "RS256" or issuer not in self.delegates:
            raise Denied("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method.")
        modulus, exponent = self.delegates[issuer]
        size = (modulus.bit_length() + 7) // 8
        digest = _SHA256_INFO + hashlib.sha256(f"{head}.{body}".encode()).digest()
        expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        if pow(int.from_bytes(signed, "big"), exponent, modulus).to_bytes(size, "big") != expected:
            raise Denied("invalid_grant", "Invalid JWT Signature.")
        return claims, issuer

    def _check_client(self, form: Form) -> None:
        if form.get("client_id") not in self.clients:
            raise Denied("invalid_client", "The OAuth client was not found.", 401)
        if self.clients[form["client_id"]] != form.get("client_secret", ""):
            raise Denied("invalid_client", "Unauthorized", 401)

    def _tokens(self, grant: Grant, *, refresh: bool) -> dict[str, Any]:
        token = f"at.{secrets.token_urlsafe(18)}"
        self._access[token] = (grant, time.time() + self.lifetime_s)
        told: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_s}
        if self.tells_scope:
            told["scope"] = grant.scope
        if refresh:
            grant.refresh_token = f"rt.{secrets.token_urlsafe(18)}"
            self._refresh[grant.refresh_token] = grant
            told["refresh_token"] = grant.refresh_token
        return told


def _form(asked: Asked) -> Form:
    return dict(parse_qsl(asked.body.decode("utf-8", errors="replace"), keep_blank_values=True))


def _redirect(uri: str, values: Form) -> Told:
    return Told(302, None, {"Location": f"{uri}{'&' if '?' in uri else '?'}{urlencode(values)}"})


def _unpack(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
