"""App configurations that belong to the project as a whole."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from config import checks


class OperatorAdmin(AdminConfig):
    default_site = "config.admin.OperatorSite"


class Installation(AppConfig):
    name = "config"

    def ready(self) -> None:
        checks.register_all()
