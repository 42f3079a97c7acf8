"""Runs a locust load in a child process, and reads the figures that it writes."""

import json
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gatewayctl.adapters.smoke.child import (
    EventReader,
    Program,
    ProgramExit,
    prepare_folder,
    read_last_line,
    run_program,
)
from gatewayctl.domain.load_result import Cohort, Failure, FailureKind, LoadResult
from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.smoke import LoadRun, RunContext
from gatewayctl.domain.statistics import Histogram
from gatewayctl.ports import Tick

LOG, EVENTS, RESULT = "locust.log", "load-events.jsonl", "load.json"
_LARGEST_RESULT = 64 << 20  # bytes; far more than 100 names with 2,000 buckets in 3 cohorts
PORT = "5557"  # on which a master in a Pod listens; locust's default
_WORKERS_WAIT = "90"  # seconds that a master waits for its workers
_COHORTS = ("canary", "half-a", "half-b")
_STOP_TIMEOUT = 2  # seconds that a running task may take to end


@dataclass(frozen=True, slots=True)
class LocustOutput:
    """How locust ended, the figures that it wrote (JSON, empty when it wrote none), and the last line of its output."""

    ended: ProgramExit
    figures: str
    last_line: tuple[str, ...]

    def to_json(self) -> str:
        """As one line."""
        return json.dumps({"ended": asdict(self.ended), "figures": self.figures, "words": self.last_line})

    @classmethod
    def from_json(cls, text: str) -> "LocustOutput":
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        raw = parse_json(text)
        return cls(ProgramExit(**raw["ended"]), str(raw["figures"]), tuple(str(line) for line in raw["words"]))


def run_load(wanted: LoadRun, tick: Tick) -> LoadResult:
    """Run the load until it ends or its timeout is over; `tick` may raise to stop it. Raises EnvironmentFailed."""
    return result_of(run_locust(wanted, tick, _local_worker_options(wanted.workers) if wanted.workers else ()))


def run_locust(wanted: LoadRun, tick: Tick, part_options: tuple[str, ...]) -> LocustOutput:
    """Run locust. `part_options` are those of its part in a distributed run, if it is one. Raises EnvironmentFailed."""
    folder = prepare_folder(wanted.folder, (LOG, EVENTS, RESULT))
    program = Program(
        arguments=(
            *("-m", "gatewayctl.locust_plugin", "-f", wanted.file, "--headless", "--only-summary", *part_options),
            *(() if "--worker" in part_options else _mode_options(wanted)),
        ),
        run_context=RunContext(
            endpoints=wanted.endpoints,
            events=str(folder / EVENTS),
            result=str(folder / RESULT),
            users=wanted.users,
            workers=wanted.workers,
            pace=wanted.pace,
            arguments=(*_class_options(wanted), *wanted.args),
            classes=tuple(name for name, _ in wanted.classes),
        ),
        log=folder / LOG,
        timeout=wanted.limit,
    )
    events = EventReader(folder / EVENTS)
    progress = "starting"

    def watch() -> None:
        nonlocal progress
        for event in events.read_new():
            progress = _describe_progress(event) or progress
        tick(progress)

    ended = run_program(program, watch)
    return LocustOutput(ended, _read_figures(folder / RESULT), read_last_line(program.log))


def _mode_options(wanted: LoadRun) -> tuple[str, ...]:
    """Options that locust's workers do not get. The run time is not one of them: see child_process/load_pace.py."""
    return (
        *("-u", str(wanted.users), "-r", str(wanted.spawn_rate)),
        *("--stop-timeout", str(_STOP_TIMEOUT), "--host", wanted.endpoints.base_url),
        # Failed requests are judged here; so any other exit code than 0 is the locustfile's own, or a fault.
        *("--exit-code-on-error", "0"),
    )


def _class_options(wanted: LoadRun) -> tuple[str, ...]:
    each = [{"user_class_name": name, "fixed_count": count} for name, count in wanted.classes]
    return ("--config-users", json.dumps(each)) if each else ()


def _read_figures(path: Path) -> str:
    """The figures that the child wrote; empty when there are none, or they are too large to be right."""
    if not path.is_file() or path.stat().st_size > _LARGEST_RESULT:
        return ""
    return path.read_text()


def master_options(workers: int) -> tuple[str, ...]:
    """Options of locust's master: it waits for this number of workers, and adds up their counts."""
    return (
        "--master",
        "--master-bind-port",
        PORT,
        "--expect-workers",
        str(workers),
        "--expect-workers-max-wait",
        _WORKERS_WAIT,
    )


def worker_options(host: str) -> tuple[str, ...]:
    """Options of a worker for the master at `host`. The master reports failures, so a worker ends with exit code 0."""
    return ("--worker", "--master-host", host, "--master-port", PORT, "--exit-code-on-error", "0")


def _local_worker_options(workers: int) -> tuple[str, ...]:
    """Options of the distributed mode on this machine: locust starts its workers itself, in its own process group."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    bind = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    return ("--processes", str(workers), *bind, "--master-host", "127.0.0.1", "--master-port", port)


def _describe_progress(event: Mapping[str, Any]) -> str:
    match event:
        case {
            "kind": "load",
            "users": int(users),
            "canary": [int(canary), int(canary_errors)],
            "stable": [int(stable), int(stable_errors)],
        }:
            return f"{users} users, {canary} + {stable} requests, {canary_errors} + {stable_errors} errors"
    return ""


def result_of(done: LocustOutput) -> LoadResult:
    """The result of a load from locust's output; without valid figures, the result of a run that broke."""
    return _parse_result(done) or _broken_result(done.ended, done.last_line)


def _parse_result(done: LocustOutput) -> LoadResult | None:
    try:
        raw = parse_json(done.figures)
        cohorts = {name: _parse_cohort(cohort) for name, cohort in raw["lanes"].items()}
        canary, *halves = (_sum(cohorts[name].values()) for name in _COHORTS)
        by_cohort = {name: [cohorts[cohort].get(name, Cohort()) for cohort in _COHORTS] for name in _names(cohorts)}
        return LoadResult(
            stable=_sum(halves),
            canary=canary,
            halves=(halves[0], halves[1]),
            misrouted=int(raw["misrouted"]),
            unknown=int(raw["unknown"]),
            seconds=float(raw["seconds"]),
            exit_code=done.ended.exit_code,
            by_name={name: (_sum(halves_), canary_) for name, (canary_, *halves_) in by_cohort.items()},
            failures=tuple(Failure(FailureKind(kind), str(detail)) for kind, detail in raw["failures"]),
            timed_out=done.ended.timed_out,
            unnamed=int(raw.get("unnamed", 0)),
            own_exit=int(raw.get("own_exit", 0)),
            events=_parse_events(raw.get("events", {})),
            strays=int(raw.get("strays", 0)),
            halves_by_name={name: (a, b) for name, (_, a, b) in by_cohort.items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _parse_cohort(requests_by_name: Mapping[str, Any]) -> dict[str, Cohort]:
    return {
        name: Cohort(int(requests), int(errors), Histogram({int(bucket): int(n) for bucket, n in times.items()}))
        for name, (requests, errors, times) in requests_by_name.items()
    }


def _parse_events(raw: Mapping[str, Any]) -> dict[str, tuple[Cohort, Cohort]]:
    """What users reported themselves, by name: of stable's users, of the canary's."""
    counts = {name: [_parse_counts(raw[cohort].get(name)) for cohort in _COHORTS] for name in _names(raw)}
    return {name: (_sum(halves), canary) for name, (canary, *halves) in counts.items()}


def _parse_counts(raw: Any) -> Cohort:
    return Cohort(int(raw[0]), int(raw[1])) if raw else Cohort()


def _names(by_cohort: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return sorted({name for cohort in by_cohort.values() for name in cohort})


def _sum(cohorts: Any) -> Cohort:
    total = Cohort()
    for one in cohorts:
        total = Cohort(total.requests + one.requests, total.errors + one.errors, total.latency + one.latency)
    return total


def _broken_result(ended: ProgramExit, last_words: tuple[str, ...]) -> LoadResult:
    nothing = Cohort()
    return LoadResult(
        stable=nothing,
        canary=nothing,
        halves=(nothing, nothing),
        misrouted=0,
        unknown=0,
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        failures=tuple(Failure(FailureKind.RUN, line) for line in last_words),
        timed_out=ended.timed_out,
    )
