"""Who is signed in and whose pages they see: asked by every page of staff, whichever room it is in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from bookings.domain.audit import Actor
from bookings.models import Membership, Organisation

SESSION_KEY = "organisation"


class StaffRequest(HttpRequest):
    """A request of a signed-in member, as views behind `staff_required` receive it."""

    organisation: Organisation
    membership: Membership
    htmx: Any


class OrganisationMiddleware:
    """Sets request.organisation and request.membership for members: the organisation chosen in the session, or else
    the first one. Both are None for everybody else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organisation = request.membership = None  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        # Programs (exempt from CSRF, since they show a key) are not members.
        if not getattr(view, "csrf_exempt", False) and request.user.is_authenticated:
            membership = _membership(request)
            request.membership = membership  # type: ignore[attr-defined]
            request.organisation = membership.organisation if membership else None  # type: ignore[attr-defined]


def staff_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let only members in; others sign in first, or are told that the page is not theirs."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if getattr(request, "membership", None) is None:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_required(guarded)


def actor(request: HttpRequest) -> Actor:
    """The signed-in member as the one who acts."""
    user = request.user
    return Actor(user.get_username(), user_id=user.pk)


def _membership(request: HttpRequest) -> Membership | None:
    places = list(
        Membership.everywhere.select_related("organisation").filter(user=request.user).order_by("organisation__name")
    )
    chosen = request.session.get(SESSION_KEY)
    wanted = [place for place in places if str(place.organisation_id) == chosen]
    return (wanted or places or [None])[0]
