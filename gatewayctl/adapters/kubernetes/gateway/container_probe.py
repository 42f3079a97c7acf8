"""One look into a gateway's container: the files as they are mounted, and the processes that serve.

A shell without more than sha256sum, readlink, stat and date does it, in one exec: that is in every image that has a
shell at all. What the processes say of themselves is in /proc.
"""

import re
from dataclasses import dataclass

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.product import OnSignal

NEEDS = "the gateway's container needs sh, sha256sum, readlink, stat and date; gateway.container names another one"
"""What to do where a look fails."""

_TICKS = 100  # a second, in what /proc says of any Linux
_SURELY = 2.0  # seconds after which a process that started cannot have read the files of before; clocks are cut to one
_LINE = re.compile(r"process (\d+) (\d+) (\d+) (.*)")
_DIGEST = re.compile(r"\\?([0-9a-f]{64}) [ *](.*)")

_SCRIPT = r"""
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

_TELL = r"""
signal=$1 first=$2
shift 2
"$@" && kill -s "$signal" "$first"
"""


@dataclass(frozen=True, slots=True)
class Process:
    """One process by its number and its start, in ticks since the machine's; together they name it for good."""

    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What one look saw.

    `digests` are the SHA-256 of the files in the order they were asked for, `version` is the kubelet's own name of
    what it mounted last. `fresh` says that all workers were started since, whoever had them started.
    """

    digests: tuple[str, ...]
    version: str
    firsts: tuple[tuple[int, str], ...]
    workers: frozenset[Process]
    leaving: int
    fresh: bool


def looking(folder: str, files: tuple[str, ...], how: OnSignal) -> tuple[str, ...]:
    """The command that looks: `files` are mounted in `folder`."""
    return ("sh", "-c", _SCRIPT, "sh", folder, how.master_title, how.worker_title, *files)


def probe_command(first: tuple[int, str], how: OnSignal) -> tuple[str, ...]:
    """The command that tries the files, and tells the first process to load them if they are sound."""
    pid, title = first
    return ("sh", "-c", _TELL, "sh", how.signal.removeprefix("SIG"), str(pid), *how.config_test(title))


def seen(out: str, files: tuple[str, ...], how: OnSignal) -> ContainerState:
    """What the look said. Raises EnvironmentFailed when that makes no sense."""
    digests: dict[str, str] = {}
    facts: dict[str, list[str]] = {}
    found: list[tuple[int, int, int, str]] = []
    for line in out.splitlines():
        if match := _LINE.fullmatch(line):
            found.append((int(match[1]), int(match[2]), int(match[3]), match[4].strip()))
        elif match := _DIGEST.fullmatch(line):
            digests[match[2]] = match[1]
        elif words := line.split():
            facts[words[0]] = words[1:]
    try:
        came, version = int(facts["came"][0]), facts["came"][1]
        now, up = int(facts["now"][0]), float(facts["now"][1])
    except (KeyError, IndexError, ValueError) as fault:
        raise EnvironmentFailed(f"its container said {out[:200]!r}", hint=NEEDS) from fault
    firsts = tuple((pid, title) for pid, _, _, title in found if title.startswith(how.master_title))
    ours = {pid for pid, _ in firsts}
    workers = frozenset(
        Process(pid, start) for pid, parent, start, title in found if parent in ours and title == how.worker_title
    )
    born = [now - (up - one.start / _TICKS) for one in workers]
    return ContainerState(
        digests=tuple(digests.get(file, "") for file in files),
        version=version,
        firsts=firsts,
        workers=workers,
        leaving=sum(parent in ours and title == how.draining_title for _, parent, _, title in found),
        fresh=bool(born) and min(born) > came + _SURELY,
    )
