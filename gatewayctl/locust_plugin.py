"""The child process of a load run: locust's command line, with each request attributed to a version.

It needs its own process, because importing locust changes sockets and threads of the whole process.
"""

import functools
import json
import logging
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from gatewayctl.child_process.cohorts import Cohorts
from gatewayctl.child_process.distributed import Master, Worker
from gatewayctl.child_process.leading import lead
from gatewayctl.child_process.load_pace import end_in_time
from gatewayctl.child_process.load_stats import LoadStats
from gatewayctl.child_process.locust_options import find_options_of_mode, ignore_settings_of_mode
from gatewayctl.child_process.run_context import EventFile, read_run_context
from gatewayctl.domain.load_result import FailureKind
from gatewayctl.domain.smoke import RunContext

_PERIOD = 1.0  # seconds between two reports of progress


class Reporter:
    """Listens to events of locust: reports progress once a second, and all figures at the end.

    A worker of a distributed run reports to its master, which reports for all.
    """

    def __init__(self, run_context: RunContext) -> None:
        self._run_context = run_context
        self._lines = EventFile(run_context.events)
        self._stats = LoadStats(run_context.endpoints.attribution)
        self._cohorts = Cohorts(run_context, self._stats)
        self._counts: LoadStats | Master = self._stats
        self._worker: Worker | None = None
        self._started = self._stopped = 0.0
        self._environment: Any = None
        self._last_error = LastError()

    def install(self) -> None:
        """Add the listeners; to be called before the locustfile is read."""
        import locust

        lead(self._run_context.endpoints)
        events: Any = locust.events  # its methods are not annotated
        self._cohorts.install()
        events.init.add_listener(self._init)
        events.test_start.add_listener(self._start)
        events.test_stop.add_listener(self._stop)
        events.user_error.add_listener(self._cohorts.task_failed)
        events.quit.add_listener(self._quit)

    def _init(self, environment: Any, runner: Any, **_: Any) -> None:
        import gevent
        from locust.runners import MasterRunner, WorkerRunner

        self._environment = environment
        logging.getLogger().addHandler(self._last_error)  # here, because locust replaces all handlers before
        environment.gatewayctl_cohorts = self._cohorts
        if isinstance(runner, MasterRunner):
            self._counts = Master(environment, runner, self._run_context.workers)
        elif isinstance(runner, WorkerRunner):
            self._worker = Worker(runner, self._stats)
            self._cohorts.start_at(self._worker.position)
        gevent.spawn(self._report_always, runner, gevent.sleep)

    def _start(self, environment: Any, **_: Any) -> None:
        import gevent

        self._started = time.perf_counter()
        if self._worker:
            return
        if isinstance(self._counts, Master):
            self._counts.start()
        pace = self._run_context.pace
        environment.parsed_options.run_time = int(pace.duration)  # for locustfiles that read it
        if environment.shape_class:  # it decides itself when the load is over
            pace = replace(pace, duration=pace.longest)
        runner = environment.runner
        gevent.spawn(end_in_time, runner, pace, self._requests, functools.partial(self._report, runner))

    def _requests(self) -> tuple[int, int]:
        totals = self._counts.totals()
        return totals["canary"][0], totals["stable"][0]

    def _stop(self, **_: Any) -> None:
        self._stopped = time.perf_counter()
        if self._worker:
            self._worker.finish()
        elif isinstance(self._counts, Master):
            self._counts.finish()

    def _report_always(self, runner: Any, sleep: Any) -> None:
        while True:
            if self._worker:
                self._worker.report()
            else:
                self._report(runner)
            sleep(_PERIOD)

    def _report(self, runner: Any) -> None:
        self._lines.write(kind="load", users=runner.user_count, **self._counts.totals())

    def _quit(self, exit_code: int, **_: Any) -> None:
        if self._worker:
            return
        ended = self._stopped or time.perf_counter()
        figures = {**self._counts.figures(), "seconds": ended - self._started, "exit_code": exit_code}
        figures["own_exit"] = self._environment.process_exit_code or 0
        if exit_code and self._last_error.text:
            figures["failures"] = [*figures["failures"], (FailureKind.RUN.value, self._last_error.text)]
        result = Path(self._run_context.result)
        unfinished = result.with_suffix(".part")
        unfinished.write_text(json.dumps(figures))
        unfinished.replace(result)


class LastError(logging.Handler):
    """Keeps the last line of the last error that was logged: locustfiles say there why they set an exit code."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging for each error."""
        lines = [line.strip() for line in record.getMessage().splitlines() if line.strip()]
        self.text = lines[-1][:300] if lines else self.text


def main() -> None:
    """Run locust with this process's arguments; ends the process with locust's exit code."""
    run_context = read_run_context()
    if run_context is None:
        sys.exit("this is started by `gatewayctl smoke`; to run a locustfile by hand, use locust itself")
    Reporter(run_context).install()
    import locust.main

    _settle_options(run_context)
    run: Any = locust.main.main
    run()


def _settle_options(run_context: RunContext) -> None:
    """Leave to the team what is theirs, and decide the rest. Ends the process when they decided more."""
    ignore_settings_of_mode(os.environ)
    os.environ["LOCUST_HOST"] = run_context.endpoints.base_url  # for locustfiles that read it
    if run_context.classes:
        os.environ["LOCUST_USER_CLASSES"] = " ".join(run_context.classes)
    if fixed := find_options_of_mode(run_context.arguments):
        sys.exit(f"smoke.locust.args: the release decides {', '.join(fixed)}: remove it there")
    # First, because an option of theirs may take all words up to the next option.
    sys.argv[1:1] = run_context.arguments


if __name__ == "__main__":
    main()
