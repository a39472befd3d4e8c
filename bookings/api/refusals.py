"""Every way of saying no, in one neutral shape. A dialect spells it; nothing else leaves the API as an error."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, OperationalError
from django.http import Http404
from django.http.request import RawPostDataException, UnreadablePostError
from rest_framework.exceptions import APIException

from bookings.domain.errors import DomainError, Invalid, LinkClosed, NotAllowed, NotFound, SlotTaken

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one value. `path` is dotted; `code` is required, invalid, too_long or a domain code."""

    path: str
    code: str
    message: str


@dataclass
class Refusal(Exception):
    """An HTTP status, a machine code, words for people (safe to show) and, for values, where the problem is.

    `cause` is the domain's refusal, for dialects that tell more of it (next free times, for instance).
    """

    status: int
    code: str
    message: str
    problems: Sequence[Problem] = ()
    headers: dict[str, str] = field(default_factory=dict)
    cause: DomainError | None = None

    def __str__(self) -> str:
        return self.message


def unauthenticated() -> Refusal:
    """The one answer for a missing, unknown, expired or revoked credential."""
    return Refusal(401, "unauthenticated", "The credential is missing or not recognised.")


def forbidden(message: str) -> Refusal:
    return Refusal(403, "forbidden", message)


def not_found() -> Refusal:
    return Refusal(404, "not_found", "There is nothing here.")


def invalid(*problems: Problem) -> Refusal:
    """Values that cannot be used, all of them at once."""
    return Refusal(422, "invalid", " ".join(problem.message for problem in problems), problems)


_DOMAIN: dict[type[DomainError], int] = {NotFound: 404, NotAllowed: 403, SlotTaken: 409, LinkClosed: 404}


def of(error: Exception) -> Refusal:
    """The refusal behind any exception. What nobody foresaw is logged, without the request's body, and becomes 500."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Invalid):
        refusal = invalid(Problem(error.field, error.code, error.message))
        refusal.cause = error
        return refusal
    if isinstance(error, DomainError):
        return Refusal(_DOMAIN.get(type(error), 422), error.code, error.message, cause=error)
    if isinstance(error, APIException):
        return Refusal(error.status_code, str(error.default_code), str(error.detail))
    return _of_framework(error)


def _of_framework(error: Exception) -> Refusal:
    if isinstance(error, Http404):
        return not_found()
    if isinstance(error, PermissionDenied):
        return forbidden("This is not permitted.")
    if isinstance(error, RequestDataTooBig):
        return Refusal(413, "too_large", "The body is larger than 256 KB.")
    if isinstance(error, (SuspiciousOperation, UnreadablePostError, RawPostDataException)):
        return Refusal(400, "unreadable", "The request could not be read.")
    if isinstance(error, (DataError, OverflowError, UnicodeError)):
        logger.exception("a value got as far as the database and was refused there")
        return Refusal(
            422, "invalid", "A value cannot be stored.", [Problem("", "invalid", "A value cannot be stored.")]
        )
    if isinstance(error, OperationalError):
        logger.exception("the database did not answer")
        return Refusal(503, "unavailable", "The server is busy. Try again.", headers={"Retry-After": "2"})
    logger.exception("an API call failed")
    return Refusal(500, "error", "Something went wrong here. It has been noted.")
