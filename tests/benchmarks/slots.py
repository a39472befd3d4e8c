"""Slots against the C limit program on the same input, and from SQL rows against rows in memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bookings.engine import hours, slots
from bookings.formats.slot_list import to_json

HERE = Path(__file__).parent


def median_us(work: Callable[[], Any], seconds: float = 1.0) -> float:
    """The median of repeated runs, in microseconds, after one warm-up."""
    work()
    times, stop = [], time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times) < 5:
        begin = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - begin)
    return statistics.median(times) / 1000


class Workload:
    """One seeded input for both programs."""

    def __init__(self, folder: Path, *, many: int, busy: int = 200, zones: str = "Europe/Berlin") -> None:
        self.flat = folder / f"{many}-{busy}.txt"
        spec = folder / f"{many}-{busy}.json"
        command = [sys.executable, str(HERE / "workload.py"), "slots", "--hosts", str(many), "--busy", str(busy)]
        subprocess.run([*command, "--tz", zones, "--out", spec, "--flat", self.flat], check=True)
        self.given = json.loads(spec.read_text())
        lo, hi = self.given["window"]
        self.lo, self.hi = lo * 60, hi * 60
        self.grid = slots.Grid(self.given["duration"] * 60, self.given["frequency"] * 60)

    def busy(self) -> list[list[tuple[int, int]]]:
        return [[(s * 60, e * 60) for s, e in host["busy"]] for host in self.given["hosts"]]

    def weekly(self, host: dict[str, Any]) -> hours.WeeklyHours:
        return tuple(
            tuple((rule["start"], rule["end"]) for rule in host["working"] if day in rule["days"])
            for day in range(1, 8)
        )

    def times(self, busy: list[list[tuple[int, int]]]) -> list[slots.HostTime]:
        return [
            slots.HostTime(hours.open_intervals(host["tz"], self.weekly(host), self.lo, self.hi), taken, host["tz"])
            for host, taken in zip(self.given["hosts"], busy, strict=True)
        ]

    def starts(self, mode: str, busy: list[list[tuple[int, int]]]) -> list[int]:
        times = self.times(busy)
        if mode == "rr":
            return [start for start, _ in slots.any_of(times, self.grid, self.lo, self.hi)]
        return slots.all_of(times, self.grid, self.lo, self.hi)

    def c(self, program: Path, mode: str) -> tuple[float, set[int]]:
        """The C program's time in microseconds ("runs") and its slots."""
        dump = self.flat.with_suffix(".out")
        ran = subprocess.run([program, self.flat, mode, "300", dump], check=True, capture_output=True, text=True)
        told = next(json.loads(line) for line in ran.stdout.splitlines() if "c_runs" in line)
        return told["median_us"], {int(line) * 60 for line in dump.read_text().split()}


def compile_c(folder: Path) -> Path:
    program = folder / "limit_slots"
    subprocess.run(["gcc", "-O2", "-o", program, HERE / "limit_slots.c"], check=True, capture_output=True)
    return program


def run() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = compile_c(folder)
        for many, mode in ((1, "single"), (100, "collective"), (100, "rr")):
            load = Workload(folder, many=many)
            busy = load.busy()
            c_us, expected = load.c(program, mode)
            assert set(load.starts(mode, busy)) == expected, "not the same slots"
            ours = median_us(lambda load=load, mode=mode, busy=busy: to_json(load.starts(mode, busy), "Europe/Berlin"))
            bare = median_us(lambda load=load, mode=mode, busy=busy: load.starts(mode, busy))
            print(
                f"slots in memory, {many:>3} hosts x 200 busy, {mode:<10} {ours:9.1f} us to JSON ({bare:.1f} us starts)"
                f"   C {c_us:7.1f} us   {ours / c_us:5.1f}x   {len(expected)} slots"
            )


if __name__ == "__main__":
    run()
