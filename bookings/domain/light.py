"""Rows that are only read, many at a time: named tuples, since model instances take ten times as long to make.

A row has the attributes of its model's columns, `pk`, and whatever relation its reader attaches (a plain attribute).
"""

from __future__ import annotations

import uuid
from collections import namedtuple
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection, models


class Table:
    """Light rows of one model."""

    def __init__(self, model: type[models.Model]) -> None:
        fields: list[Any] = list(model._meta.concrete_fields)
        self.name = model._meta.db_table
        self._columns = ", ".join(f'{self.name}."{field.column}"' for field in fields)
        self._readers = [(index, read) for index, field in enumerate(fields) if (read := _reader(field))]
        named = namedtuple(f"{model.__name__}Row", [field.attname for field in fields])  # type: ignore[misc]
        # A subclass without slots, so that a reader can attach what belongs to the row.
        self._row: Any = type(named.__name__, (named,), {"pk": property(lambda row: row.id)})

    def rows(self, source: str, parameters: Sequence[Any]) -> list[Any]:
        """The rows that SQL finds: joins, WHERE and ORDER as they follow the table's name."""
        make, readers = self._row._make, [(index, reader()) for index, reader in self._readers]
        found = []
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self._columns} FROM {self.name} {source}", list(parameters))
            for values in cursor.fetchall():
                read = list(values)
                for index, reader in readers:
                    if (value := read[index]) is not None:
                        read[index] = reader(value)
                found.append(make(read))
        return found


def _reader(field: Any) -> Callable[[], Callable[[Any], Any]] | None:
    """What makes a reader, new for every result, that turns the database's value into ours where the driver does not;
    both databases are read alike."""
    kind = field.target_field if field.is_relation else field
    if isinstance(kind, models.UUIDField):
        return _uuids
    if isinstance(kind, models.JSONField):
        return lambda: _json
    if isinstance(kind, models.DateTimeField):
        return lambda: _moment
    if isinstance(kind, models.BooleanField):
        return lambda: bool
    return None


def _uuids() -> Callable[[Any], Any]:
    """Ids repeat (the same event, calendar and organisation on many rows), and making one costs more than all else."""
    known: dict[str, uuid.UUID] = {}

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = known.get(value)
        if found is None:
            found = known[value] = uuid.UUID(int=int(value, 16))
        return found

    return read


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
