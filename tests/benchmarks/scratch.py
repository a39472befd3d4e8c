"""A database of its own for a benchmark, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.test.utils import (
    override_settings,
    setup_databases,
    setup_test_environment,
    teardown_databases,
    teardown_test_environment,
)

PLAIN_FILES = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@contextmanager
def database() -> Iterator[None]:
    setup_test_environment()
    before = setup_databases(verbosity=0, interactive=False)
    try:
        with override_settings(STORAGES=settings.STORAGES | {"staticfiles": PLAIN_FILES}):
            yield
    finally:
        teardown_databases(before, verbosity=0)
        teardown_test_environment()
