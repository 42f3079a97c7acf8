"""The command line: python -m bench [here|cluster|all] [--only NAME] [--size quick|usual|full] [--output FILE]."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.catalogue import BENCHMARKS, Benchmark, Place
from bench.measuring import Broken, progress
from bench.record import document, figure_of, machine, row
from bench.size import SIZES
from bench.table import ratio, shown, table
from gatewayctl.domain.errors import EnvironmentFailed, ExitCode, GatewayctlError
from tests.cluster.host import Host, check, this_host
from tests.cluster.place import ENTERED

RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str], host: Host | None = None) -> int:
    """Measure what is asked, show it, keep it. 1 when a benchmark could not do its work, 3 for --judge and a miss."""
    given = _parser().parse_args(arguments)
    facts = machine()
    noise = facts["noise"]
    sys.stderr.write(
        f"{facts['cores']} cores, Python {facts['python']}, load {facts['load'][0]:.1f}; "
        f"noise: a fixed loop takes {shown(noise['p50'], 's')}, P95 {shown(noise['p95'], 's')}\n"
    )
    rows, skipped, broken = _measured(given, host or this_host())
    output = given.output or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document(facts, rows, skipped), indent=1, ensure_ascii=False) + "\n")
    if not given.quiet:
        _show(rows, skipped, output)
    if broken:
        return ExitCode.BUG
    return ExitCode.REJECTED if given.judge and any(one["missed"] for one in rows) else ExitCode.DONE


def _show(rows: list[dict[str, Any]], skipped: list[dict[str, str]], output: Path) -> None:
    sys.stdout.write(table([figure_of(one) for one in rows]) if rows else "")
    sys.stdout.flush()
    sys.stderr.write(f"all values: {output}\n")
    for one in rows:
        sys.stderr.write("".join(f"missed: {one['name']}: {words}\n" for words in one["missed"]))
    for one in skipped:
        sys.stderr.write(f"\nSKIPPED {one['what']}: {one['why']}\nto measure it: {one['try']}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=sys.modules["bench"].__doc__)
    parser.add_argument("where", nargs="?", choices=[*Place, "all"], default="all", help="what to run (default: all)")
    names = [one.name for one in BENCHMARKS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--size", choices=SIZES, default="usual", help="how much is measured (default: usual)")
    parser.add_argument("--output", type=Path, help="where the JSON goes (default: bench/results/)")
    parser.add_argument("--name", default="bench", help="the cluster that is made for it (default: bench)")
    parser.add_argument("--quiet", action="store_true", help="no table, only the JSON and progress")
    parser.add_argument("--judge", action="store_true", help="exit with 3 when a target is missed")
    return parser


def _measured(given: argparse.Namespace, host: Host) -> tuple[list[dict[str, Any]], list[dict[str, str]], list[str]]:
    """The rows, what was skipped, and which benchmarks broke."""
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    broken: list[str] = []
    wanted = [one for one in BENCHMARKS if not given.only or one.name in given.only]
    here = [one for one in wanted if one.place is Place.HERE]
    there = [one for one in wanted if one.place is Place.CLUSTER]
    if given.where in (Place.HERE, "all"):
        _run(here, given.size, rows, broken)
    if given.where in (Place.CLUSTER, "all") and there:
        try:
            if not os.environ.get(ENTERED):
                check(host)
            _run_in_cluster(there, given, rows, broken)
        except EnvironmentFailed as fault:
            what = ", ".join(one.name for one in there)
            skipped.append({"what": what, "why": str(fault), "try": fault.hint})
    return rows, skipped, broken


def _run(wanted: list[Benchmark], size: str, rows: list[dict[str, Any]], broken: list[str]) -> None:
    for one in wanted:
        sys.stderr.write(f"{one.name}\n")
        try:
            for figure in one.run(SIZES[size]):
                rows.append(row(one.name, figure))
                progress(f"{figure.name}: {shown(figure.ours.median, figure.unit)}, {ratio(figure.ratio)}")
        except (Broken, GatewayctlError, subprocess.TimeoutExpired) as fault:
            broken.append(one.name)
            sys.stderr.write(f"BROKEN {one.name}: {fault}\n")


def _run_in_cluster(
    wanted: list[Benchmark], given: argparse.Namespace, rows: list[dict[str, Any]], broken: list[str]
) -> None:
    """Here if this is inside a cluster, else inside one made for it."""
    if os.environ.get(ENTERED):
        _run(wanted, given.size, rows, broken)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "cluster.json"
        only = [word for one in wanted for word in ("--only", one.name)]
        inner = ["-m", "bench", "cluster", "--quiet", "--size", given.size, "--output", str(found), *only]
        argv = ["-m", "tests.cluster", "run", "--name", given.name, "--", sys.executable, *inner]
        code = _ended([sys.executable, *argv])
        if found.exists():
            rows += json.loads(found.read_text())["figures"]
        if code:
            broken.append("cluster")


def _ended(argv: list[str]) -> int:
    """The exit code of a command that is never left behind: what it has started, only it can take down."""
    with subprocess.Popen(argv) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.stderr.write("ended, and all that was started for it\n")
        sys.exit(128 + signal.SIGINT)
