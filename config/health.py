"""Whether this process lives, and whether it may be given work. Answers are JSON that a person can read."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bookings.management.prepare import pending_migrations
from bookings.models import guard

FLOOR_BYTES = 64 * 1024 * 1024
"""With less room than this on the disk of the data folder, writes may soon fail."""

OK = "ok"


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Says nothing about the database."""
    return JsonResponse({"status": OK})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when bookings can be taken; 503 otherwise, with what is wrong."""
    checks = {name: _tried(check) for name, check in _CHECKS.items()}
    fine = all(answer == OK for answer in checks.values())
    return JsonResponse({"status": "ready" if fine else "not ready", "checks": checks}, status=200 if fine else 503)


def _tried(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        return "the database cannot be reached, or is too busy"


def _migrations() -> str:
    waiting = pending_migrations()
    return f"not applied: {', '.join(waiting)}" if waiting else OK


def _guard() -> str:
    return OK if guard.refuses_overlap() else "the database accepts overlapping claims: run `manage.py migrate`"


def _disk() -> str:
    free = shutil.disk_usage(settings.DATA_DIR).free
    return OK if free >= FLOOR_BYTES else f"{free // 2**20} MB left in the data folder"


_CHECKS = {"database": _migrations, "overlap guard": _guard, "disk": _disk}
