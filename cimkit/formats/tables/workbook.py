"""Files of workbooks: which kind one is, and whether it was made to do harm."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence

from cimkit.errors import SourceError
from cimkit.formats.dataset import Delivery
from cimkit.formats.probe import Probe
from cimkit.model import Hint

#: What a part of a workbook may unpack to, and how much more than it is packed (a zip bomb is 1000 times and more).
_MOST_BYTES = 4 << 30
_MOST_RATIO = 500
_UNSUSPECTED_BYTES = 64 << 20

#: An OLE compound file, in which Excel keeps .xls and whatever a password protects ([MS-CFB] 2.2).
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_DIRECTORY_SECTORS = 256
_TABLES_IN_HEADER = 109
_LAST_SECTOR, _FREE = 0xFFFFFFFA, 0xFFFFFFFF


def is_xlsb(probe: Probe) -> bool:
    """Whether a file is a binary Excel workbook."""
    return "xl/workbook.bin" in probe.members


def is_ods(probe: Probe) -> bool:
    """Whether a file is an OpenDocument spreadsheet: its type stands unpacked at the beginning (ODF 1.2, part 3)."""
    return b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet" in probe.head[30:120]


def is_xls(probe: Probe) -> bool:
    """Whether a file is an old Excel workbook, or one that a password protects."""
    names = streams(probe)
    return bool(names & {"Workbook", "Book", "EncryptedPackage"})


def streams(probe: Probe) -> set[str]:
    """The names of the streams in an OLE compound file; none where it is no such file or damaged."""
    head = probe.head
    if not head.startswith(_OLE) or len(head) < 512:
        return set()
    size = 1 << struct.unpack_from("<H", head, 30)[0]
    sector: int = struct.unpack_from("<I", head, 48)[0]
    if size not in (512, 4096):
        return set()
    names = set()
    with probe.path.open("rb") as handle:
        for _ in range(_MOST_DIRECTORY_SECTORS):
            handle.seek((sector + 1) * size)
            data = handle.read(size)
            for at in range(0, len(data) - 127, 128):
                length = struct.unpack_from("<H", data, at + 64)[0]
                names.add(data[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "ignore"))
            # The table of sectors: this one's entry is the next.
            table, place = divmod(sector, size // 4)
            if table >= _TABLES_IN_HEADER:
                break
            handle.seek((struct.unpack_from("<I", head, 76 + 4 * table)[0] + 1) * size + 4 * place)
            following = handle.read(4)
            if len(following) < 4 or (sector := struct.unpack("<I", following)[0]) >= _LAST_SECTOR:
                break
    return names


def refuse_cut(probe: Probe) -> None:
    """Raise SourceError where a compound file is shorter than its table of sectors says."""
    size = 1 << struct.unpack_from("<H", probe.head, 30)[0]
    tables = min(struct.unpack_from("<I", probe.head, 44)[0], _TABLES_IN_HEADER)
    last = 0
    with probe.path.open("rb") as handle:
        for table, sector in enumerate(struct.unpack_from(f"<{tables}I", probe.head, 76)):
            handle.seek((sector + 1) * size)
            data = handle.read(size)
            entries = struct.unpack(f"<{len(data) // 4}I", data[: len(data) & ~3])
            used = [place for place, entry in enumerate(entries) if entry != _FREE]
            last = max(last, table * (size // 4) + used[-1] if used else 0, sector)
    if probe.path.stat().st_size < (last + 2) * size:
        raise SourceError(
            f"{probe.path} is cut off: it has {last + 1} sectors of {size} bytes, and not all of them are there.",
            hint="Copy or download it again.",
        )


def refuse_traps(delivery: Delivery) -> None:
    """Raise SourceError for a workbook made to exhaust memory: a zip bomb, or XML with entities of its own."""
    try:
        with zipfile.ZipFile(delivery.path) as archive:
            for part in archive.infolist():
                packed = max(part.compress_size, 1)
                swollen = part.file_size > _UNSUSPECTED_BYTES and part.file_size / packed > _MOST_RATIO
                if part.file_size > _MOST_BYTES or swollen:
                    raise SourceError(f"{delivery.path}: its part {part.filename} unpacks to {part.file_size} bytes.")
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as handle:
                        if b"<!DOCTYPE" in handle.read(1 << 16):
                            raise SourceError(f"{delivery.path}: its part {part.filename} declares entities.")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise damaged(delivery, error) from error


def damaged(delivery: Delivery, error: Exception) -> SourceError:
    """The error for a workbook that a library cannot read."""
    return SourceError(
        f"{delivery.path} is a damaged workbook: {str(error) or type(error).__name__}.",
        hint="Open it in Excel or LibreOffice and save it again.",
    )


def protected(delivery: Delivery) -> SourceError:
    """The error for a workbook that a password protects."""
    return SourceError(
        f"{delivery.path} is protected by a password.",
        hint="Open it, save it without the password, and read that file.",
    )


def hidden_hints(names: Sequence[str]) -> list[Hint]:
    """That hidden sheets are left out."""
    return [Hint("layers.hidden", f"Hidden sheets are left out: {', '.join(names)}.")] if names else []
