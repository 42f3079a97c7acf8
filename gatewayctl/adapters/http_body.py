"""The body of an answer as text: unpacked, decoded, and never more of it than was asked for."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol


class BadBody(Exception):
    """A body that cannot be unpacked; the message says why."""


def read_body(chunks: Iterator[bytes], headers: Mapping[str, str], most: int) -> str:
    """The first `most` bytes of the body as text, unpacked. Raises BadBody, and what `chunks` raises."""
    coding = headers.get("content-encoding", "").strip().lower()
    if "," in coding:  # a few bytes could become gigabytes
        raise BadBody("the answer is compressed more than once")
    content, unpack = bytearray(), _UNPACK.get(coding, _Plain)()
    for chunk in chunks:
        try:
            content += unpack.decompress(chunk, most + 1 - len(content))
        except zlib.error as fault:
            raise BadBody(f"the answer cannot be unpacked: {fault}") from fault
        if len(content) > most:
            break
    return _decode(bytes(content[:most]), headers.get("content-type", ""))


class _Unpacks(Protocol):
    """What zlib's objects do."""

    def decompress(self, data: bytes, most: int, /) -> bytes:
        """At most `most` bytes of what comes next. Raises zlib.error."""


class _Plain:
    """A body that is not compressed, or in a way that was not asked for."""

    def decompress(self, data: bytes, _: int) -> bytes:
        """All of it, since it is in memory already."""
        return data


class _Deflate:
    """A body called `deflate`: with the header of zlib, as it should be, or without, as some servers send it."""

    def __init__(self) -> None:
        self._unpack, self._is_first = zlib.decompressobj(), True

    def decompress(self, data: bytes, most: int) -> bytes:
        """At most `most` bytes of what comes next. Raises zlib.error."""
        is_first, self._is_first = self._is_first, False
        try:
            return self._unpack.decompress(data, most)
        except zlib.error:
            if not is_first:
                raise
            self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._unpack.decompress(data, most)


_UNPACK: dict[str, Callable[[], _Unpacks]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": _Deflate,
}


def _decode(content: bytes, kind: str) -> str:
    """The text; in UTF-8 where the answer names no charset, or one that is none (`base64`, for one, is no text)."""
    charset = _charset(kind) if "charset" in kind.lower() else None
    try:
        return content.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return content.decode(errors="replace")


def _charset(kind: str) -> str | None:
    """The charset that a content type names."""
    from email.message import Message

    message = Message()
    message["content-type"] = kind
    return message.get_content_charset()
