"""How often something was done lately."""

from __future__ import annotations

from django.db import models


class Tally(models.Model):
    """How many times something was counted in one window of time; a later window begins anew in the same row."""

    name = models.CharField(primary_key=True, max_length=200)
    since_s = models.BigIntegerField(help_text="When the window began, in UTC seconds")
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"
