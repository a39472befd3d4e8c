"""The operator's admin: its site, its way in, its Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite

# The admin's own scripts evaluate expressions in attributes and set style attributes. Nobody but operators gets here,
# everything still comes from this server, and no other page is relaxed.
ADMIN_CSP = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}


class OperatorSite(UnfoldAdminSite):
    """The admin site of this installation, over all organisations."""

    enable_nav_sidebar = True
    index_title = "Overview"

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponseBase]:
        return csp_update({name: [*sources] for name, sources in ADMIN_CSP.items()})(
            super().admin_view(view, cacheable)
        )

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in for everybody; who is signed in and still may not enter is told so."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
        if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
            wanted = reverse("admin:index")
        return HttpResponseRedirect(wanted) if request.user.is_authenticated else redirect_to_login(wanted)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        logout(request)
        return HttpResponseRedirect(resolve_url(settings.LOGIN_URL))


def stylesheet(request: HttpRequest) -> str:
    return static("admin.css")


def script(request: HttpRequest) -> str:
    return static("admin.js")
