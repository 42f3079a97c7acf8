"""SIGTERM while a command works, and the handler of before afterwards."""

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from gatewayctl.cli.signals import on_sigterm, stop_on_signal
from gatewayctl.domain.errors import NeedsPerson


@pytest.fixture(autouse=True)
def sighup_as_a_terminal_has_it() -> Iterator[None]:
    """Whoever runs the tests may ignore it, as nohup does; that is inherited."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_sigterm_calls_what_was_asked_for_only_inside_the_block() -> None:
    calls: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    with on_sigterm(lambda: calls.append("called")):
        os.kill(os.getpid(), signal.SIGTERM)

    assert calls == ["called"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_closed_terminal_sends_sighup_twice_and_the_second_does_not_stop_the_way_back() -> None:
    answered: list[str] = []

    with stop_on_signal():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        except KeyboardInterrupt:
            answered.append("going back")
        os.kill(os.getpid(), signal.SIGHUP)
        answered.append("still going back")

    assert answered == ["going back", "still going back"]


def test_sighup_that_is_ignored_stays_ignored_as_nohup_wants_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signal():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_says_at_once_that_it_goes_back(which: signal.Signals, capfd: pytest.CaptureFixture) -> None:
    with stop_on_signal(), contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), which)

    assert "interrupted: going back" in capfd.readouterr().err


def test_an_interrupt_that_nobody_answered_needs_a_person_and_names_the_commands() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(NeedsPerson, match="stopped at once") as caught, stop_on_signal():
        os.kill(os.getpid(), signal.SIGTERM)

    assert "resume or abort" in caught.value.hint
    assert signal.getsignal(signal.SIGTERM) is before
