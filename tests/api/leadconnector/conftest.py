from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.api.leadconnector.worlds import Location, make_location


@pytest.fixture
def here(db: None) -> Iterator[Location]:
    cache.clear()
    yield make_location()
    cache.clear()


@pytest.fixture
def elsewhere(db: None) -> Location:
    """Another organisation, with everything the first one has."""
    return make_location()
