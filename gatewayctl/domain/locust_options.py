"""Which options of locust a team may not set, because the release decides them.

child_process/locust_options.py refuses them, too, and knows those of the installed locust. This list is for the
configuration, which is read before anything is changed; locust itself cannot be asked there, because importing it
changes the sockets of the process.
"""

_DECIDED = (
    *("--autoquit", "--autostart", "--build-path", "--class-picker", "--enable-rebalancing", "--exit-code-on-error"),
    *("--expect-slaves", "--expect-workers", "--expect-workers-max-wait", "--headful", "--headless", "--host"),
    *("--legacy-ui", "--list", "--locustfile", "--logfile", "--master", "--master-bind-host", "--master-bind-port"),
    *("--master-host", "--master-port", "--only-summary", "--print-stats", "--processes", "--run-time"),
    *("--show-task-ratio", "--show-task-ratio-json", "--slave", "--spawn-rate", "--stop-timeout", "--tls-cert"),
    *("--tls-key", "--users", "--version", "--web-auth", "--web-base-path", "--web-host", "--web-host-display-name"),
    *("--web-login", "--web-port", "--worker"),
)
_THEIRS = (
    *("--config", "--config-users", "--tags", "--exclude-tags", "--csv", "--csv-full-history", "--reset-stats"),
    *("--html", "--json", "--json-file", "--skip-log-setup", "--loglevel", "--equal-weights", "--profile", "--otel"),
)
_SHORT = {
    "-f": "--locustfile",
    "-H": "--host",
    "-u": "--users",
    "-r": "--spawn-rate",
    "-t": "--run-time",
    "-l": "--list",
    "-P": "--web-port",
    "-s": "--stop-timeout",
    "-V": "--version",
}


def refuse_argument(arguments: tuple[str, ...]) -> str:
    """The first of `arguments` that must not be given to locust, with the reason; empty when there is none."""
    for word in arguments:
        if word == "--":
            return "--: options that gatewayctl adds behind it would not be taken as options"
        if decided := _decided_by(word):
            return f"{word}: the release decides {decided}: remove it"
    return ""


def _decided_by(word: str) -> str:
    """The option of the release that `word` sets; empty for none. Locust takes the start of a long name, too."""
    if not word.startswith("--"):
        return _SHORT.get(word[:2], "")
    name = word.partition("=")[0]
    if name in _DECIDED:
        return name
    if any(one.startswith(name) for one in _THEIRS):
        return ""
    return next((one for one in _DECIDED if one.startswith(name)), "")
