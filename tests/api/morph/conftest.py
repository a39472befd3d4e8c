from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.api.morph.worlds import World, make_world


@pytest.fixture
def world(db: None) -> Iterator[World]:
    cache.clear()
    yield make_world()
    cache.clear()


@pytest.fixture
def elsewhere(db: None) -> World:
    """Another organisation, with everything the first one has."""
    return make_world()
