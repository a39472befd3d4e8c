"""Posting: sends each waiting mail once, whatever crashes, refuses or is slow.

A mail is claimed by compare-and-set, and the claim is committed before the mail server is given anything. So what is
known when a worker dies in between is only that the mail may have arrived. Such a mail is marked (UNKNOWN) and shown to
staff, who can send it again under the same Message-ID; it is never sent twice by itself, because a second invitation or
cancellation confuses more than it helps, and the customer's page says the same as the mail. What surely was not taken
(no connection, a refusal before the server has the text) is tried again: pauses double up to an hour, with jitter.

When the mail server cannot be reached at all, everything that is due waits together, and one attempt finds out.
"""

from __future__ import annotations

import logging
import random
import smtplib
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from bookings.domain import messages, reminders
from bookings.domain.event_rows import is_address
from bookings.mail.letters import Letter, letter
from bookings.models import Message
from providers.failpoints import fp
from providers.lease import database_now_s
from providers.push import stopping

log = logging.getLogger(__name__)

PASS_S = 20.0
CLAIM_S = 300
"""How long a mail may take to be handed over; a claim that is older belongs to a worker that died."""

TOO_OLD_S = 48 * 3600
"""What could not be sent for so long is not sent any more: it would tell of yesterday."""

_BASE_S, _CAP_S = 15, 3600
_SERVER_CAP_S = 300
_AT_ONCE = 50
_NO_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

INTERRUPTED = "It was being sent when the worker ended or the connection broke; it may have arrived."
LATE = "Not sent: it could not be sent in time."


def is_configured() -> bool:
    """Whether there is a mail server (EMAIL_URL). Without one, mails stay in the database and staff see them there."""
    return settings.EMAIL_BACKEND != _NO_BACKEND


def due() -> QuerySet[Message]:
    """Mails to be sent now."""
    waiting: QuerySet[Message] = Message.everywhere.filter(
        kind=Message.Kind.MAIL, state=Message.State.WAITING, next_attempt_s__lte=database_now_s()
    )
    return waiting


def is_due() -> bool:
    """Whether the worker should be woken: one small query, by this machine's clock, since it decides nothing."""
    moment = int(time.time())
    asked = Q(state=Message.State.SENDING, next_attempt_s__lt=moment)
    if is_configured():
        asked |= Q(state=Message.State.WAITING, next_attempt_s__lte=moment)
    return Message.everywhere.filter(asked, kind=Message.Kind.MAIL).exists()


def deliver(budget_s: float = PASS_S) -> int:
    """Send what is due until nothing is or the time is up; returns how many mails the server took."""
    _settle_interrupted()
    return _Round(time.monotonic() + budget_s).run() if is_configured() else 0


def _settle_interrupted() -> None:
    """Claims whose worker died."""
    left = Message.everywhere.filter(
        kind=Message.Kind.MAIL, state=Message.State.SENDING, next_attempt_s__lt=database_now_s()
    )
    left.update(state=Message.State.UNKNOWN, last_error=INTERRUPTED)


class _Round:
    """One turn of sending, over one connection as long as it holds."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.backend: Any = None
        self.given = False
        """Whether the server was given the text of the mail in hand."""
        self.taken = 0

    def run(self) -> int:
        try:
            while rows := list(
                due().select_related("organisation").order_by("next_attempt_s", "created_at")[:_AT_ONCE]
            ):
                for message in rows:
                    if time.monotonic() > self.deadline or stopping.is_set() or not self._one(message):
                        return self.taken
            return self.taken
        finally:
            self._close()

    def _one(self, message: Message) -> bool:
        """Deal with one mail. False when the server cannot be reached: then the others need not try."""
        if _is_late(message):
            _end(message, Message.State.DROPPED, LATE)
            return True
        written = _written(message)
        if written is None:
            return True
        if not self._open(message):
            return False
        if _claim(message):
            self._send(message, written)
        return True

    def _open(self, message: Message) -> bool:
        """Have a connection; False after everything due was put off."""
        if self.backend is not None:
            return True
        backend = get_connection(fail_silently=False)
        try:
            backend.open()
        except (OSError, smtplib.SMTPException) as error:
            _put_off_all(message.attempt + 1, f"The mail server cannot be reached: {_words(error)}")
            return False
        smtp = getattr(backend, "connection", None)
        if isinstance(smtp, smtplib.SMTP):
            smtp.data = self._noting(smtp.data)  # type: ignore[method-assign,assignment]
        self.backend = backend
        return True

    def _noting(self, data: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def noted(text: Any) -> Any:
            self.given = True
            return data(text)

        return noted

    def _send(self, message: Message, written: Letter) -> None:
        fp("post.claimed")
        self.given = False
        try:
            self.backend.send_messages([written.as_mail(self.backend)])
        except smtplib.SMTPResponseException as error:
            self._refused(message, error.smtp_code, _words(error))
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            self._refused(message, code, f"{code} {_text(said)}")
        except (OSError, smtplib.SMTPException) as error:
            self._broke_off(message, _words(error))
        except Exception:
            log.exception("message %s", message.pk)
            self._close()
            _end(message, Message.State.FAILED, "It could not be put into a mail.")
        else:
            fp("post.sent")
            self.taken += 1
            Message.everywhere.filter(pk=message.pk).update(state=Message.State.SENT, sent_at=now(), last_error="")

    def _refused(self, message: Message, code: int, said: str) -> None:
        """The server answered, so it has not taken it."""
        self._close()
        if 500 <= code < 600:
            _end(message, Message.State.FAILED, said)
        else:
            _put_off(message, said)

    def _broke_off(self, message: Message, said: str) -> None:
        self._close()
        if self.given:
            _end(message, Message.State.UNKNOWN, f"{INTERRUPTED} ({said})")
        else:
            _put_off(message, said)

    def _close(self) -> None:
        backend, self.backend = self.backend, None
        if backend is not None:
            try:
                backend.close()
            except (OSError, smtplib.SMTPException) as error:
                log.info("closing the connection to the mail server: %s", error)


def _is_late(message: Message) -> bool:
    """Too old, or a reminder of what has begun, moved or been cancelled meanwhile."""
    moment = now().timestamp()
    asked = max(message.created_at.timestamp(), float(message.payload.get("asked_s", 0)))
    past = message.template == messages.REMINDER and not reminders.still_holds(message)
    return moment - asked > TOO_OLD_S or past


def _written(message: Message) -> Letter | None:
    """The mail, or None after it was found that there can be none."""
    if not is_address(message.recipient):
        _end(message, Message.State.FAILED, "This is not a mail address.")
        return None
    try:
        return letter(message)
    except Exception:
        # One message that trips us must not stop the others.
        log.exception("message %s", message.pk)
        _end(message, Message.State.FAILED, "It could not be put into words.")
        return None


def _claim(message: Message) -> bool:
    """Make a mail ours, before the server is given anything of it. False when somebody else has it."""
    mine = Message.everywhere.filter(pk=message.pk, state=Message.State.WAITING, attempt=message.attempt)
    until = database_now_s() + CLAIM_S
    claimed = mine.update(state=Message.State.SENDING, attempt=F("attempt") + 1, next_attempt_s=until)
    message.attempt += 1
    return bool(claimed)


def _end(message: Message, state: str, said: str) -> None:
    Message.everywhere.filter(pk=message.pk).update(state=state, last_error=said[:500])


def _put_off(message: Message, said: str) -> None:
    until = database_now_s() + _pause_s(message.attempt, _CAP_S)
    rows = Message.everywhere.filter(pk=message.pk, state=Message.State.SENDING)
    rows.update(state=Message.State.WAITING, next_attempt_s=until, last_error=said[:500])


def _put_off_all(attempt: int, said: str) -> None:
    until = database_now_s() + _pause_s(attempt, _SERVER_CAP_S)
    due().update(attempt=F("attempt") + 1, next_attempt_s=until, last_error=said[:500])


def _pause_s(attempt: int, cap: int) -> int:
    """Seconds until the next attempt: doubling, and no two at the same time."""
    ceiling = min(cap, _BASE_S * 2 ** min(attempt, 10))
    return int(random.uniform(ceiling / 2, ceiling))  # noqa: S311  spreads load, guards nothing


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
