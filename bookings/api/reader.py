"""Taking values out of a parsed body, noting every problem with the path at which it stands."""

from __future__ import annotations

from typing import Any

from bookings.api import refusals
from bookings.api.refusals import Problem

_KINDS = {dict: "an object", list: "an array", str: "a string", int: "an integer", bool: "true or false"}


class Reader:
    """Reads values and collects problems; `finish` raises them all together as one refusal.

    For what is absent or unusable each method returns an empty value (None for objects and integers), so that reading
    goes on. Absent and null are the same. Paths are those of the dialect, dotted.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, path: str, code: str, message: str) -> None:
        self.problems.append(Problem(path, code, message))

    def finish(self) -> None:
        """Raise Refusal 422 when anything was wrong."""
        if self.problems:
            raise refusals.invalid(*self.problems)

    def object(self, holder: dict[str, Any], key: str, path: str, *, required: bool = False) -> dict[str, Any] | None:
        value = self._of(dict, holder, key, path, required)
        return value if isinstance(value, dict) else None

    def array(self, holder: dict[str, Any], key: str, path: str, *, required: bool = False) -> list[Any]:
        value = self._of(list, holder, key, path, required)
        return value if isinstance(value, list) else []

    def text(
        self,
        holder: dict[str, Any],
        key: str,
        path: str,
        *,
        required: bool = False,
        longest: int | None = None,
        one_line: bool = True,
    ) -> str:
        """A string of at most `longest` characters; with `one_line` it may hold no control characters.

        A required one must hold more than white space.
        """
        value = self._of(str, holder, key, path, required)
        if not isinstance(value, str):
            return ""
        if required and not value.strip():
            self.wrong(path, "required", f"{path} is required.")
        elif longest is not None and len(value) > longest:
            self.wrong(path, "too_long", f"{path} has {len(value)} characters; at most {longest} are possible.")
        elif one_line and any(character < " " or character == "\x7f" for character in value):
            self.wrong(path, "invalid", f"{path} must not hold control characters.")
        return value

    def integer(self, holder: dict[str, Any], key: str, path: str, *, least: int, most: int) -> int | None:
        value = self._of(int, holder, key, path, False)
        if not isinstance(value, int):
            return None
        if not least <= value <= most:
            self.wrong(path, "invalid", f"{path} must be between {least} and {most}.")
            return None
        return value

    def _of(self, kind: type, holder: dict[str, Any], key: str, path: str, required: bool) -> Any:
        value = holder.get(key)
        if value is None or (required and value in ("", [])):
            if required:
                self.wrong(path, "required", f"{path} is required.")
            return None
        # bool is an int to Python, not to JSON.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong(path, "invalid", f"{path} must be {_KINDS[kind]}.")
            return None
        return value
