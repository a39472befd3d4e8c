"""Doubles of calendar services, on loopback only: they remember, they are strict, and they misbehave on request."""
