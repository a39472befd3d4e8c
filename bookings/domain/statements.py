"""Statements of the reserving path whose SQL is built once.

The ORM works a statement out anew each time, which costs several times what running it takes, and a booking runs
under its hosts' locks (`python -m tests.benchmarks contention`). What these write and read is what `Model.save` and
`select_related` would; only signals are not sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

M = TypeVar("M", bound=models.Model)
Converter = Callable[[Any, Any, Any], Any]

_LISTED = {"sqlite": "SELECT value FROM json_each(%s)", "postgresql": "SELECT unnest(%s::uuid[])"}
_AMONG = {"sqlite": "IN (SELECT value FROM json_each(%s))", "postgresql": "= ANY(%s)"}


def among() -> str:
    """The condition that a column is one of a list, which is one parameter: see `ids`."""
    return _AMONG[connection.vendor]


def ids(keys: Collection[uuid.UUID]) -> Any:
    """A list of ids as one parameter, in the form in which the database keeps them."""
    return json.dumps([each.hex for each in keys]) if connection.vendor == "sqlite" else list(keys)


Write = tuple[str, list[Any]]
"""One statement that writes, with its parameters."""


def texts(values: Collection[str]) -> Any:
    """A list of texts as one parameter."""
    return json.dumps(list(values)) if connection.vendor == "sqlite" else list(values)


def write(*writes: Write) -> None:
    """Run statements that write different rows: all in one where the database can, which spares the round trips."""
    if connection.vendor == "postgresql" and len(writes) > 1:
        *inner, last = (sql for sql, _ in writes)
        parts = ", ".join(f"part{index} AS ({sql})" for index, sql in enumerate(inner))
        writes = ((f"WITH {parts} {last}", [value for _, values in writes for value in values]),)
    with connection.cursor() as cursor:
        for sql, values in writes:
            cursor.execute(sql, values)


def insert(*rows: models.Model) -> None:
    """Insert new rows, of several tables if need be."""
    write(*map(insertion, rows))


def update(row: models.Model, *names: str) -> None:
    """Write these fields of a row, and those that always tell when it was written (`auto_now`)."""
    write(change(row, *names))


def insertion(row: models.Model) -> Write:
    """`insert`, for `write`."""
    db, fields = connections[DEFAULT_DB_ALIAS], row._meta.concrete_fields
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    if db.vendor == "postgresql":
        # A row as one JSON parameter: forty parameters cost the driver more than the database.
        told = {field.column: field.get_prep_value(field.pre_save(row, True)) for field in fields}
        return _insertion(type(row), "json"), [orjson.dumps(told).decode()]
    return _insertion(type(row), "values"), _values(row, fields, db, add=True)


def insertions(rows: Sequence[models.Model]) -> Write:
    """New rows of one table by one statement, for `write`; those that are there already (by a unique key) stay."""
    db, model = connections[DEFAULT_DB_ALIAS], type(rows[0])
    fields = model._meta.concrete_fields
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    if db.vendor == "postgresql":
        told = [{field.column: field.get_prep_value(field.pre_save(row, True)) for field in fields} for row in rows]
        return _insertions(model, 0), [orjson.dumps(told).decode()]
    return _insertions(model, len(rows)), [value for row in rows for value in _values(row, fields, db, add=True)]


def change(row: models.Model, *names: str) -> Write:
    """`update`, for `write`."""
    db, meta = connections[DEFAULT_DB_ALIAS], row._meta
    fields = [each for each in meta.concrete_fields if each.name in names or getattr(each, "auto_now", False)]
    changes = ", ".join(f'"{field.column}" = %s' for field in fields)
    values = _values(row, fields, db, add=False)
    key = meta.pk.get_db_prep_value(row.pk, db)
    return f'UPDATE "{meta.db_table}" SET {changes} WHERE "{meta.pk.column}" = %s', [*values, key]


class Query(Generic[M]):
    """Rows of one model by ids, in id order, with the rows that some of its relations point at.

    :param related: relations as in `select_related`, each after the one it builds on.
    :param where: which rows; `{among}` stands for "is one of the ids", `{ids}` for a subquery that lists them.
    :param lock: lock the rows until the transaction ends (FOR NO KEY UPDATE: inserts that point at them go on).
    """

    def __init__(self, model: type[M], *related: str, where: str = '"root"."id" {among}', lock: bool = False) -> None:
        self._model, self._related, self._where, self._lock = model, related, where, lock

    def __call__(self, keys: Iterable[uuid.UUID]) -> list[M]:
        """The objects, with their relations."""
        sql, parts = self._plan
        with connection.cursor() as cursor:
            cursor.execute(sql, [ids(list(keys))] * sql.count("%s"))
            return [_assembled(parts, row) for row in cursor.fetchall()]

    @cached_property
    def _plan(self) -> tuple[str, list[_Part]]:
        parts = [_Part("root", self._model, 0)]
        joins = ""
        for path in self._related:
            above, _, name = path.rpartition("__")
            parent = next(part for part in parts if part.path == (above or "root"))
            field: Any = parent.model._meta.get_field(name)
            parts.append(part := _Part(path, field.related_model, parts[-1].end, parent, name))
            joins += f' LEFT JOIN "{part.table}" "{path}" ON "{path}"."id" = "{parent.path}"."{field.column}"'
        columns = ", ".join(column for part in parts for column in part.columns)
        where = self._where.format(among=among(), ids=_LISTED[connection.vendor])
        lock = ' FOR NO KEY UPDATE OF "root"' if self._lock and connection.vendor == "postgresql" else ""
        return f'SELECT {columns} FROM "{parts[0].table}" "root"{joins} WHERE {where} ORDER BY "root"."id"{lock}', parts


class _Part:
    """One table's share of a query's columns."""

    def __init__(
        self, path: str, model: type[models.Model], begin: int, parent: _Part | None = None, name: str = ""
    ) -> None:
        fields: list[Any] = list(model._meta.concrete_fields)
        self.path, self.model, self.parent, self.name = path, model, parent, name
        self.table = model._meta.db_table
        self.begin, self.end = begin, begin + len(fields)
        self.columns = [f'"{path}"."{field.column}"' for field in fields]
        self.names = [field.attname for field in fields]
        expressions = [field.get_col(self.table) for field in fields]
        converters = [
            (index, convert, expression)
            for index, expression in enumerate(expressions)
            for convert in (*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection))
        ]
        self.converters: list[tuple[int, Converter, Any]] = converters

    def built(self, row: Sequence[Any]) -> models.Model | None:
        values = list(row[self.begin : self.end])
        if values[0] is None:  # the id: nothing was joined
            return None
        for index, convert, expression in self.converters:
            values[index] = convert(values[index], expression, connection)
        return self.model.from_db(DEFAULT_DB_ALIAS, self.names, values)


def _assembled(parts: list[_Part], row: Sequence[Any]) -> Any:
    made: dict[_Part | None, Any] = {}
    for part in parts:
        made[part] = one = part.built(row) if part.parent is None or made[part.parent] is not None else None
        if part.parent is not None and made[part.parent] is not None:
            setattr(made[part.parent], part.name, one)
    return made[parts[0]]


@cache
def _insertion(model: type[models.Model], form: str) -> str:
    fields, table = model._meta.concrete_fields, model._meta.db_table
    if form == "json":
        return f'INSERT INTO "{table}" SELECT * FROM json_populate_record(NULL::"{table}", %s::json)'
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join(["%s"] * len(fields))})'


@cache
def _insertions(model: type[models.Model], count: int) -> str:
    """For `count` rows given as values, or with 0 for any number given as one JSON list."""
    fields, table = model._meta.concrete_fields, model._meta.db_table
    columns = ", ".join(f'"{field.column}"' for field in fields)
    one = f"({', '.join(['%s'] * len(fields))})"
    source = f"VALUES {', '.join([one] * count)}"
    if not count:
        source = f'SELECT {columns} FROM json_populate_recordset(NULL::"{table}", %s::json)'
    return f'INSERT INTO "{table}" ({columns}) {source} ON CONFLICT DO NOTHING'


def _values(row: models.Model, fields: Iterable[Any], db: Any, *, add: bool) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, add), db) for field in fields]
