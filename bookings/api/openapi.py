"""Each dialect's OpenAPI schema, and a page to read and try it: `/api/<dialect>/schema` and `/api/<dialect>`.

A view says what it takes and answers with `operation`; paths and their parameters come from the URL patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

from csp.decorators import csp_update
from django.urls import URLPattern, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

Method = TypeVar("Method", bound=Callable[..., Any])
Shape = Mapping[str, Any]
"""A JSON Schema, as OpenAPI 3.1 takes it."""

TEXT: Shape = {"type": "string"}
NUMBER: Shape = {"type": "number"}
INTEGER: Shape = {"type": "integer"}
FLAG: Shape = {"type": "boolean"}
MOMENT: Shape = {"type": "string", "format": "date-time"}
UUID: Shape = {"type": "string", "format": "uuid"}
ANYTHING: Shape = {}


def record(required: Sequence[str] = (), /, **fields: Shape) -> Shape:
    """An object with these fields; a client may send others as well."""
    shape: dict[str, Any] = {"type": "object", "properties": fields}
    return shape | ({"required": list(required)} if required else {})


def listed(item: Shape) -> Shape:
    return {"type": "array", "items": item}


def optional(shape: Shape) -> Shape:
    """The same, or null."""
    return {"anyOf": [shape, {"type": "null"}]}


def one_of(*values: str) -> Shape:
    return {"type": "string", "enum": list(values)}


def query(name: str, shape: Shape, *, required: bool = False, description: str = "") -> OpenApiParameter:
    """A parameter of the query string."""
    return OpenApiParameter(name, dict(shape), OpenApiParameter.QUERY, required=required, description=description)


def header(name: str, *, required: bool = False, description: str = "") -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, required=required, description=description)


def operation(
    summary: str,
    *,
    takes: Shape | None = None,
    answers: Mapping[int, Shape | None],
    parameters: Sequence[OpenApiParameter] = (),
    refusals: Sequence[int] = (),
    refusal: Shape = ANYTHING,
) -> Callable[[Method], Method]:
    """Describe one method of a view.

    :param takes: the JSON body; None when there is none.
    :param answers: for each good status its JSON body, None for an empty one.
    :param refusals: the other statuses it may answer, all with the body `refusal`.
    """
    responses: dict[Any, Any] = {
        status: None if shape is None else dict(shape) for status, shape in answers.items()
    } | {status: dict(refusal) for status in refusals}
    decorated: Callable[[Method], Method] = extend_schema(
        summary=summary,
        request={"application/json": dict(takes)} if takes is not None else None,
        responses={
            (status, "application/json") if shape is not None else status: shape for status, shape in responses.items()
        },
        parameters=list(parameters),
    )
    return decorated


def documents(urls: ModuleType) -> list[URLPattern]:
    """The schema of a dialect and its page, from its `urls` module (see `base.mount`)."""
    dialect = urls.dialect
    told = {
        "TITLE": dialect.title,
        "VERSION": dialect.version,
        "DESCRIPTION": dialect.description,
        "APPEND_COMPONENTS": {"securitySchemes": dialect.credentials},
        "SECURITY": [{name: [] for name in dialect.credentials}] if dialect.credentials else [],
    }
    schema = SpectacularAPIView.as_view(urlconf=urls.urlpatterns, custom_settings=told)
    page = SpectacularSwaggerSplitView.as_view(url_name=f"{dialect.name}-schema")
    return [
        path(f"api/{dialect.name}/schema", schema, name=f"{dialect.name}-schema"),
        # The page's script gives its elements styles of their own.
        path(f"api/{dialect.name}", csp_update({"style-src": ["'unsafe-inline'"]})(page), name=f"{dialect.name}-api"),
    ]
