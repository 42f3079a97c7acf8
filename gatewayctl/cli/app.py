"""The command line `gatewayctl`: its commands, and the one place where errors become messages and exit codes."""

import json
import sys

import typer

from gatewayctl.cli import demo, inspect, job, judge, load_part, releases, route, rule, sandbox, sweep, sync
from gatewayctl.cli.examples import example
from gatewayctl.cli.progress import end_live_line
from gatewayctl.cli.show import tell
from gatewayctl.cli.signals import end_on_signals
from gatewayctl.cli.streams import keep_streams_writable
from gatewayctl.domain.errors import GatewayctlError

app = typer.Typer(
    name="gatewayctl",
    help="Releases tried by header through the gateway that real traffic uses, and proven on every replica of it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    inspect.plan,
    releases.release,
    releases.start,
    releases.smoke,
    releases.ramp,
    releases.pause,
    releases.skip,
    releases.promote,
    releases.abort,
    releases.resume,
    inspect.doctor,
    inspect.status,
    inspect.curl,
    inspect.history,
    inspect.report,
    inspect.explain,
    judge.judge,
    sync.sync,
    sweep.sweep,
    demo.demo,
):
    app.command(epilog=example(command.__name__))(command)
app.command(hidden=True)(job.job)
app.command(hidden=True)(load_part.load_part)
app.add_typer(route.app, name="route")
app.add_typer(rule.app, name="rule")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Run the command line. A GatewayctlError ends with its own exit code; a bug ends with a traceback and 1."""
    keep_streams_writable()
    end_on_signals()
    try:
        _run()
    finally:
        end_live_line()


def _run() -> None:
    try:
        # Where JSON is wanted, Typer must not print its own message for a wrong option.
        code = app(standalone_mode=not _wants_json())
    except typer.TyperException as fault:
        _print_error(
            fault.format_message(), "gatewayctl --help, or --help after a command, lists what there is", fault.exit_code
        )
        sys.exit(fault.exit_code)
    except GatewayctlError as fault:
        _print_error(str(fault), fault.hint, int(fault.exit_code))
        sys.exit(fault.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _print_error(error: str, hint: str, exit_code: int) -> None:
    end_live_line()
    if _wants_json():
        print(json.dumps({"error": error, "hint": hint, "exit_code": exit_code}))  # in ASCII
    tell(f"error: {error}")
    if hint:
        tell(f"  → {hint}")


def _wants_json() -> bool:
    """Whether -o json is given. Read from the command line itself: the command may fail before it has its options."""
    words = sys.argv[1:]
    return any(
        word in ("--output=json", "-ojson") or (word in ("-o", "--output") and words[place + 1 : place + 2] == ["json"])
        for place, word in enumerate(words)
    )
