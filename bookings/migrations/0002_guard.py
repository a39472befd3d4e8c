"""The database refuses overlapping claims."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from bookings.models import guard


def install(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    guard.install(editor.connection)


def remove(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    guard.remove(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_tables")]

    operations = [migrations.RunPython(install, remove)]
