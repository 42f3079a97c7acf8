"""Which of locust's options a team may set, and which are decided by the release.

Locust reads options from its command line, from LOCUST_* variables, and from locust.conf and pyproject.toml. The mode
of a run (master or worker, users, run time, host, web interface) is the release's. A Service called `locust-web` makes
Kubernetes set LOCUST_WEB_PORT to tcp://…, which locust cannot even read. Options that a locustfile adds are its own.
"""

import argparse
import functools
import sys
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any

# domain/locust_options.py has both kinds by their spelling.
# What a team may set, by locust's names for the values. A list of what it may not set would miss new options.
_THEIRS = frozenset(
    {
        *("config", "config_users", "user_classes", "tags", "exclude_tags", "equal_weights"),
        *("csv_prefix", "stats_history_enabled", "html_file", "json", "json_file", "reset_stats"),
        *("loglevel", "skip_log_setup", "otel", "profile"),
    }
)


def ignore_settings_of_mode(environ: MutableMapping[str, str]) -> None:
    """From now on, locust finds none of the release's options in variables and files. Says which it ignores."""
    parser = _parser()
    fixed = _fixed(parser)
    variables = sorted(name for option in fixed if (name := getattr(option, "env_var", "")) and name in environ)
    for name in variables:
        del environ[name]
    _say_ignored("the environment", variables)
    _ignore_in_files({key for option in fixed for key in parser.get_possible_config_keys(option)})


def find_options_of_mode(arguments: Sequence[str]) -> tuple[str, ...]:
    """Those of `arguments` that only the release may decide. Ends the process if locust could not read them."""
    parser = _parser()
    fixed = _fixed(parser)
    for option in parser._actions:
        option.default = argparse.SUPPRESS
    given, _ = parser.parse_known_args(list(arguments), env_vars={})
    return tuple(max(option.option_strings, key=len) for option in fixed if option.dest in vars(given))


def _parser() -> Any:
    """A parser with all options of locust, which reads no files by itself."""
    from locust import argument_parser

    make: Any = argument_parser.get_empty_argument_parser
    parser = make(add_help=False, default_config_files=[])
    add_options: Any = argument_parser.setup_parser_arguments
    add_options(parser)
    return parser


def _fixed(parser: Any) -> list[Any]:
    return [option for option in parser._actions if option.dest not in _THEIRS]


def _ignore_in_files(keys: set[str]) -> None:
    """Locust reads its files more than once, so each is told once."""
    from locust import argument_parser

    reader: Any = argument_parser.LocustConfigParser
    parse, told = reader.parse, set[str]()

    @functools.wraps(parse)
    def parse_without_mode(self: Any, stream: Any) -> Any:
        found = parse(self, stream)
        ignored = sorted(keys & found.keys())
        if ignored and stream.name not in told:
            told.add(stream.name)
            _say_ignored(stream.name, ignored)
        return type(found)((key, value) for key, value in found.items() if key not in keys)

    reader.parse = parse_without_mode


def _say_ignored(place: str, names: Iterable[str]) -> None:
    if listed := ", ".join(names):
        sys.stderr.write(f"{place}: ignored: {listed}: the release decides these options of locust\n")
