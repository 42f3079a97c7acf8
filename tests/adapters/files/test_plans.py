"""A saved plan comes from a file that anyone may have touched."""

from pathlib import Path

import pytest

from gatewayctl.adapters.files.plans import plan_from
from gatewayctl.domain.errors import UsageFault


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "plan.json: not a plan that this version can read: Invalid JSON: EOF"),
        (b"[1]", "plan.json: not a plan that this version can read: Input should be an object"),
        (b'{"a": 1}', "plan.json: not a plan that this version can read: release: Field required"),
        (b"[" * 100_000, "plan.json: not a plan that this version can read: nested deeper than 100 levels"),
        (b"\xff", "plan.json: not a plan that this version can read: Invalid JSON"),
    ],
    ids=["cut off", "a list", "something else", "deep", "no text"],
)
def test_what_is_no_plan_is_refused_in_one_line_with_what_to_do(tmp_path, content, said):
    file = tmp_path / "plan.json"
    file.write_bytes(content)

    with pytest.raises(UsageFault) as caught:
        plan_from(file)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "gatewayctl plan APP" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("missing.json", "No such file or directory"),
        (".", "Is a directory"),
        ("/dev/zero", "larger than a plan can be"),
    ],
)
def test_a_plan_that_cannot_be_read_is_named_with_what_to_do(tmp_path, file, said):
    with pytest.raises(UsageFault, match=said) as caught:
        plan_from(tmp_path / Path(file))

    assert "gatewayctl plan APP" in caught.value.hint
