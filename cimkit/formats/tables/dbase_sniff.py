"""Whether a file is a dBase table, by the sizes in its header."""

from __future__ import annotations

import struct

from cimkit.formats.probe import Probe

#: The first byte says the program and whether there are memos.
_VERSIONS = frozenset(b"\x02\x03\x04\x05\x30\x31\x32\x43\x63\x83\x8b\x8c\xcb\xe5\xf5\xfb")
_KINDS = frozenset(b"CNFLDIMTYBGPO@+0VQW")


def is_dbase(probe: Probe) -> bool:
    """Whether the header of 32 bytes and its columns are a table's; the suffix alone is no sign."""
    head = probe.head
    if len(head) < 65 or head[0] not in _VERSIONS:
        return False
    header, record = struct.unpack_from("<HH", head, 8)
    month, day = head[2], head[3]
    columns = header >= 65 and record > 1 and head[32 + 11] in _KINDS and head[32] > 0x20
    return columns and (probe.suffix == ".dbf" or (month <= 12 and day <= 31 and b"\x0d" in head[64:header]))
