"""The time zones a person may choose from."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from bookings.engine.zones import canonical

Choices = list[tuple[str, list[tuple[str, str]]]]


@lru_cache(maxsize=1)
def grouped() -> Choices:
    """[(region, [(IANA name, city), …]), …] as for a select: one zone for each place in the IANA table, and UTC."""
    regions: dict[str, list[tuple[str, str]]] = {"UTC": [("UTC", "UTC")]}
    for name in sorted(_names()):
        region, _, city = name.partition("/")
        if city:
            regions.setdefault(region, []).append((name, city.replace("_", " ").replace("/", " / ")))
    return list(regions.items())


def options(selected: str) -> SafeString:
    """The same as the inside of a select element: hundreds of options, written once for everybody."""
    return SafeString(_options().replace(f'value="{selected}"', f'value="{selected}" selected', 1))


@lru_cache(maxsize=1)
def _options() -> str:
    groups = ((region, format_html_join("", '<option value="{}">{}</option>', zones)) for region, zones in grouped())
    return format_html_join("", '<optgroup label="{}">{}</optgroup>', groups)


def _names() -> set[str]:
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text()
    return {line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#")}


def chosen(name: str | None) -> str | None:
    """The IANA name behind what a browser sent, or None when it is none."""
    return canonical(name) if name and len(name) <= 64 else None
