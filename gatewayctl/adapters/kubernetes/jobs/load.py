"""A load with workers: locust's master and its workers run as Jobs, in the cluster of the gateway.

They are two Jobs, because workers need the address of their master. Neither has permissions in the cluster. Both are
deleted when the run ends and when its release is stopped; when the process that started them is killed, they end at
their own deadline.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.locking import replace_text
from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle, bundle
from gatewayctl.adapters.kubernetes.jobs.manifest import FILES, WORK, Task
from gatewayctl.adapters.kubernetes.jobs.runner import JobPod, Runner
from gatewayctl.adapters.smoke.load import LocustOutput, result_of
from gatewayctl.domain.errors import EnvironmentFailed, Transient, UsageFault
from gatewayctl.domain.load_result import LoadResult
from gatewayctl.domain.platform import Replica, Tls
from gatewayctl.domain.smoke import LoadRun, SuiteResult, SuiteRun
from gatewayctl.domain.trial import Suite
from gatewayctl.ports import Suites, Tick
from gatewayctl.waiting import Deadline, Pending, until_or_fail

T = TypeVar("T")

_BEGIN = 120.0  # seconds for a Pod to begin
_LOOK = 1.0  # seconds between two looks at the master
_TICK = 0.2  # seconds between two calls of tick
_RUN = "gatewayctl-load.json"
_AUTHORITY = "gatewayctl-ca.pem"


@dataclass(frozen=True, slots=True)
class KubernetesSuites:
    """Implements ports.Suites: suites and loads run on this machine, a load with workers in the cluster."""

    here: Suites
    distributed: "DistributedLoad"

    def check(self, app: str, suite: Suite) -> str:
        """What will run the suite here."""
        return self.here.check(app, suite)

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        """Run a pytest suite here."""
        return self.here.test(run, tick)

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        """Run a load, here or shared by workers in the cluster."""
        return self.distributed.load(run, tick) if run.workers else self.here.load(run, tick)


@dataclass(frozen=True, slots=True)
class DistributedLoad:
    """Runs loads in Pods of `image` in `namespace`.

    `replicas` lists the gateway's replicas by the addresses of their Pods.
    """

    api: Api
    namespace: str
    image: str
    replicas: Callable[[], tuple[Replica, ...]]

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        """Run it to its end; `tick` may raise to stop it. Raises EnvironmentFailed when its Pods do not start."""
        wanted = self._as_pods_see(run)
        files = bundle(Path(run.file).parent / _RUN, wanted.to_json(), [run.file])
        if run.endpoints.tls and run.endpoints.tls.ca:
            files = replace(files, files=(*files.files, (_AUTHORITY, _read(run.endpoints.tls.ca))))
        tasks = self._tasks(run, "--run", f"{FILES}/{files.config}")
        watch = _Watch(Runner(self.api, self.namespace), tick, run.limit + 2 * _BEGIN)
        watch.clear(tasks)
        try:
            done = self._run(watch, tasks, files)
        finally:
            for task in tasks:
                watch.runner.cancel(task.name)
        replace_text(Path(run.folder) / "workers.json", done.to_json())
        return result_of(done)

    def _run(self, watch: "_Watch", tasks: tuple[Task, Task], files: Bundle) -> LocustOutput:
        master, workers = tasks
        watch.runner.start(master, files)
        lead = watch.wait_for_start(master)
        watch.runner.start(
            replace(workers, arguments=(*workers.arguments, "--master", lead.address)),
            files,
        )
        return watch.wait_for_result(lead, tasks)

    def _as_pods_see(self, run: LoadRun) -> LoadRun:
        """The run as a Pod sees it: the locustfile in its volume, the gateway's replicas by their own addresses.

        Raises UsageFault for a key of the client: whoever may read ConfigMaps could read it there.
        """
        ready = [one for one in self.replicas() if one.ready]
        if not ready:
            raise Transient("no gateway replica is ready")
        given = run.endpoints
        if given.tls and given.tls.key:
            raise UsageFault(
                "probe.key is a private key, and the files of a load with workers are sent in a ConfigMap",
                hint="remove smoke.locust.workers, so that the load runs on this machine",
            )
        scheme = urlsplit(given.urls[0]).scheme
        urls = tuple(f"{scheme}://{one.traffic}" for one in ready)
        has_name = given.base_url not in given.urls
        tls = Tls(ca=f"{FILES}/{_AUTHORITY}") if given.tls and given.tls.ca else given.tls
        endpoints = replace(given, urls=urls, base_url=given.base_url if has_name else urls[0], tls=tls)
        return replace(run, endpoints=endpoints, file=f"{FILES}/{Path(run.file).name}", folder=f"{WORK}/load")

    def _tasks(self, run: LoadRun, *words: str) -> tuple[Task, Task]:
        """Master and workers, named after the release, so that a repeated run can delete what the first one left."""
        stamp = run.endpoints.attribution.stamp
        name = f"gatewayctl-load-{hashlib.sha256(stamp.encode()).hexdigest()[:10]}"
        master = Task(
            name=name,
            release=name,
            namespace=self.namespace,
            image=self.image,
            account="",
            arguments=("load-part", *words),
            actor="",
            deadline=run.limit + 3 * _BEGIN,
            lost=0,
        )
        return master, replace(master, name=f"{name}-workers", pods=run.workers)


@dataclass(slots=True)
class _Watch:
    """Waits for Pods, and calls `tick` meanwhile; for at most `within` seconds until the load has ended."""

    runner: Runner
    tick: Tick
    within: float

    def clear(self, tasks: tuple[Task, ...]) -> None:
        """Take away what an earlier run of the same release has left."""
        for task in tasks:
            self.runner.cancel(task.name)

        def are_gone() -> bool | Pending:
            gone = all(self.runner.is_gone(task.name) for task in tasks)
            return gone or Pending("waiting for an earlier load to go")

        self._until(are_gone, _BEGIN)

    def wait_for_start(self, task: Task) -> JobPod:
        """The Pod of a Job, once it runs and has an address."""

        def find_pod() -> JobPod | Pending:
            seen = self.runner.look(task.name)
            for pod in seen.pods:
                if pod.trouble or (pod.begun and pod.address):
                    return _sound(pod)
            if seen.over:
                raise EnvironmentFailed(f"Job {task.name} is over before it began: {seen.over}")
            return Pending("waiting for the load's Pods")

        return self._until(find_pod, _BEGIN)

    def wait_for_result(self, lead: JobPod, tasks: tuple[Task, Task]) -> LocustOutput:
        """What the master printed at its end."""
        master, workers = tasks

        def read_result() -> LocustOutput | Pending:
            found = [pod for pod in self.runner.look(master.name).pods if pod.name == lead.name]
            if not found:
                raise Transient(f"Pod {lead.name}, which led the load, was lost")
            if found[0].exit_code is not None:
                return _result(self.runner.read_log(lead.name), lead.name)
            for pod in self.runner.look(workers.name).pods:
                _sound(pod)
            return Pending(self.runner.read_last_line(lead.name)[:200] or "starting")

        return self._until(read_result, self.within)

    def _until(self, look: Callable[[], T | Pending], within: float) -> T:
        """Wait. No fault of the API is waited out here: its client has tried again already."""
        deadline = Deadline(SystemClock(), self.tick, within, _LOOK, tick_every=_TICK)
        return until_or_fail(look, "the load's Pods", deadline)


def _read(authority: str) -> bytes:
    try:
        return Path(authority).read_bytes()
    except OSError as fault:
        raise UsageFault(f"{authority}: cannot be read: {fault.strerror}", hint="correct probe.ca") from fault


def _sound(pod: JobPod) -> JobPod:
    """The Pod. Raises EnvironmentFailed when it will certainly not begin."""
    if pod.trouble:
        raise EnvironmentFailed(f"the load's Pod {pod.name}: {pod.trouble}")
    return pod


def _result(log: str, pod: str) -> LocustOutput:
    last = log.rstrip().rpartition("\n")[2]
    try:
        return LocustOutput.from_json(last)
    except (ValueError, KeyError, TypeError) as fault:
        raise EnvironmentFailed(f"Pod {pod}, which led the load, ended without a result: {last[:300]}") from fault
