"""Journals and leases on a tiny API server, and what a test does to it behind their backs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.adapters.kubernetes.client.api import Api, connect
from tests.adapters.kubernetes.apiserver import Shelf, serving


@contextmanager
def a_shelf(folder: Path) -> Iterator[tuple[Shelf, Api]]:
    """An API server that keeps objects, and a way to it."""
    shelf = Shelf()
    with serving(shelf.answer, folder) as kubeconfig:
        api = connect(file=kubeconfig)
        yield shelf, api
        api.client.rest_client.close()
