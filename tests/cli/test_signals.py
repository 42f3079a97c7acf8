"""SIGTERM while a command works, and the handler of before afterwards."""

import os
import signal

import pytest

from gatewayctl.cli.signals import on_sigterm, stop_on_signal
from gatewayctl.domain.errors import NeedsPerson


def test_sigterm_calls_what_was_asked_for_only_inside_the_block() -> None:
    calls: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    with on_sigterm(lambda: calls.append("called")):
        os.kill(os.getpid(), signal.SIGTERM)

    assert calls == ["called"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_that_nobody_answered_needs_a_person_and_names_the_commands() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(NeedsPerson, match="stopped at once") as caught, stop_on_signal():
        os.kill(os.getpid(), signal.SIGTERM)

    assert "resume or abort" in caught.value.hint
    assert signal.getsignal(signal.SIGTERM) is before
