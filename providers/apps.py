from __future__ import annotations

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = "Providers"

    def ready(self) -> None:
        from bookings.domain.messages import messages_written  # noqa: PLC0415
        from bookings.domain.outbox import outbox_written  # noqa: PLC0415  models are importable once apps are loaded
        from providers import tasks  # noqa: PLC0415

        outbox_written.connect(tasks.wake_for_outbox, dispatch_uid="providers.wake")
        messages_written.connect(tasks.wake_for_messages, dispatch_uid="providers.mail")
