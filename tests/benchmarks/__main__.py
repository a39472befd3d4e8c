"""python -m tests.benchmarks [name …]: measures side by side in one run and prints ratios. Not part of the tests."""

from __future__ import annotations

import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.benchmarks import contention, lists, recurrence, rows, select_page, slots, throughput

    known = {
        "slots": slots,
        "rows": rows,
        "recurrence": recurrence,
        "page": select_page,
        "lists": lists,
        "contention": contention,
        "push": throughput,
    }
    for name in sys.argv[1:] or known:
        print(f"── {name}")
        known[name].run()


main()
