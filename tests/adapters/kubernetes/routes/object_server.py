"""A fake API server with two route objects of a sample: it fills in defaults and sorts keys, as the real one does."""

from tests.adapters.kubernetes.fake_api.server import FakeApiServer, sort_keys
from tests.adapters.kubernetes.routes.samples import Object, Sample


def route_server(sample: Sample) -> FakeApiServer:
    """The server; its objects are called shop and more."""

    def complete(changed: Object, before: Object) -> Object:
        """What is stored of a write: defaults in each rule, and a new generation where the spec is a new one."""
        if before["spec"] != changed["spec"]:
            changed["metadata"]["generation"] += 1
        for rule in sample.rules(changed):
            sample.set_defaults(rule)
        return sort_keys(changed)

    routes = {f"{sample.collection}{name}": sample.route(name) for name in ("shop", "more")}
    return FakeApiServer(routes, on_store=complete, count=5)
