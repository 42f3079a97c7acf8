"""Quantities as Kubernetes writes them: `250m`, `64Mi`, `1.5`. Documented as "Quantity" in its API reference."""

import re

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII)
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def read_quantity(text: object) -> float | None:
    """The number in cores or bytes; None for what is no quantity, or a negative one."""
    found = _QUANTITY.fullmatch(str(text)) if isinstance(text, str | int | float) else None
    if found is None:
        return None
    number, exponent, unit = found[1], found[2], found[3] or ""
    if exponent:
        return float(f"{number}{exponent}")
    if unit.endswith("i"):
        return float(number) * 1024.0 ** ("KMGTPE".index(unit[0]) + 1)
    return float(f"{number}e{_POWERS[unit]}")
