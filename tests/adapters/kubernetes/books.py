"""A small API server that stores the objects of journals and leases, for tests that also change them directly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.adapters.kubernetes.client.api import Api, connect
from tests.adapters.kubernetes.fake_api.http import Shelf, serving


@contextmanager
def a_shelf(folder: Path) -> Iterator[tuple[Shelf, Api]]:
    """The server's store of objects, and an Api connected to it."""
    shelf = Shelf()
    with serving(shelf.answer, folder) as kubeconfig:
        api = connect(file=kubeconfig)
        yield shelf, api
        api.client.rest_client.close()
