"""Examples of each command, which end its help.

People copy a line and change it. A test parses every line, so that none shows an option that is gone.
"""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "plan": (
        "gatewayctl plan orders --image registry.example/orders:2.4.0",
        "gatewayctl plan orders --image registry.example/orders:2.4.0 --save plan.json",
    ),
    "release": (
        "gatewayctl release orders --image registry.example/orders:2.4.0",
        "gatewayctl release orders --image registry.example/orders:2.4.0 --promote on-success",
        "gatewayctl release orders --image registry.example/orders:2.4.0 --promote on-success --in-cluster",
        "gatewayctl release orders --plan plan.json",
    ),
    "start": ("gatewayctl start orders --image registry.example/orders:2.4.0",),
    "smoke": ("gatewayctl smoke orders", "gatewayctl smoke orders --release r-7f3c9a"),
    "ramp": ("gatewayctl ramp orders", "gatewayctl ramp orders --release r-7f3c9a"),
    "pause": ("gatewayctl pause orders",),
    "skip": ("gatewayctl skip orders",),
    "promote": (
        "gatewayctl promote orders",
        "gatewayctl promote orders --release r-7f3c9a",
        "gatewayctl promote orders --untested --namespace shop",
    ),
    "abort": (
        'gatewayctl abort orders --reason "QA found a wrong total"',
        'gatewayctl abort orders --namespace shop --reason "on call"',
    ),
    "resume": ("gatewayctl resume orders",),
    "doctor": ("gatewayctl doctor", "gatewayctl doctor orders -o json"),
    "status": ("gatewayctl status", "gatewayctl status orders --watch", "gatewayctl status orders --namespace shop"),
    "curl": ("gatewayctl curl orders", "gatewayctl curl orders /api/orders/items"),
    "history": ("gatewayctl history orders", "gatewayctl history orders -o json"),
    "explain": ("gatewayctl explain r-7f3c9a", "gatewayctl explain r-7f3c9a -o json"),
    "judge": ("gatewayctl judge orders --for 15m",),
    "report": ("gatewayctl report r-7f3c9a",),
    "sync": ("gatewayctl sync orders --diff", "gatewayctl sync orders"),
    "sweep": ("gatewayctl sweep --dry-run", "gatewayctl sweep orders"),
    "demo": ("gatewayctl demo", "gatewayctl demo --canary errors"),
    "route show": ("gatewayctl route show orders",),
    "route share": ("gatewayctl route share orders --requests 2000",),
    "route verify": ("gatewayctl route verify orders",),
    "rule add": (
        "gatewayctl rule add --gateway envoy --service orders --header x-canary=always --diff rds.yaml",
        "gatewayctl rule add --gateway envoy --service orders --header x-canary=always rds.yaml",
    ),
    "rule remove": ("gatewayctl rule remove --gateway envoy --service orders rds.yaml",),
    "rule show": ("gatewayctl rule show --gateway envoy rds.yaml",),
    "sandbox up": ("gatewayctl sandbox up", "gatewayctl sandbox up --fresh --config rehearsal/gatewayctl.yaml"),
    "sandbox down": ("gatewayctl sandbox down",),
    "sandbox show": ("gatewayctl sandbox show -o json",),
}


def example(command: str) -> str | None:
    """The epilog of a command's help, not to be wrapped; None for a command that has none yet."""
    lines = EXAMPLES.get(command)
    return "\b\nFor example:\n" + "\n".join(f"  {line}" for line in lines) if lines else None
