"""What Prometheus is asked for: raw counters of both versions, and values of the team's own signals.

Queries name what they are about by placeholders, such as `$service`; each is filled once for stable and once for the
canary. Counters are asked for as they are, by a selector without any function: `rate` and `increase` extrapolate to
fractions, and a sum hides that one of its parts began again at 0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PLACES = ("alternative", "app", "namespace", "service", "stable", "version", "workload")
"""The placeholders. `service` is the version's upstream as the gateway names it, `stable` that of stable for both,
`workload` the version's Deployment, `version` the word stable or canary. `alternative` is how ingress-nginx names the
upstream of a canary Ingress, as a regular expression; it is empty for stable."""

_VERSIONED = frozenset({"alternative", "service", "version", "workload"})

_PLACE = re.compile(r"\$([A-Za-z]+)")
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_SELECTOR = re.compile(rf"[A-Za-z_:][\w:]*\s*(?:\{{(?:[^{{}}\"]|{_STRING})*\}})?")


@dataclass(frozen=True, slots=True)
class CounterQueries:
    """Selectors of counters; a part that is empty is not measured.

    `requests` counts requests, by a label `error_label` whose value says whether they failed: it then matches
    `error_values` as a whole. `earlier` counts attempts that failed before the last one and that `requests` leaves out.
    `seconds` sums durations, and `buckets` is their histogram; both are in milliseconds when `in_milliseconds`.
    """

    requests: str
    error_label: str
    error_values: str
    seconds: str = ""
    buckets: str = ""
    earlier: str = ""
    in_milliseconds: bool = False

    @property
    def parts(self) -> dict[str, str]:
        """The selectors that are there, by what they select."""
        found = {
            "requests": self.requests,
            "seconds": self.seconds,
            "buckets": self.buckets,
            "earlier": self.earlier,
        }
        return {name: text for name, text in found.items() if text}


@dataclass(frozen=True, slots=True)
class SignalQuery:
    """A signal of the team's own as PromQL, one value of the canary; `stable` asks for the same of stable, if any."""

    canary: str
    stable: str = ""


@dataclass(frozen=True, slots=True)
class PrometheusSpec:
    """A Prometheus, or what answers as one, at `url`, and what it is asked for.

    `token_file` and `ca` are paths of files, empty where none is needed. The server has `timeout` seconds for each
    answer. `every` is how often it scrapes; what it scraped more than `stale` seconds ago counts as not known.
    `counters` take the place of those that the gateway's product has.
    """

    url: str
    token_file: str = ""
    ca: str = ""
    timeout: float = 5.0
    every: float = 15.0
    stale: float = 60.0
    counters: CounterQueries | None = None
    signals: Mapping[str, SignalQuery] = field(default_factory=dict)


def fill(query: str, names: Mapping[str, str]) -> str:
    """The query with its placeholders filled. A name cannot end the text in quotation marks that it stands in."""

    def value(found: re.Match[str]) -> str:
        name = names.get(found[1])
        return found[0] if name is None else name.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    return _PLACE.sub(value, query)


def unknown_places(query: str) -> tuple[str, ...]:
    """The placeholders in a query that do not exist."""
    return tuple(f"${name}" for name in _PLACE.findall(query) if name not in PLACES)


def names_a_version(query: str) -> bool:
    """Whether the query differs between the two versions."""
    return any(name in _VERSIONED for name in _PLACE.findall(query))


def is_selector(query: str) -> bool:
    """Whether a query only selects series, by name and labels: its samples have their own times."""
    return _SELECTOR.fullmatch(query.strip()) is not None
