"""Where everything answers."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from bookings.api.base import missing, mount
from bookings.api.cronofy import urls as cronofy
from config import health

handler404 = missing
admin.autodiscover()
urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("admin/", admin.site.urls),
    path("accounts/", include("bookings.pages.account_urls")),
    path("", include("bookings.pages.customer.urls")),
    path("", include("bookings.pages.staff.urls")),
    path("", include("providers.urls")),
    *mount(cronofy),
]
