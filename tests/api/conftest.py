from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.api.live import Live, live
from tests.api.worlds import World, make_world


@pytest.fixture
def world(db: None) -> Iterator[World]:
    cache.clear()
    yield make_world()
    cache.clear()


@pytest.fixture
def elsewhere(db: None) -> World:
    """Another organisation, with everything the first one has."""
    return make_world()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as running:
        yield running
