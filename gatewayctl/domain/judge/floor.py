"""The floor: each process of stable, played against the others by the rule for the canary.

If one of them would fail, differences between processes alone are as large as what the canary would be failed for.
"""

from dataclasses import replace

from gatewayctl.domain.judge.explain import disagreeing_text
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.judge.state import JudgeState, Peer
from gatewayctl.domain.judge.strength import log_all, own, pairs
from gatewayctl.domain.judge.tally import Difference, total
from gatewayctl.domain.judge.tracks import Interval, closed, track
from gatewayctl.domain.judge.tracks import looked as looked_track
from gatewayctl.domain.signals import Version

_MOST = 8  # processes that are compared, the first ones by name: each costs as much time as the canary


def looked(settings: Settings, state: JudgeState, seen: Difference, seconds: float) -> JudgeState:
    """The state after what the processes of stable counted in so many seconds. Nothing where there is only one.

    One that came later is compared once it has been there for the warm-up time, as a new process is slow at first.
    """
    stable = [one for one in seen.counted if one.version is Version.STABLE][:_MOST]
    if len(stable) < 2 or state.at is None:
        return state
    known = {one.process: one for one in state.peers}
    peers = []
    for one in stable:
        others = total(each.tally for each in stable if each is not one)
        peer = known.get(one.process) or Peer(one.process, state.at - seconds, tuple(map(track, settings.signals)))
        is_warm = state.at - seconds - peer.since >= settings.warm_up
        peers.append(_played(settings, peer, Interval(one.tally, others, state.stable, state.edges, seconds, is_warm)))
    state = replace(state, peers=tuple(peers))
    return state if state.disagrees else replace(state, disagrees=_odd_one(settings, state))


def ended_block(settings: Settings, state: JudgeState) -> JudgeState:
    """The block is over for the processes, too."""
    return replace(
        state,
        peers=tuple(
            replace(
                one,
                tracks=tuple(closed(signal, each) for signal, each in zip(settings.signals, one.tracks, strict=True)),
            )
            for one in state.peers
        ),
    )


def _played(settings: Settings, peer: Peer, seen: Interval) -> Peer:
    if not seen.canary.requests or not seen.stable.requests:
        return peer
    known = seen.known() if seen.is_warm else None
    tracks = tuple(
        looked_track(signal, one, seen, known) for signal, one in zip(settings.signals, peer.tracks, strict=True)
    )
    return replace(peer, tracks=tracks)


def _odd_one(settings: Settings, state: JudgeState) -> str:
    """Why stable disagrees with itself; empty as long as it does not."""
    for peer in state.peers:
        taken = own(pairs(settings, peer.tracks))
        if log_all(taken) >= settings.log_needed:
            return disagreeing_text(settings, taken, peer.process)
    return ""
