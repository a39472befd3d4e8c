from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.api.timekit.worlds import Place, make_place


@pytest.fixture
def place(db: None) -> Iterator[Place]:
    cache.clear()
    yield make_place()
    cache.clear()


@pytest.fixture
def abroad(db: None) -> Place:
    """Another organisation, with everything the first one has."""
    return make_place()
