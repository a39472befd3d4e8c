"""Where everything answers."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.decorators.cache import cache_control
from django.views.generic import RedirectView

from bookings.api.base import missing, mount
from bookings.api.cronofy import urls as cronofy
from bookings.api.leadconnector import urls as leadconnector
from bookings.api.morgen import urls as morgen
from bookings.api.morph import urls as morph
from bookings.api.openapi import documents
from bookings.api.timekit import urls as timekit
from bookings.pages.customer.urls import public_patterns
from config import health

handler404 = missing
admin.autodiscover()
urlpatterns: list[URLPattern | URLResolver] = [
    path("favicon.ico", cache_control(max_age=86_400)(RedirectView.as_view(url=lazy(static, str)("logo.svg")))),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("admin/", admin.site.urls),
    path("accounts/", include("bookings.pages.account_urls")),
    path("", include("bookings.pages.customer.urls")),
    path("", include("bookings.pages.staff.urls")),
    path("", include("bookings.pages.staff.settings_urls")),
    path("", include("providers.urls")),
    *mount(cronofy),
    *mount(timekit),
    *mount(morgen),
    *mount(leadconnector),
    *mount(morph),
    *(page for each in (cronofy, timekit, morgen, leadconnector, morph) for page in documents(each)),
    *public_patterns,
]
