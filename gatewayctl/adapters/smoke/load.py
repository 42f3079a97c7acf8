"""Runs a locust load in a child process and reads the figures it wrote."""

import json
import math
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gatewayctl.adapters.smoke.child import Ended, Events, Program, fresh_folder, last_words, run
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.smoke import Cohort, Errand, LoadResult, LoadRun
from gatewayctl.domain.statistics import Histogram
from gatewayctl.ports import Tick

LOG, EVENTS, RESULT = "locust.log", "load-events.jsonl", "load.json"
_LARGEST_RESULT = 64 << 20  # bytes; 100 names with 2,000 buckets in 3 cohorts stay far below
PORT = "5557"  # where a master in a Pod of its own listens; locust's usual one
_WAIT = "90"  # seconds that a master waits for its workers
_STOP = 2  # seconds that a task in progress may take to end


@dataclass(frozen=True, slots=True)
class Ran:
    """How locust ended, the figures that it wrote (as JSON, or nothing), the last line of its output."""

    ended: Ended
    figures: str
    words: tuple[str, ...]

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Ran":
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        raw = parse_json(text)
        return cls(Ended(**raw["ended"]), str(raw["figures"]), tuple(str(word) for word in raw["words"]))


def run_load(wanted: LoadRun, tick: Tick) -> LoadResult:
    """Run it to its end, or to its timeout; `tick` may raise to stop it. Raises EnvironmentFailed."""
    return result_of(ran(wanted, tick, _shared(wanted.workers) if wanted.workers else ()))


def ran(wanted: LoadRun, tick: Tick, part: tuple[str, ...]) -> Ran:
    """Run locust with the options of its `part` in a distributed run. Raises EnvironmentFailed."""
    folder = fresh_folder(wanted.folder, (LOG, EVENTS, RESULT))
    program = Program(
        arguments=(
            *("-m", "gatewayctl.locust_plugin", "-f", wanted.file, "--headless", "--only-summary", *part),
            *(() if "--worker" in part else _pace(wanted)),
        ),
        errand=Errand(
            entrance=wanted.entrance,
            events=str(folder / EVENTS),
            result=str(folder / RESULT),
            users=wanted.users,
            workers=wanted.workers,
        ),
        log=folder / LOG,
        timeout=wanted.duration + wanted.timeout,
    )
    events = Events(folder / EVENTS)
    progress = "starting"

    def watch() -> None:
        nonlocal progress
        for event in events.new():
            progress = _progress(event) or progress
        tick(progress)

    ended = run(program, watch)
    return Ran(ended, _read(folder / RESULT), last_words(program.log))


def _pace(wanted: LoadRun) -> tuple[str, ...]:
    duration = max(1, math.ceil(wanted.duration))
    return (
        *("-u", str(wanted.users), "-r", str(wanted.spawn_rate), "-t", f"{duration}s"),
        *("--stop-timeout", str(_STOP), "--host", wanted.entrance.urls[0]),
    )


def _read(path: Path) -> str:
    """What the child wrote; nothing where it wrote nothing, or more than makes sense."""
    if not path.is_file() or path.stat().st_size > _LARGEST_RESULT:
        return ""
    return path.read_text()


def master(workers: int) -> tuple[str, ...]:
    """The part of who waits for so many workers from elsewhere, and adds up what they count."""
    return (
        "--master",
        "--master-bind-port",
        PORT,
        "--expect-workers",
        str(workers),
        "--expect-workers-max-wait",
        _WAIT,
    )


def worker(host: str) -> tuple[str, ...]:
    """The part of who sends requests for the master at `host`. What fails is the master's to tell."""
    return ("--worker", "--master-host", host, "--master-port", PORT, "--exit-code-on-error", "0")


def _shared(workers: int) -> tuple[str, ...]:
    """Locust's distributed mode on this machine: it forks its workers itself, and they stay in its process group."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    bind = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    return ("--processes", str(workers), *bind, "--master-host", "127.0.0.1", "--master-port", port)


def _progress(event: Mapping[str, Any]) -> str:
    match event:
        case {
            "kind": "load",
            "users": int(users),
            "canary": [int(canary), int(canary_errors)],
            "stable": [int(stable), int(stable_errors)],
        }:
            return f"{users} users, {canary} + {stable} requests, {canary_errors} + {stable_errors} errors"
    return ""


def result_of(done: Ran) -> LoadResult:
    """What locust counted; without figures that make sense the run broke."""
    return _result(done) or _broken(done.ended, done.words)


def _result(done: Ran) -> LoadResult | None:
    try:
        raw = parse_json(done.figures)
        lanes = {name: _entries(lane) for name, lane in raw["lanes"].items()}
        canary, *halves = (_sum(lanes[name].values()) for name in ("canary", "half-a", "half-b"))
        names = sorted({name for lane in lanes.values() for name in lane})
        return LoadResult(
            stable=_sum(halves),
            canary=canary,
            halves=(halves[0], halves[1]),
            misrouted=int(raw["misrouted"]),
            unknown=int(raw["unknown"]),
            seconds=float(raw["seconds"]),
            exit_code=done.ended.exit_code,
            by_name={name: _versions(lanes, name) for name in names},
            failures=tuple(str(text) for text in raw["failures"]),
            timed_out=done.ended.timed_out,
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _entries(lane: Mapping[str, Any]) -> dict[str, Cohort]:
    return {
        name: Cohort(int(requests), int(errors), Histogram({int(bucket): int(n) for bucket, n in times.items()}))
        for name, (requests, errors, times) in lane.items()
    }


def _versions(lanes: Mapping[str, Mapping[str, Cohort]], name: str) -> tuple[Cohort, Cohort]:
    """Stable and canary of one request name."""
    stable = _sum(lanes[half].get(name, Cohort()) for half in ("half-a", "half-b"))
    return stable, lanes["canary"].get(name, Cohort())


def _sum(cohorts: Any) -> Cohort:
    total = Cohort()
    for one in cohorts:
        total = Cohort(total.requests + one.requests, total.errors + one.errors, total.latency + one.latency)
    return total


def _broken(ended: Ended, last_words: tuple[str, ...]) -> LoadResult:
    nothing = Cohort()
    return LoadResult(
        stable=nothing,
        canary=nothing,
        halves=(nothing, nothing),
        misrouted=0,
        unknown=0,
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        failures=last_words,
        timed_out=ended.timed_out,
    )
