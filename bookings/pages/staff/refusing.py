"""Forms that show what the domain refuses, and what was typed before it is judged."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.forms.utils import ErrorDict

from bookings.domain.errors import DomainError, Invalid


class Refusing(forms.Form):
    """`names` says under which of the form's names a field of the domain is found, where they differ."""

    names: ClassVar[dict[str, str]] = {}

    def refuse(self, error: DomainError) -> None:
        """Show a refusal of the domain beside the field it names, or above the form."""
        field = self.names.get(error.field, error.field) if isinstance(error, Invalid) else None
        self.add_error(field if field in self.fields else None, error.message)

    def quiet(self) -> None:
        """Show what was typed without judging it yet."""
        self._errors = ErrorDict()
