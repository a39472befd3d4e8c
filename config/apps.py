"""App configurations that belong to the project as a whole."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class OperatorAdmin(AdminConfig):
    default_site = "config.admin.OperatorSite"
