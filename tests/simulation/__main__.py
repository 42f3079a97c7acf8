"""The command line: python -m tests.simulation --seed 0 --count 1000000; one schedule is printed step by step."""

import argparse
import sys
import time
from collections.abc import Callable

from tests.simulation.campaign import Campaign, play_on_all_cores
from tests.simulation.draws import Draws, ForcedDrawError
from tests.simulation.schedule import play


def main(arguments: list[str]) -> int:
    """Play what is asked for; 0 when every invariant held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Releases in a simulated world.")
    parser.add_argument("--seed", type=int, default=0, help="the first schedule (default: 0)")
    parser.add_argument("--count", type=_positive, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--force", type=Draws.parse_forced, default={}, help='"DRAW=OUTCOME; …", with --count 1')
    parser.add_argument("--draws", action="store_true", help="print the name and outcome of each draw, with --count 1")
    given = parser.parse_args(arguments)
    if given.count == 1:
        return _one(given.seed, given.force, show_draws=given.draws)
    if given.force or given.draws:
        parser.error("--force and --draws need --count 1")
    return _many(range(given.seed, given.seed + given.count))


def _one(seed: int, forced: dict[str, object], *, show_draws: bool) -> int:
    try:
        result = play(seed, forced=forced, trace=True)
    except ForcedDrawError as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    if show_draws:
        sys.stdout.write("".join(f"{name} = {outcome}\n" for name, outcome in (result.draws.drawn or {}).items()))
    sys.stdout.write(result.story + "\n")
    return int(result.broken is not None)


def _many(seeds: range) -> int:
    found = play_on_all_cores(seeds, _progress(len(seeds)))
    sys.stderr.write("\n")
    sys.stdout.write("".join(f"{count:>12}  {what}\n" for what, count in sorted(found.tally.counts.items())))
    for seed, broken in sorted(found.broken.items()):
        sys.stdout.write(f"seed {seed}: {broken}\n")
    if found.broken:
        sys.stdout.write(f"\n{found.story}\n")
    sys.stdout.write(f"{found.count} schedules, {len(found.broken)} broken\n")
    return int(bool(found.broken))


def _progress(total: int) -> Callable[[Campaign], None]:
    start = time.monotonic()
    known: set[int] = set()

    def tell(so_far: Campaign) -> None:
        for seed in so_far.broken.keys() - known:  # at once: a long run may be ended before its end
            known.add(seed)
            sys.stderr.write(f"\nseed {seed}: {so_far.broken[seed]}\n")
        rate = so_far.count / (time.monotonic() - start)
        left = (total - so_far.count) / rate
        broken = f", {len(so_far.broken)} broken" if so_far.broken else ""
        sys.stderr.write(f"\r{so_far.count} of {total}, {rate:.0f} a second, {left:.0f} s left{broken}   ")
        sys.stderr.flush()

    return tell


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
