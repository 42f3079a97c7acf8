"""Customers of the example shop: unmarked requests through its gateway at a steady rate, until stdin ends.

Then one line of JSON on stdout says how many answers there were, by version, and how many requests failed. What a
customer asks for takes the shop some work, so that the durations are those of an application and not of this machine.
"""

import argparse
import http.client
import json
import math
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

MOST = 500.0  # requests a second; this is an example, and no load test
_CUSTOMERS = 64  # requests that can be under way at the same time
_TIMEOUT = 10.0  # seconds
_USUAL, _SPREAD, _LONGEST = 40.0, 0.4, 200  # milliseconds of work: the median of a log-normal distribution, its sigma
FAILED = "failed"


class Customers:
    """All customers. `gateways` are host:port of each gateway replica, `rate` the requests a second of all together."""

    def __init__(self, gateways: Sequence[str], host: str, path: str, rate: float) -> None:
        self._gateways, self._host, self._path, self._rate = gateways, host, path, rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()

    def run_until(self, ended: threading.Event) -> dict[str, int]:
        """Ask until `ended` is set; the answers by version, and those that failed as FAILED."""
        threads = [threading.Thread(target=self._ask_on, args=(number,)) for number in range(_CUSTOMERS)]
        for thread in threads:
            thread.start()
        ended.wait()
        self._stop.set()
        for thread in threads:
            thread.join()
        return dict(self._answers)

    def _ask_on(self, number: int) -> None:
        """One customer, at one gateway replica. Who is late asks no faster afterwards."""
        connection = http.client.HTTPConnection(self._gateways[number % len(self._gateways)], timeout=_TIMEOUT)
        each = _CUSTOMERS / self._rate
        due = time.monotonic() + number / self._rate
        for work in _works(number):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            due = max(due + each, time.monotonic())
            found = self._ask(connection, work)
            with self._lock:
                self._answers[found] += 1
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, work: int) -> str:
        """The version that answered, or FAILED. A connection that the gateway has closed meanwhile is opened again."""
        is_used = connection.sock is not None
        try:
            connection.request("GET", f"{self._path}?ms={work}", headers={"host": self._host})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as fault:
            connection.close()
            is_closed = isinstance(fault, ConnectionError) and is_used
            return self._ask(connection, work) if is_closed else FAILED
        return answer.headers.get("x-version", FAILED) if answer.status < http.client.BAD_REQUEST else FAILED


def _works(number: int) -> Iterator[int]:
    """The milliseconds of work of each request of one customer; the same in every run."""
    draw = random.Random(number)  # noqa: S311 (no secret)
    while True:
        yield min(round(draw.lognormvariate(math.log(_USUAL), _SPREAD)), _LONGEST)


def main() -> int:
    """Ask until stdin ends, as it does when the process that started this one has ended, and print the counts."""
    parser = argparse.ArgumentParser(prog="gatewayctl.example.customers")
    parser.add_argument("--gateway", action="append", required=True, help="host:port of a gateway replica")
    parser.add_argument("--host", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--rate", type=float, required=True)
    given = parser.parse_args()
    if not 0 < given.rate <= MOST:
        parser.error(f"--rate is more than 0 and at most {MOST:g}")
    ended = threading.Event()
    threading.Thread(target=_set_at_end_of_stdin, args=(ended,), daemon=True).start()
    seen = Customers(given.gateway, given.host, given.path, given.rate).run_until(ended)
    sys.stdout.write(json.dumps(seen) + "\n")
    return 0


def _set_at_end_of_stdin(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    sys.exit(main())
