"""Reads a gateway's container by one command: the mounted files, and the processes that serve requests.

The command needs a shell, sha256sum, readlink, stat and date, which every image with a shell has. Titles and start
times of processes are read from /proc.
"""

import re
from dataclasses import dataclass

from gatewayctl.domain.errors import Transient
from gatewayctl.gateways.product import OnSignal

NEEDS = "the gateway's container needs sh, sha256sum, readlink, stat and date; gateway.container names another one"
"""The hint where a probe fails."""

_TICKS = 100  # per second, the unit of start times in /proc on every Linux
_CLOCK_ERROR = 2.0  # seconds; both times, of the sync and of a process's start, are cut to whole seconds
_LINE = re.compile(r"process (\d+) (\d+) (\d+) (.*)")
_DIGEST = re.compile(r"\\?([0-9a-f]{64}) [ *](.*)")

_PROBE = r"""
folder=$1 first=$2 worker=$3
shift 3
sha256sum "$@"
printf 'came %s %s\n' "$(stat -c %Y "$folder/..data")" "$(readlink "$folder/..data")"
read -r up _ </proc/uptime
printf 'now %s %s\n' "$(date +%s)" "$up"
for one in /proc/[0-9]*; do
    stat= title=
    { IFS= read -r stat <"$one/stat"; IFS= read -r title <"$one/cmdline"; } 2>/dev/null
    case $title in
    "$first"* | "$worker"*)
        set -- ${stat##*) }
        printf 'process %s %s %s %s\n' "${one#/proc/}" "$2" "${20}" "$title"
        ;;
    esac
done
:
"""

_RELOAD = r"""
signal=$1 first=$2
shift 2
"$@" && kill -s "$signal" "$first"
"""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its pid, and its start in ticks since the machine started. Together they are never used again."""

    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What one probe of a container found.

    `digests` are the SHA-256 of the files, in the order of the command. `version` is the kubelet's own name of what it
    mounted last. `firsts` are pid and title of each master process, `workers` the processes that take new requests;
    `leaving` counts those that only finish old requests. `fresh`: all workers were started after the last mount.
    """

    digests: tuple[str, ...]
    version: str
    firsts: tuple[tuple[int, str], ...]
    workers: frozenset[Process]
    leaving: int
    fresh: bool


def probe_command(folder: str, files: tuple[str, ...], how: OnSignal) -> tuple[str, ...]:
    """The command whose output `parse_probe` reads; `files` are mounted in `folder`."""
    return ("sh", "-c", _PROBE, "sh", folder, how.master_title, how.worker_title, *files)


def reload_command(first: tuple[int, str], how: OnSignal) -> tuple[str, ...]:
    """The command that checks the files, and signals the master process (pid, title) to load them if they are valid."""
    pid, title = first
    return ("sh", "-c", _RELOAD, "sh", how.signal.removeprefix("SIG"), str(pid), *how.config_test(title))


def parse_probe(output: str, files: tuple[str, ...], how: OnSignal) -> ContainerState:
    """The state in the output of `probe_command`. Raises Transient when a part of it is missing."""
    digests: dict[str, str] = {}
    facts: dict[str, list[str]] = {}
    processes: list[tuple[int, int, int, str]] = []
    for line in output.splitlines():
        if match := _LINE.fullmatch(line):
            processes.append((int(match[1]), int(match[2]), int(match[3]), match[4].strip()))
        elif match := _DIGEST.fullmatch(line):
            digests[match[2]] = match[1]
        elif fields := line.split():
            facts[fields[0]] = fields[1:]
    try:
        came, version = int(facts["came"][0]), facts["came"][1]
        now, up = int(facts["now"][0]), float(facts["now"][1])
    except (KeyError, IndexError, ValueError) as fault:
        raise Transient(f"its container said {output[:200]!r}", hint=NEEDS) from fault
    firsts = tuple((pid, title) for pid, _, _, title in processes if title.startswith(how.master_title))
    masters = {pid for pid, _ in firsts}
    workers = frozenset(
        Process(pid, start)
        for pid, parent, start, title in processes
        if parent in masters and title == how.worker_title
    )
    started = [now - (up - one.start / _TICKS) for one in workers]
    return ContainerState(
        digests=tuple(digests.get(file, "") for file in files),
        version=version,
        firsts=firsts,
        workers=workers,
        leaving=sum(parent in masters and title == how.draining_title for _, parent, _, title in processes),
        fresh=bool(started) and min(started) > came + _CLOCK_ERROR,
    )
