"""Many schedules, one after the other or on every core, and what they had in common."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.schedule import play, write_story
from tests.simulation.tally import Tally

_CHUNK = 250  # schedules; a few seconds of one core
_PLAYED: dict[range, "Campaign"] = {}
_MAX_BROKEN = 10  # broken schedules after which there is nothing more to learn


@dataclass(slots=True)
class Campaign:
    """What became of a number of schedules: `broken` holds the seeds that found something, with what it was."""

    count: int = 0
    tally: Tally = field(default_factory=Tally)
    broken: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Campaign") -> None:
        """Count these as well."""
        self.count += other.count
        self.tally.counts.update(other.tally.counts)
        self.broken.update(other.broken)

    @property
    def story(self) -> str:
        """Every step of the first broken schedule; empty when there is none."""
        return write_story(min(self.broken)) if self.broken else ""


def campaign(seeds: range) -> Campaign:
    """These schedules, here and now. An error that is nobody's fault names its seed."""
    found = Campaign()
    for seed in seeds:
        try:
            one = play(seed)
        except Exception as bug:
            bug.add_note(f"seed {seed}; again: make simulate SEED={seed} N=1")
            raise
        found.count += 1
        found.tally.counts.update(one.tally.counts)
        if one.broken:
            found.broken[seed] = str(one.broken)
    return found


def play_known(seeds: range) -> Campaign:
    """The same, but schedules that this Python process has played are not played again."""
    whole = Campaign()
    for part in chunks(seeds):
        whole.add(_PLAYED.get(part) or _PLAYED.setdefault(part, campaign(part)))
    return whole


def play_on_all_cores(seeds: range, report: Callable[[Campaign], None]) -> Campaign:
    """The same on every core; `report` is called after every few schedules. Stops after some broken ones."""
    whole = Campaign()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for part in pool.imap_unordered(campaign, chunks(seeds)):
            whole.add(part)
            report(whole)
            if len(whole.broken) >= _MAX_BROKEN:
                break
    return whole


def chunks(seeds: range) -> list[range]:
    """These seeds, a few seconds' worth at a time."""
    return [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
