"""Where calendar programs read private feeds."""

from __future__ import annotations

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

from bookings.domain import feeds
from bookings.domain.errors import NotFound
from bookings.models import Feed


def _feed(token: str) -> Feed:
    try:
        return feeds.find(token)
    except NotFound as error:
        raise Http404(error.message) from None


def _etag(request: HttpRequest, token: str) -> str:
    return feeds.state(_feed(token)).etag


def _changed_at(request: HttpRequest, token: str) -> datetime | None:
    return feeds.state(_feed(token)).changed_at


@require_safe
@condition(etag_func=_etag, last_modified_func=_changed_at)
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The feed, or 304 for a program that has it already."""
    response = HttpResponse(feeds.text(_feed(token)), content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response.headers["Content-Disposition"] = 'attachment; filename="bookings.ics"'
    response.headers["Cache-Control"] = "private, max-age=300"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
