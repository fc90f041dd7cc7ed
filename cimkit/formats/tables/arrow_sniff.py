"""Whether a file is an Arrow IPC file, an Arrow stream, or the Feather of before."""

from __future__ import annotations

import struct

from cimkit.formats.probe import Probe

_MOST_SCHEMA_BYTES = 64 << 20


def is_arrow(probe: Probe) -> bool:
    """By the magic of a file; by the length of its first message a stream, which has none."""
    head = probe.head
    if head.startswith((b"ARROW1\0\0", b"FEA1")):
        return True
    if not head.startswith(b"\xff\xff\xff\xff") or len(head) < 16:
        return False
    # Behind the mark: the length of a message, which is padded to eight bytes, and its root.
    length, root = struct.unpack_from("<iI", head, 4)
    return 0 < length < _MOST_SCHEMA_BYTES and length % 8 == 0 and root < length
