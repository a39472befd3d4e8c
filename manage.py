#!/usr/bin/env python
"""Command line of Convene: `python manage.py up` starts everything."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run `pip install -e .` first.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
