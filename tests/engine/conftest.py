"""References in these tests use zoneinfo; it must read the same tz data as the engine."""

from __future__ import annotations

import zoneinfo

zoneinfo.reset_tzpath(to=())
