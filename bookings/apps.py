from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = "Bookings"

    def ready(self) -> None:
        from bookings.models import guard  # noqa: PLC0415  models are importable only once apps are loaded

        post_migrate.connect(guard.restore, sender=self)
        checks.register(guard.check, checks.Tags.database)
