"""App configurations that belong to the project as a whole."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig

from config import checks


class OperatorAdmin(SimpleAdminConfig):
    """Its pages are loaded with the URLs: the worker and most commands never need them, nor their memory."""

    default_site = "config.admin.OperatorSite"


class Installation(AppConfig):
    name = "config"

    def ready(self) -> None:
        checks.register_all()
