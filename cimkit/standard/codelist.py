"""Code lists: which codes a field may take, what they mean, and how sure the list itself is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from cimkit import documents
from cimkit.errors import StandardError, nearest

MANIFEST = "codelists.yaml"
FOLDER = "codelists"
COLUMNS = (
    "code", "parent", "label_en", "label_zh", "definition_en", "definition_zh",
    "status", "valid_from", "valid_to", "replaced_by", "source",
)  # fmt: skip

Status = Literal["valid", "deprecated", "draft"]
_STATUSES = ("valid", "deprecated", "draft")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Code:
    """One code. ``labels`` and ``definitions`` are by language; dates are ISO, None means unlimited."""

    code: str
    parent: str | None
    labels: Mapping[str, str]
    status: Status = "valid"
    valid_from: str | None = None
    valid_to: str | None = None
    replaced_by: tuple[str, ...] = ()
    definitions: Mapping[str, str] | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Codelist:
    """One edition of a list. An ``open`` list admits codes it does not name.

    ``verification`` says how sure the list is: official | double | single | proposal.
    """

    id: str
    version: str
    open: bool
    codes: Mapping[str, Code]
    title: Mapping[str, str]
    status: str
    verification: str
    source: str


class Codelists(Mapping[str, Codelist]):
    """The lists of a standard by ``id``, or ``id@version``; an id alone where there is one version of it."""

    def __init__(self, lists: Iterable[Codelist]) -> None:
        self._versions: dict[str, dict[str, Codelist]] = {}
        for codelist in lists:
            self._versions.setdefault(codelist.id, {})[codelist.version] = codelist

    def __getitem__(self, reference: str) -> Codelist:
        id_, _, version = reference.partition("@")
        versions = self._versions[id_]
        if version:
            return versions[version]
        if len(versions) > 1:
            raise KeyError(reference)
        return next(iter(versions.values()))

    def __iter__(self) -> Iterator[str]:
        for id_, versions in self._versions.items():
            yield from [id_] if len(versions) == 1 else [f"{id_}@{version}" for version in versions]

    def __len__(self) -> int:
        return sum(len(versions) for versions in self._versions.values())


def load_codelists(package: Path) -> list[Codelist]:
    """The lists that a package's ``codelists.yaml`` names; none where it has no such file.

    Raises:
        StandardError: the manifest or a list is broken, or a list is missing.
    """
    path = package / MANIFEST
    if not path.is_file():
        return []
    entries = documents.load_yaml_list(path)
    documents.validate(entries, "codelists", path)
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        if (entry["id"], entry["version"]) in seen:
            raise StandardError(f"{path} has {entry['id']}@{entry['version']} twice.", hint="Remove one of the two.")
        seen.add((entry["id"], entry["version"]))
    return [_load(package / FOLDER, entry, path) for entry in entries]


def _load(folder: Path, entry: Mapping[str, Any], manifest: Path) -> Codelist:
    path = folder / entry.get("file", f"{entry['id']}.csv")
    if not path.is_file():
        beside = [other.name for other in folder.glob("*.csv")]
        raise StandardError(
            f"{manifest} names the code list '{entry['id']}', but there is no {path}.",
            hint=nearest(path.name, beside) or "Add the file, or name it with 'file'.",
        )
    return Codelist(
        id=entry["id"],
        version=entry["version"],
        open=entry["open"],
        codes=read_codes(path),
        title=entry["title"],
        status=entry.get("status", "draft"),
        verification=entry["verification"],
        source=entry["source"],
    )


def read_codes(path: Path) -> dict[str, Code]:
    """The codes of one CSV, in its order (``schemas/codelist.schema.json`` describes a row).

    Raises:
        StandardError: the file is not such a list; the message names the line.
    """
    codes: dict[str, Code] = {}
    lines: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if tuple(header) != COLUMNS:
                _refuse_header(path, header)
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if len(cells) != len(COLUMNS):
                    raise StandardError(f"{where} has {len(cells)} cells instead of {len(COLUMNS)}.")
                code = _code(dict(zip(COLUMNS, cells, strict=True)), where)
                if code.code in codes:
                    raise StandardError(
                        f"{where} has the code '{code.code}' again, first seen in line {lines[code.code]}."
                    )
                codes[code.code] = code
                lines[code.code] = reader.line_num
    except UnicodeDecodeError as error:
        raise StandardError(f"{path} is not UTF-8.", hint="Save it as UTF-8.") from error
    except csv.Error as error:
        raise StandardError(f"{path} is not CSV: {error}.") from error
    if not codes:
        raise StandardError(f"{path} has no codes.")
    _check_relations(path, codes, lines)
    return codes


def _refuse_header(path: Path, header: list[str]) -> None:
    unknown = next((name for name in header if name not in COLUMNS), None)
    missing = next((name for name in COLUMNS if name not in header), None)
    if unknown is not None:
        raise StandardError(f"{path} has an unknown column '{unknown}'.", hint=nearest(unknown, COLUMNS))
    what = f"lacks the column '{missing}'" if missing else "has its columns in another order, or twice"
    raise StandardError(f"{path} {what}.", hint=f"The first line is: {','.join(COLUMNS)}")


def _code(row: Mapping[str, str], where: str) -> Code:
    if not row["code"] or row["code"] != row["code"].strip():
        raise StandardError(f"{where} has a code that is empty or has spaces around it.")
    labels = {lang: row[f"label_{lang}"] for lang in ("en", "zh") if row[f"label_{lang}"]}
    if not labels:
        raise StandardError(f"{where}: the code '{row['code']}' has no label.")
    status = row["status"] or "valid"
    if status not in _STATUSES:
        raise StandardError(f"{where}: the status '{status}' is unknown.", hint=nearest(status, _STATUSES))
    for column in ("valid_from", "valid_to"):
        if row[column] and not _DATE.fullmatch(row[column]):
            raise StandardError(f"{where}: {column} is '{row[column]}'.", hint="Write dates as YYYY-MM-DD.")
    definitions = {lang: row[f"definition_{lang}"] for lang in ("en", "zh") if row[f"definition_{lang}"]}
    return Code(
        code=row["code"],
        parent=row["parent"] or None,
        labels=labels,
        status=cast(Status, status),
        valid_from=row["valid_from"] or None,
        valid_to=row["valid_to"] or None,
        replaced_by=tuple(part for part in row["replaced_by"].split("|") if part),
        definitions=definitions or None,
        source=row["source"] or None,
    )


def _check_relations(path: Path, codes: Mapping[str, Code], lines: Mapping[str, int]) -> None:
    """Parents exist and lead upwards; codes are replaced by codes."""
    for code in codes.values():
        where = f"{path}, line {lines[code.code]}"
        for other in (*([code.parent] if code.parent else []), *code.replaced_by):
            if other not in codes:
                raise StandardError(
                    f"{where}: '{code.code}' refers to the code '{other}', which is not in the list.",
                    hint=nearest(other, codes),
                )
        seen = {code.code}
        parent = code.parent
        while parent:
            if parent in seen:
                raise StandardError(f"{where}: the code '{code.code}' is among its own parents.")
            seen.add(parent)
            parent = codes[parent].parent
