"""How long a text of a release may be. A journal has to be writable whatever an application or a suite answers."""

LONGEST = 1000  # bytes of the text of a note, of a reason, of why a release is stuck
NOTES_KEPT = 100  # of one release; repeated ones are dropped first, the oldest of them first


def shorten(text: str) -> str:
    """The text without control characters, cut to LONGEST bytes; a text that was cut says so."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() or one == "\n" else " " for one in text)
    whole = text.encode()
    if len(whole) <= LONGEST:
        return text
    mark = f" … (cut: it has {len(whole)} bytes)"
    return whole[: LONGEST - len(mark.encode())].decode(errors="ignore") + mark
