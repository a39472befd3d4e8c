"""A real mail server on loopback, which can be down, refuse and be slow."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller


@dataclass
class Postman:
    """Takes mails. `answers` are used up one a mail, before it takes any; `pause_s` is how long each takes."""

    port: int
    taken: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    pause_s: float = 0
    controller: Controller | None = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.pause_s)
        self.taken.append(envelope.content)
        return "250 taken"

    def opens(self) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def closes(self) -> None:
        if self.controller is not None:
            self.controller.stop()
            self.controller = None

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(each, policy=email.policy.default) for each in self.taken]  # type: ignore[misc]


@pytest.fixture
def postman(settings: Any) -> Iterator[Postman]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        there = Postman(free.getsockname()[1])
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", there.port, 2
    settings.DEFAULT_FROM_EMAIL = "bookings@convene.example.org"
    yield there
    there.closes()
