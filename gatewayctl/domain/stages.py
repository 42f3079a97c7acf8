"""What phases do and what they are for, by name; the table of phases.py says which phase does which."""

from enum import StrEnum


class Effect(StrEnum):
    """What a phase does to the cluster or the gateway. It may be repeated; every fact it needs is in the release."""

    START_CANARY = "give the canary the new image and one replica; done when it is ready"
    PUBLISH_RULE = "write the checked rule into the gateway's files; upstreams before the routes that name them"
    PROVE_ROUTED = "every replica has the rule, and marked requests are answered by the canary"
    PROVE_NO_LEAK = "on every replica, requests that are not marked are not answered by the canary"
    PROVE_ALL = "both proofs once more, right before stable is changed"
    SHIFT_SHARE = "the canary has the Pods of the ramp's step, and the rule has its share of unmarked requests"
    PROVE_SHARE = "every replica has the share, and as many unmarked requests reach the canary as were asked for"
    OBSERVE = "real traffic on both versions is judged, for at least the time of the ramp's step"
    CARRY_ALL = "the canary is as large as stable and gets every request, so that stable rolls without traffic"
    RETURN_SHARE = "no unmarked request reaches the canary, on every replica"
    RUN_SUITE = "the functional suite, through the gateway"
    RUN_LOAD = "the load, on stable and canary side by side"
    PROMOTE_STABLE = "stable gets the new image; done when its rollout is"
    RESTORE_STABLE = "stable gets the image back that it had; done when its rollout is"
    REMOVE_RULE = "take our rule out of the gateway's files"
    PROVE_CLEARED = "no replica has the rule, and marked requests are answered by stable"
    DRAIN = "requests in flight to the canary end, within the drain period"
    STOP_CANARY = "the canary goes to zero, and keeps the promoted image or gets its old one back"


class Stage(StrEnum):
    """What a phase is for. A failure on the way out waits for a person; in any earlier phase the release goes back."""

    OPEN = "open the way to the canary, and prove it"
    TEST = "try the canary; a person or pipeline can repeat it"
    RAMP = "real traffic in small shares, each judged before the next one"
    PAUSE = "wait, in a step of the ramp, for someone who goes on or aborts"
    DECIDE = "wait for someone who decides"
    PROMOTE = "make the canary stable"
    OUT = "the way out"
    END = "nothing is left to do"


class Milestone(StrEnum):
    """What is worth an event, when a release gets there."""

    ROUTED = "routed"
    WAITING = "waiting"
