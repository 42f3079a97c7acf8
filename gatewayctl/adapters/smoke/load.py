"""Runs a locust load in a child process and reads the figures it wrote."""

import json
import math
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewayctl.adapters.smoke.child import Ended, Events, Program, fresh_folder, last_words, run
from gatewayctl.domain.smoke import Cohort, Errand, LoadResult, LoadRun
from gatewayctl.domain.statistics import Histogram
from gatewayctl.ports import Tick

LOG, EVENTS, RESULT = "locust.log", "load-events.jsonl", "load.json"
_LARGEST_RESULT = 64 << 20  # bytes; 100 names with 2,000 buckets in 3 cohorts stay far below
_STOP = 2  # seconds that a task in progress may take to end


def run_load(wanted: LoadRun, tick: Tick) -> LoadResult:
    """Run it to its end, or to its timeout; `tick` may raise to stop it. Raises EnvironmentFailed."""
    folder = fresh_folder(wanted.folder, (LOG, EVENTS, RESULT))
    duration = max(1, math.ceil(wanted.duration))
    program = Program(
        arguments=(
            *("-m", "gatewayctl.locust_plugin", "-f", wanted.file, "--headless", "--only-summary"),
            *("-u", str(wanted.users), "-r", str(wanted.spawn_rate), "-t", f"{duration}s"),
            *("--stop-timeout", str(_STOP), "--host", wanted.entrance.urls[0]),
            *(_shared(wanted.workers) if wanted.workers else ()),
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
    return _result(ended, folder / RESULT) or _broken(ended, last_words(program.log))


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


def _result(ended: Ended, path: Path) -> LoadResult | None:
    """What the child wrote, or None when it wrote nothing that makes sense: then the run broke."""
    if not path.is_file() or path.stat().st_size > _LARGEST_RESULT:
        return None
    try:
        raw = json.loads(path.read_text())
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
            exit_code=ended.exit_code,
            by_name={name: _versions(lanes, name) for name in names},
            failures=tuple(str(text) for text in raw["failures"]),
            timed_out=ended.timed_out,
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
