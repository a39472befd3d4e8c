"""Addresses of the calendar pages."""

from __future__ import annotations

from django.urls import path

from providers import pages

urlpatterns = [
    path("calendars", pages.account_list, name="accounts"),
    path("calendars/connect", pages.account_connect, name="account-connect"),
    path("calendars/<uuid:account_id>/choose", pages.account_calendars, name="account-calendars"),
    path("calendars/<uuid:account_id>/reconnect", pages.account_reconnect, name="account-reconnect"),
    path("calendars/<uuid:account_id>/disconnect", pages.account_disconnect, name="account-disconnect"),
    path("calendars/<uuid:account_id>/resync", pages.account_resync, name="account-resync"),
    path("mirrors/<uuid:mirror_id>/retry", pages.mirror_retry, name="mirror-retry"),
    path("mirrors/<uuid:mirror_id>/put-back", pages.mirror_put_back, name="mirror-put-back"),
    path("mirrors/<uuid:mirror_id>/overwrite", pages.mirror_overwrite, name="mirror-overwrite"),
]
