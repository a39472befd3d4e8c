#!/usr/bin/env python3
"""Deterministic scheduling workloads as JSON (stdlib only).

One command each:
  python workload.py slots --hosts 10 --busy 200 --tz Europe/Berlin --out w.json [--flat w.txt]
  python workload.py recurring --calendars 1000 --out r.json [--ics r_dir]

Same arguments + same --seed => byte-identical output.  Times are integer epoch MINUTES (UTC) unless
the key says "local".  The slot window (30 days from 2027-03-08T00:00Z) holds both the US (14 Mar) and
the EU (28 Mar) change to summer time.  Each day keeps one two-hour span in which nobody is ever busy, so
that even 100 collective hosts have slots: an empty answer is always a bug of the program under test.

--flat writes the same slot workload as plain integers, for programs without a JSON reader:
  line 1: window_start window_end frequency duration n_hosts
  per host: n_offsets, then that many "utc_minute offset_minutes" (offset valid from that minute on);
            n_rules, then "weekday_mask(bit0=Mon) start_min end_min"; n_busy, then "start end".
"""

import argparse, json, os, random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WINDOW_START = datetime(2027, 3, 8, tzinfo=UTC)


def emin(dt):
    return int((dt - EPOCH).total_seconds()) // 60


def offsets(tz, lo, hi):
    """[(utc_minute, offset_min)...]: the offset at lo and every change before hi."""
    z = ZoneInfo(tz)
    off = lambda m: int((EPOCH + timedelta(minutes=m)).astimezone(z).utcoffset().total_seconds()) // 60
    out, cur = [[lo, off(lo)]], off(lo)
    for m in range(lo, hi, 60):
        if off(m) != cur:
            cur = off(m)
            out.append([m, cur])
    return out


def slots(a):
    r = random.Random(a.seed)
    w0 = emin(WINDOW_START)
    w1 = w0 + a.days * 1440
    tzs = a.tz.split(",")
    hosts = []
    for h in range(a.hosts):
        tz = tzs[h % len(tzs)]
        busy = []
        while len(busy) < a.busy:
            s = w0 + 5 * r.randrange(a.days * 288)
            d = r.choice((15, 30, 30, 45, 60) if a.busy <= 500 else (5, 10, 15, 20, 30))
            t, e = s % 1440, s % 1440 + d
            if t < 16 * 60 and e > 14 * 60:  # 14:00-16:00Z is kept free
                continue
            busy.append([s, s + d])
        for i in range(a.history):  # events long before the window: must cost ~nothing
            s = w0 - 1440 - 5 * r.randrange(5 * 365 * 288)
            busy.append([s - 30, s])
        rules = [
            {"days": [1, 2, 3, 4, 5], "start": 9 * 60, "end": 12 * 60 + 30},
            {"days": [1, 2, 3, 4, 5], "start": 13 * 60 + 30, "end": 17 * 60 + 30},
        ]
        if a.hosts > 1:  # shift each person a little, keep 14-16Z covered
            rules = [
                {"days": [1, 2, 3, 4, 5], "start": 9 * 60 - 30 * (h % 3), "end": 12 * 60 + 30},
                {"days": [1, 2, 3, 4, 5], "start": 13 * 60, "end": 17 * 60 + 30 + 30 * (h % 2)},
            ]
        hosts.append({"id": h + 1, "tz": tz, "working": rules, "busy": busy})
    return {
        "kind": "slots",
        "seed": a.seed,
        "window": [w0, w1],
        "frequency": a.frequency,
        "duration": a.duration,
        "hosts": hosts,
        "offsets": {t: offsets(t, w0 - 2880, w1 + 2880) for t in sorted(set(tzs))},
    }


def flat(w):
    o = ["%d %d %d %d %d" % (*w["window"], w["frequency"], w["duration"], len(w["hosts"]))]
    for h in w["hosts"]:
        t = w["offsets"][h["tz"]]
        o.append(str(len(t)))
        o += ["%d %d" % tuple(x) for x in t]
        o.append(str(len(h["working"])))
        o += ["%d %d %d" % (sum(1 << (d - 1) for d in x["days"]), x["start"], x["end"]) for x in h["working"]]
        o.append(str(len(h["busy"])))
        o += ["%d %d" % tuple(x) for x in h["busy"]]
    return "\n".join(o) + "\n"


DAYS = ["MO", "TU", "WE", "TH", "FR"]
TZS = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC"]


def recurring(a):
    """Calendars of series that began up to five years before the listed window (2027-03-01).

    Mix per calendar (10 series): 4 WEEKLY BYDAY, 2 DAILY, 2 MONTHLY (day / nth weekday), 2 single events.
    A third of the series carry EXDATEs, a quarter one moved occurrence, a quarter an UNTIL or COUNT.
    """
    r = random.Random(a.seed)
    base = datetime(2027, 3, 1)
    cals = []
    for c in range(a.calendars):
        tz = r.choice(TZS)
        evs = []
        for i in range(a.series):
            kind = ("W", "W", "W", "W", "D", "D", "M", "MN", "S", "S")[i % 10]
            start = base - timedelta(days=r.randrange(1, 5 * 365))
            if kind == "S":
                start = base + timedelta(days=r.randrange(-400, 400))
            start = start.replace(hour=r.randrange(7, 20), minute=r.choice((0, 15, 30, 45)))
            rr = None
            step = 1
            if kind == "W":
                by = sorted(r.sample(DAYS, r.randrange(1, 4)), key=DAYS.index)
                while DAYS[start.weekday() % 5] not in by or start.weekday() > 4:
                    start += timedelta(days=1)
                step = r.choice((1, 1, 1, 2))
                rr = "FREQ=WEEKLY;INTERVAL=%d;BYDAY=%s" % (step, ",".join(by))
            elif kind == "D":
                step = r.choice((1, 1, 2, 3))
                rr = "FREQ=DAILY;INTERVAL=%d" % step
            elif kind == "M":
                start = start.replace(day=r.randrange(1, 29))
                rr = "FREQ=MONTHLY;BYMONTHDAY=%d" % start.day
            elif kind == "MN":
                n = r.choice((1, 2, 3))
                d = start.replace(day=1)
                wd = r.randrange(5)
                d += timedelta(days=(wd - d.weekday()) % 7 + 7 * (n - 1))
                start = d
                rr = "FREQ=MONTHLY;BYDAY=%d%s" % (n, DAYS[wd])
            end_rule = r.random()
            if rr and end_rule < 0.15:
                rr += ";UNTIL=%s" % (start + timedelta(days=r.randrange(100, 2500))).strftime("%Y%m%dT000000Z")
            elif rr and end_rule < 0.25:
                rr += ";COUNT=%d" % r.randrange(5, 400)
            ex, ov = [], []
            if kind == "D" and r.random() < 0.33:
                ex = [start + timedelta(days=step * k) for k in sorted(r.sample(range(1, 600), 6))]
            if kind == "W" and r.random() < 0.33:
                ex = [start + timedelta(days=7 * step * k) for k in sorted(r.sample(range(1, 120), 4))]
            if kind in "DW" and end_rule >= 0.25 and r.random() < 0.33:  # open-ended series only: the moved day exists
                per = step if kind == "D" else 7 * step
                k = (base + timedelta(days=r.randrange(0, 40)) - start).days // per
                rid = start + timedelta(days=per * k)
                if rid > start and rid not in ex:
                    ov.append(
                        {
                            "recurrence_id_local": rid.isoformat(),
                            "start_local": (rid + timedelta(minutes=90)).isoformat(),
                        }
                    )
            evs.append(
                {
                    "uid": "s%d-%d@bench" % (c, i),
                    "start_local": start.isoformat(),
                    "minutes": r.choice((15, 30, 45, 60, 90)),
                    "rrule": rr,
                    "exdates_local": [x.isoformat() for x in ex],
                    "overrides": ov,
                }
            )
        cals.append({"id": c + 1, "tz": tz, "events": evs})
    return {
        "kind": "recurring",
        "seed": a.seed,
        "windows": {"1m": ["2027-03-01", "2027-04-01"], "6m": ["2027-03-01", "2027-09-01"]},
        "calendars": cals,
    }


def ics(cal):
    tz = cal["tz"]
    f = lambda s: datetime.fromisoformat(s).strftime("%Y%m%dT%H%M%S")
    tid = ":" if tz == "UTC" else ";TZID=%s:" % tz
    z = "Z" if tz == "UTC" else ""
    L = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//EN"]

    def ev(e, start, rid=None):
        L.extend(["BEGIN:VEVENT", "UID:" + e["uid"], "DTSTAMP:20220101T000000Z", "SUMMARY:Meeting " + e["uid"]])
        L.append("DTSTART%s%s%s" % (tid, f(start), z))
        L.append("DURATION:PT%dM" % e["minutes"])
        if rid:
            L.append("RECURRENCE-ID%s%s%s" % (tid, f(rid), z))
        else:
            if e["rrule"]:
                L.append("RRULE:" + e["rrule"])
            for x in e["exdates_local"]:
                L.append("EXDATE%s%s%s" % (tid, f(x), z))
        L.append("END:VEVENT")

    for e in cal["events"]:
        ev(e, e["start_local"])
        for o in e["overrides"]:
            ev(e, o["start_local"], o["recurrence_id_local"])
    L.append("END:VCALENDAR")
    return "\r\n".join(L) + "\r\n"


def main():
    p = argparse.ArgumentParser()
    sub = p.add_subparsers(dest="cmd", required=True)
    s = sub.add_parser("slots")
    s.add_argument("--hosts", type=int, default=1)
    s.add_argument("--busy", type=int, default=200)
    s.add_argument("--history", type=int, default=0, help="extra events per host over five past years")
    s.add_argument("--days", type=int, default=30)
    s.add_argument("--tz", default="Europe/Berlin", help="comma list, dealt to hosts in turn")
    s.add_argument("--frequency", type=int, default=30)
    s.add_argument("--duration", type=int, default=30)
    s.add_argument("--flat")
    r = sub.add_parser("recurring")
    r.add_argument("--calendars", type=int, default=1000)
    r.add_argument("--series", type=int, default=10)
    r.add_argument("--ics", help="folder for one .ics per calendar")
    for q in (s, r):
        q.add_argument("--seed", type=int, default=20270308)
        q.add_argument("--out", required=True)
    a = p.parse_args()
    w = slots(a) if a.cmd == "slots" else recurring(a)
    with open(a.out, "w") as f:
        json.dump(w, f, separators=(",", ":"))
    if a.cmd == "slots" and a.flat:
        with open(a.flat, "w") as f:
            f.write(flat(w))
    if a.cmd == "recurring" and a.ics:
        os.makedirs(a.ics, exist_ok=True)
        for c in w["calendars"]:
            with open(os.path.join(a.ics, "%05d.ics" % c["id"]), "w", newline="") as f:
                f.write(ics(c))


if __name__ == "__main__":
    main()
