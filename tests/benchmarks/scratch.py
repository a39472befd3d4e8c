"""A database of its own for a benchmark, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.test.utils import setup_databases, teardown_databases


@contextmanager
def database() -> Iterator[None]:
    before = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(before, verbosity=0)
