"""Compares every kind of rotation with a clock on the wall, in every time zone, over some years.

The clock is watched minute by minute (content/tests/rotation_oracle.py). A rule is also left alone
for 1 hour to 40 days, and must then say at once where it would have been.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo, available_timezones

from content.tests.rotation_zones import differences


def compare(name: str, year: int, years: int) -> tuple[int, list[str]]:
    return differences(ZoneInfo(name), year, years)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="script/check-zones",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    this_year = datetime.now(UTC).year
    parser.add_argument("--year", type=int, default=this_year, help="the first (%(default)s)")
    parser.add_argument("--years", type=int, default=2, help="how many (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (%(default)s)")
    parser.add_argument("zones", nargs="*", metavar="ZONE", help="all, if none is named")
    options = parser.parse_args()
    unknown = sorted(set(options.zones) - available_timezones())
    if unknown:
        parser.error(f"no such time zone: {', '.join(unknown)}")
    if not (1970 <= options.year <= 2200 and 1 <= options.years <= 20 and options.jobs >= 1):
        parser.error("1 to 20 years from 1970 to 2200, with at least one process")
    names = options.zones or sorted(available_timezones())
    last = options.year + options.years - 1
    print(f"check-zones: {len(names)} time zones, {options.year} to {last}", flush=True)
    started = time.monotonic()
    boundaries, differing = 0, 0
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(compare, year=options.year, years=options.years)
        for done, (name, (compared, lines)) in enumerate(
            zip(names, pool.map(work, names), strict=True), start=1
        ):
            boundaries += compared
            differing += bool(lines)
            for line in lines:
                print(f"DIFFERS {line}", flush=True)
            if done % 50 == 0 or done == len(names):
                seconds = time.monotonic() - started
                print(f"{done:4d} of {len(names)} zones, {seconds:.0f} s, last {name}", flush=True)
    if differing:
        print(f"check-zones: FAILED: {differing} of {len(names)} zones differ", file=sys.stderr)
        return 1
    print(f"check-zones: passed: {len(names)} zones, {boundaries:,} rotations, none differs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
