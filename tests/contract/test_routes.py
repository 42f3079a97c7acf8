"""The contract of ports.RouteStore."""

import pytest

from gatewayctl.domain.errors import GatewayctlError, StaleWrite
from gatewayctl.domain.routing import SourceFile
from tests.contract.harness import Platform
from tests.contract.racing import race


def test_what_is_written_is_read_byte_for_byte(platform: Platform) -> None:
    before = platform.routes.read()
    file = SourceFile(before.files[0].name, platform.a_text("bytes"))

    written = platform.routes.write((file,), before)

    assert platform.routes.read() == written
    assert written.files[0] == file
    assert written.files[1:] == before.files[1:]


def test_every_write_makes_a_new_version_also_of_the_same_text(platform: Platform) -> None:
    before = platform.routes.read()

    same = platform.routes.write(before.files, before)
    nothing = platform.routes.write((), same)

    assert len({before.version, same.version, nothing.version}) == 3
    assert nothing.files == before.files


def test_a_writer_who_read_earlier_is_refused_and_changes_nothing(platform: Platform) -> None:
    early = platform.routes.read()
    later = platform.routes.write((), early)

    with pytest.raises(StaleWrite):
        platform.routes.write((SourceFile(early.files[0].name, platform.a_text("stale")),), early)

    assert platform.routes.read() == later


def test_of_several_writers_at_once_exactly_one_wins(platform: Platform) -> None:
    read = platform.routes.read()
    name = read.files[0].name

    won, lost = race(lambda n: platform.routes.write((SourceFile(name, platform.a_text(f"writer {n}")),), read))

    assert (len(won), len(lost)) == (1, 5)
    assert platform.routes.read() == won[0]


def test_a_file_that_the_gateway_does_not_have_is_refused(platform: Platform) -> None:
    before = platform.routes.read()

    with pytest.raises(GatewayctlError, match="no-such-file"):
        platform.routes.write((SourceFile("no-such-file", before.files[0].text),), before)

    assert platform.routes.read() == before
