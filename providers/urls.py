"""Addresses of the calendar pages."""

from __future__ import annotations

from django.urls import path

from providers import connect_pages, pages
from providers.google.notify import notified
from providers.microsoft.notices import arrive

urlpatterns = [
    path("calendars", pages.account_list, name="accounts"),
    path("calendars/connect", connect_pages.account_kinds, name="account-kinds"),
    path("calendars/connect/<slug:slug>", connect_pages.account_connect, name="account-connect"),
    path("calendars/connect/<slug:slug>/callback", connect_pages.account_callback, name="account-callback"),
    path("calendars/<uuid:account_id>/choose", pages.account_calendars, name="account-calendars"),
    path("calendars/<uuid:account_id>/reconnect", connect_pages.account_reconnect, name="account-reconnect"),
    path("calendars/<uuid:account_id>/disconnect", connect_pages.account_disconnect, name="account-disconnect"),
    path("calendars/<uuid:account_id>/resync", pages.account_resync, name="account-resync"),
    path("calendars/<uuid:account_id>/retry", pages.account_retry, name="account-retry"),
    path("mirrors/<uuid:mirror_id>/accept", pages.mirror_accept, name="mirror-accept"),
    path("mirrors/<uuid:mirror_id>/retry", pages.mirror_retry, name="mirror-retry"),
    path("mirrors/<uuid:mirror_id>/put-back", pages.mirror_put_back, name="mirror-put-back"),
    path("mirrors/<uuid:mirror_id>/overwrite", pages.mirror_overwrite, name="mirror-overwrite"),
    path("notify/google/<uuid:account_id>", notified, name="notify-google"),
    path("notify/microsoft/<uuid:account_id>", arrive, name="notify-microsoft"),
]
