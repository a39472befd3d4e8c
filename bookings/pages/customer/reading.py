"""How a page is read: in which language, with which hours and weeks, by whom and inside what."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from bookings.domain.errors import LinkClosed
from bookings.templatetags import when

View = Callable[..., HttpResponse]

A_YEAR = 365 * 86_400
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_MONDAY, _SATURDAY, _SUNDAY = 0, 5, 6

# Where clocks go twice round a day, and where weeks begin on another day than Monday (CLDR 47, supplemental data).
_TWELVE = {
    *("en-us", "en-ca", "en-au", "en-nz", "en-in", "en-ph", "en-pk", "en-sg", "en-my", "en-za", "en-hk"),
    *("es-us", "es-co", "es-pr", "es-do", "es-ve", "es-pa", "es-gt", "es-hn", "es-ni", "es-sv"),
}
_FROM_SUNDAY = {
    *("en-us", "en-ca", "en-in", "en-ph", "en-sg", "en-hk", "en-za", "fr-ca", "pt-br", "ja", "ja-jp", "ar-sa", "ar-ye"),
    *("es-us", "es-mx", "es-co", "es-pr", "es-do", "es-ve", "es-pa", "es-gt", "es-hn", "es-ni", "es-sv", "es-pe"),
}
_FROM_SATURDAY = {
    "ar",
    "ar-eg",
    "ar-ae",
    "ar-dz",
    "ar-bh",
    "ar-iq",
    "ar-jo",
    "ar-kw",
    "ar-ly",
    "ar-om",
    "ar-qa",
    "ar-sd",
}


def customer_page(*, secret: bool) -> Callable[[View], View]:
    """A page for customers, in their language and with their hours; never stored. A secret one is not indexed, and its
    address is told to nobody. Links that are closed look all alike."""

    def decorated(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            chosen = _chosen_language(request)
            language = chosen or translation.get_language() or settings.LANGUAGE_CODE
            with translation.override(language), when.hours(twelve=reads_twelve(request)):
                response = _answered(view, request, *args, **kwargs)
                response.headers.setdefault("Content-Language", language)
            if chosen:
                response.set_cookie(
                    settings.LANGUAGE_COOKIE_NAME, chosen, max_age=A_YEAR, samesite="Lax", secure=request.is_secure()
                )
            # Other sites learn nothing of this address. “no-referrer” would also make browsers send “Origin: null” with
            # the form, which the CSRF protection rightly refuses.
            response["Referrer-Policy"] = "same-origin"
            response["Cache-Control"] = "no-store"
            if secret:
                response["X-Robots-Tag"] = "noindex, nofollow"
            return response

        return page

    return decorated


def framed_by(response: HttpResponse, origins: list[str]) -> HttpResponse:
    """Let these sites show the page in a frame; what is no origin is left out of the header."""
    origins = [origin for origin in origins if isinstance(origin, str) and _ORIGIN.fullmatch(origin)]
    if origins:
        response._csp_replace = {"frame-ancestors": origins}  # type: ignore[attr-defined]
        response.xframe_options_exempt = True
    return response


def is_framed(request: HttpRequest) -> bool:
    """Whether the page is asked for without what surrounds it, to stand in a frame."""
    return request.GET.get("embed") == "1"


def reads_twelve(request: HttpRequest) -> bool:
    """Whether the reader writes half past two in the afternoon as 2:30 PM."""
    tag = _tag(request)
    return tag in _TWELVE or tag.startswith("ar")


def week_begins(request: HttpRequest) -> int:
    """The reader's first day of the week; 0 is Monday."""
    tag = _tag(request)
    return _SUNDAY if tag in _FROM_SUNDAY else _SATURDAY if tag in _FROM_SATURDAY else _MONDAY


def _answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    try:
        return view(request, *args, **kwargs)
    except LinkClosed:
        return render(request, "customer/closed.html", status=404)


def _chosen_language(request: HttpRequest) -> str:
    wanted = request.GET.get("lang", "")
    return wanted if wanted in dict(settings.LANGUAGES) else ""


def _tag(request: HttpRequest) -> str:
    """The reader's language with its region, such as en-us: as the browser says first, if that is the page's language,
    else the page's language alone."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    first = request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip().lower()
    return first if first.split("-")[0] == language else language
