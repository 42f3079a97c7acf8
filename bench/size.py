"""How much is measured: enough to see that all of it works, what fits into minutes, or what a release note quotes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Counts of samples. `edits` of ours are each on and off; `plain` ones are those that wait for the kubelet.

    `gateways` wait at the same time. `crowds` are numbers of releases at once, the first of them one, and how often.
    `judged` canaries of each kind of traffic are simulated.
    """

    commands: int
    file_rounds: int
    routes: tuple[int, ...]
    memory: int
    edits: int
    plain: int
    gateways: int
    releases: int
    crowds: tuple[tuple[int, int], ...]
    judged: int


SIZES = {
    "quick": Size(
        commands=3,
        file_rounds=2,
        routes=(100, 1_000),
        memory=1,
        edits=2,
        plain=2,
        gateways=1,
        releases=1,
        crowds=((1, 1), (2, 1)),
        judged=20,
    ),
    "usual": Size(
        commands=20,
        file_rounds=7,
        routes=(100, 1_000, 10_000),
        memory=3,
        edits=20,
        plain=12,
        gateways=6,
        releases=5,
        crowds=((1, 5), (10, 2), (50, 1)),
        judged=2_000,
    ),
    "full": Size(
        commands=50,
        file_rounds=20,
        routes=(100, 1_000, 10_000),
        memory=5,
        edits=50,
        plain=30,
        gateways=6,
        releases=20,
        crowds=((1, 10), (10, 4), (50, 3)),
        judged=4_000,
    ),
}
