from __future__ import annotations

import pytest

from tests.api.cronofy.calls import Caller, caller
from tests.api.worlds import World


@pytest.fixture
def me(world: World) -> Caller:
    """The account of the world's host, with an access token."""
    return caller(world)
