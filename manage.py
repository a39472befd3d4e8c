#!/usr/bin/env python
"""Command line of Convene: `python manage.py up` starts everything.

Every command takes `--data DIR`: where the database and the keys are.
"""

import os
import sys


def main():
    if sys.version_info < (3, 11):
        sys.exit(f"Convene needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    arguments = take_data_folder(sys.argv)
    try:
        from django.core.management import execute_from_command_line

        from config.keys import Unusable
    except ModuleNotFoundError as error:
        sys.exit(not_installed(error))
    try:
        execute_from_command_line(arguments)
    except Unusable as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        sys.exit(not_installed(error))


def take_data_folder(arguments):
    """Without `--data DIR`, which has to be known before the settings are read: it becomes CONVENE_DATA."""
    rest = []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, folder = argument.partition("=")
        if name != "--data":
            rest.append(argument)
            continue
        folder = folder if equals else next(waiting, "")
        if not folder:
            sys.exit("--data needs a folder, as in `--data /srv/convene`.")
        os.environ["CONVENE_DATA"] = folder
    return rest


def not_installed(error):
    """What to do about a missing package; an import error of our own is raised again."""
    if (error.name or "").split(".")[0] in ("bookings", "config", "providers"):
        raise error
    return f"{error.name} is not installed here. Run `pip install -e .` first."


if __name__ == "__main__":
    main()
