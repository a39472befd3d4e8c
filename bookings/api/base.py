"""What the five dialects share: who calls, the body inside its limits, doing a write once, how often, and the last word
on errors.

A dialect is a folder: `wire.py` translates both ways, `views.py` holds its Dialect and views, `urls.py` its paths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from types import ModuleType
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, URLPattern, URLResolver, include, path, re_path
from django.views.defaults import page_not_found
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.api import body, idempotency, rate, refusals
from bookings.api.refusals import Problem, Refusal
from bookings.domain import keys
from bookings.domain.audit import Actor
from bookings.models import ApiKey, Host, Organisation

__all__ = ["Dialect", "DialectView", "Principal", "Problem", "Refusal", "missing", "mount"]

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Principal:
    """Who calls: a key of an organisation, and the host it stands for, if any.

    `acting_as` names that host for the audit trail when the key impersonates; it is empty for the key's own host.
    """

    organisation: Organisation
    key: ApiKey
    host: Host | None = None
    acting_as: str = ""

    def may(self, scope: str) -> bool:
        return keys.permits(self.key, scope)

    def require(self, scope: str) -> None:
        """Raise Refusal 403 unless the key has this scope."""
        if not self.may(scope):
            raise refusals.forbidden(f"This key lacks the scope {scope}.")

    @property
    def actor(self) -> Actor:
        return Actor(f"key {self.key.name}", api_key=self.key, acting_as=self.acting_as)


class Dialect:
    """How one vendor's API is entered and how it says no. One instance a folder."""

    name: ClassVar[str]
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    version: ClassVar[str] = "v1"
    credentials: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """How the vendor's clients identify themselves: OpenAPI security schemes by name."""

    def authenticate(self, request: Request) -> Principal:
        """Who calls; raises Refusal (401 for any unusable credential, 403 for one that does not reach far enough)."""
        raise NotImplementedError

    def is_spoken(self, request: HttpRequest) -> bool:
        """Whether only this vendor's clients say who they are in this way. Says nothing of whether they may."""
        return False

    def refuse(self, refusal: Refusal) -> Response:
        """Spell a refusal as the vendor does. Never raises."""
        raise NotImplementedError

    def calls_per_minute(self, principal: Principal) -> int:
        limit: int = settings.API_CALLS_PER_MINUTE
        return limit


class JSON(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else orjson.dumps(data)


class AlwaysJSON(BaseContentNegotiation):
    """Whatever the client says it accepts, it gets JSON; nobody is refused over an Accept header."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class DialectView(APIView):
    """One path of a dialect. Before a method runs the caller is known, has its scope, is within its rate, and
    `self.body` holds the JSON object that was sent.

    `scopes` names, for each method, the scope it needs. A method returns a Response, or raises Refusal or any
    DomainError. A write that carries an Idempotency-Key runs in one transaction with the keeping of its answer.
    """

    dialect: Dialect = Dialect()
    scopes: Mapping[str, str] = {}
    principal: Principal
    body: dict[str, Any]

    renderer_classes = [JSON]
    content_negotiation_class = AlwaysJSON
    parser_classes = []
    metadata_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            response = self.answer()
        except Exception as error:
            response = self.handle_exception(error)
        return self.finalize_response(self.request, response, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.body = body.read(request._request)

    def perform_authentication(self, request: Request) -> None:
        try:
            self.principal = self.dialect.authenticate(request)
        except Refusal as refusal:
            if refusal.status == 401:
                rate.note_wrong_credential(request._request)
            raise

    def check_permissions(self, request: Request) -> None:
        needed = self.scopes.get("GET" if request.method == "HEAD" else str(request.method))
        if needed:
            self.principal.require(needed)

    def check_throttles(self, request: Request) -> None:
        allowance = rate.spend(self.principal.key, self.dialect.calls_per_minute(self.principal))
        self.headers |= allowance.headers
        allowance.require()

    def answer(self) -> HttpResponse:
        """Run the method, once for each Idempotency-Key."""
        key = self.request.headers.get(idempotency.HEADER)
        if key is None or self.request.method not in _WRITES:
            return self._run()
        call = idempotency.Call(
            self.principal.organisation, self._endpoint(), idempotency.checked(key), self._meaning()
        )
        return idempotency.once(call, self._rendered)

    def _run(self) -> HttpResponse:
        method = str(self.request.method).lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        run: Callable[..., HttpResponse] = handler or self.http_method_not_allowed
        return run(self.request, *self.args, **self.kwargs)

    def _rendered(self) -> HttpResponse:
        response = self.finalize_response(self.request, self._run(), *self.args, **self.kwargs)
        return response.render() if isinstance(response, Response) else response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Any HttpResponse: a replayed answer is not a Response any more."""
        return super().finalize_response(request, response, *args, **kwargs)

    def _endpoint(self) -> str:
        """Method and path; the same at the root and under the dialect's prefix."""
        path_info = self.request.path_info.removeprefix(f"/{self.dialect.name}")
        place = f"{self.dialect.name} {self.request.method} {path_info}"
        return place if len(place) <= 200 else f"{self.dialect.name} {hashlib.sha256(place.encode()).hexdigest()}"

    def _meaning(self) -> list[Any]:
        """What decides the effect of a write: its body, its query, and for whom it is made."""
        host = self.principal.host
        return [self.body, self.request.META.get("QUERY_STRING", ""), str(host.pk) if host else ""]

    def handle_exception(self, exc: Exception) -> Response:
        refusal = refusals.of(exc)
        response = self.dialect.refuse(refusal)
        for name, value in refusal.headers.items():
            response[name] = value
        response.exception = True
        return response

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.allowed_methods), "Cache-Control": "no-store"}


class Missing(DialectView):
    """Every path that a dialect does not have."""

    def perform_authentication(self, request: Request) -> None:
        raise refusals.not_found()


_places: list[tuple[list[str], Dialect]] = []
"""The paths of all mounted dialects, in segments, up to the first that varies."""


def mount(urls: ModuleType) -> list[URLPattern | URLResolver]:
    """A dialect's paths at the root of the site and under its name, from its `urls` module.

    `urls` has `urlpatterns` and `dialect`. Under the name, unknown paths are answered in the dialect's own shape; at
    the root, where dialects and pages stand side by side, `missing` does that.
    """
    dialect: Dialect = urls.dialect
    _places.extend((_fixed(str(entry.pattern)), dialect) for entry in urls.urlpatterns)
    unknown = re_path("", Missing.as_view(dialect=dialect))
    return [path("", include(urls)), path(f"{dialect.name}/", include([*urls.urlpatterns, unknown]))]


def missing(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """The site's 404. A path that begins like one of a mounted dialect is answered in that dialect's shape: of several,
    the one it has most in common with; of several of those, the one whose credentials the request shows, else the one
    mounted first. Browsers, who name text/html, get the page.
    """
    dialect = _neighbour(request) if isinstance(exception, Resolver404) else None
    if dialect is None or "text/html" in request.headers.get("Accept", ""):
        return page_not_found(request, exception)
    answer: HttpResponseBase = Missing.as_view(dialect=dialect)(request)
    return answer


def _fixed(route: str) -> list[str]:
    return list(takewhile(lambda segment: segment and "<" not in segment, route.split("/")))


def _neighbour(request: HttpRequest) -> Dialect | None:
    segments = request.path_info.strip("/").split("/")
    shared = [_common(segments, place) for place, _ in _places]
    most = max(shared, default=0)
    near = [dialect for (_, dialect), common in zip(_places, shared, strict=True) if common == most] if most else []
    return next((dialect for dialect in near if dialect.is_spoken(request)), near[0] if near else None)


def _common(one: list[str], other: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
