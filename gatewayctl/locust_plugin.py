"""The child process of a load run: locust's own command line, with each request attributed to a version.

A process of its own, because importing locust changes sockets and threads of the whole process.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from gatewayctl.domain.smoke import Errand
from gatewayctl.inside.cohorts import Cohorts
from gatewayctl.inside.errand import Lines, read_errand
from gatewayctl.inside.ledger import Ledger

_PERIOD = 1.0  # seconds between two reports of progress


class Reporter:
    """Listens to locust: reports progress once a second, and all figures at the end."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._lines = Lines(errand.events)
        self._ledger = Ledger(errand.entrance.witness)
        self._cohorts = Cohorts(errand, self._ledger)
        self._started = self._stopped = 0.0

    def install(self) -> None:
        """To be called before the locustfile is read."""
        import locust

        events: Any = locust.events  # its methods are not annotated
        self._cohorts.install()
        events.init.add_listener(self._init)
        events.test_start.add_listener(self._start)
        events.test_stop.add_listener(self._stop)
        events.user_error.add_listener(self._cohorts.task_failed)
        events.quit.add_listener(self._quit)

    def _init(self, environment: Any, runner: Any, **_: Any) -> None:
        import gevent

        environment.gatewayctl_cohorts = self._cohorts
        gevent.spawn(self._report, runner, gevent.sleep)

    def _start(self, **_: Any) -> None:
        self._started = time.perf_counter()

    def _stop(self, **_: Any) -> None:
        self._stopped = time.perf_counter()

    def _report(self, runner: Any, sleep: Any) -> None:
        while True:
            self._lines.write(kind="load", users=runner.user_count, **self._ledger.totals())
            sleep(_PERIOD)

    def _quit(self, exit_code: int, **_: Any) -> None:
        ended = self._stopped or time.perf_counter()
        figures = {**self._ledger.figures(), "seconds": ended - self._started, "exit_code": exit_code}
        result = Path(self._errand.result)
        unfinished = result.with_suffix(".part")
        unfinished.write_text(json.dumps(figures))
        unfinished.replace(result)


def main() -> None:
    """Run locust with this process's arguments; ends the process with locust's exit code."""
    errand = read_errand()
    if errand is None:
        sys.exit("this is started by `gatewayctl smoke`; to run a locustfile by hand, use locust itself")
    Reporter(errand).install()
    import locust.main

    run: Any = locust.main.main
    run()


if __name__ == "__main__":
    main()
