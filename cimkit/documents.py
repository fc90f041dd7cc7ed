"""The YAML and JSON documents people write for cimkit: read safely, held against cimkit's own schemas.

YAML is read as its JSON part only: no tags, no anchors or aliases (so nothing expands), and none
of YAML 1.1's surprises: ``yes``, ``010001``, ``12:30`` and ``2024-05-01`` are text as written.
A key is always its written text, so codes are safe as keys.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Never

from cimkit import resources
from cimkit.errors import CimkitError, StandardError, nearest

if TYPE_CHECKING:
    import yaml
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

#: A YAML document is written by hand; a JSON one may be a schema that a program made.
MAX_YAML_BYTES = 1 << 20
MAX_JSON_BYTES = 32 << 20

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}

ErrorKind = type[CimkitError]


def load_yaml(path: str | Path, error: ErrorKind = StandardError) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        error: the file is missing, too big, not UTF-8, not the JSON part of YAML, has a key
            twice, or is not a mapping; the message names the line.
    """
    return _mapping(_plain(_node(Path(path), error), path, error), path, error)


def load_yaml_list(path: str | Path, error: ErrorKind = StandardError) -> list[Any]:
    """The list in a YAML file; an empty file is an empty list. Raises as :func:`load_yaml`."""
    document = _plain(_node(Path(path), error), path, error)
    if document is None:
        return []
    if not isinstance(document, list):
        raise error(f"{path} must be a list, but is {_kind(document)}.", hint="Begin each entry with '- '.")
    return document


def load_json(path: str | Path, error: ErrorKind = StandardError) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        error: the file is missing, too big, not UTF-8, not JSON, has a key twice in one object,
            or is not an object.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise error(f"{path} has the key '{key}' twice in one object.", hint="Remove one of the two.")
            found[key] = value
        return found

    def refuse(constant: str) -> Never:
        raise error(f"{path} contains {constant}, which JSON does not have.", hint="Use null or a number.")

    text = _text(Path(path), MAX_JSON_BYTES, error)
    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise error(f"{path} is not JSON: {problem.msg} at {place}.") from problem
    except (RecursionError, ValueError) as problem:
        raise error(f"{path} is nested too deeply, or has a number of too many digits.") from problem
    return _mapping(document, path, error)


def validate(document: Any, schema: str, path: str | Path, error: ErrorKind = StandardError) -> None:
    """Holds a document against one of cimkit's own schemas, ``schemas/<schema>.schema.json``.

    ``path`` is the file the document came from. It is named in the message, and YAML is read
    again for the line number when there is something to complain about.

    Raises:
        error: the first thing that is wrong, with the place inside the document. Unknown keys
            come before all else, since a misspelt key is why another one is missing; ``hint``
            names the nearest known one.
    """
    complaints = [c for problem in _validator(schema).iter_errors(document) for c in _complaints(problem)]
    if not complaints:
        return
    first = min(complaints, key=lambda complaint: complaint.unknown_key is None)
    line = _line(Path(path), first.place + (() if first.unknown_key is None else (first.unknown_key,)))
    where = f"{path}{f', line {line},' if line else ''} at {_pointer(first.place)}"
    more = f" ({len(complaints) - 1} more)" if len(complaints) > 1 else ""
    raise error(f"{first.what} in {where}{more}", hint=first.hint)


# ---- reading ----------------------------------------------------------------------------


def _text(path: Path, limit: int, error: ErrorKind) -> str:
    if path.is_dir():
        raise error(f"{path} is a folder, not a document.")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as problem:
        beside = [sibling.name for sibling in path.parent.glob("*")] if path.parent.is_dir() else []
        raise error(f"{path} does not exist.", hint=nearest(path.name, beside)) from problem
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}.") from problem
    if len(data) > limit:
        raise error(f"{path} is larger than {limit >> 20} MiB, too large for a document of its kind.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise error(f"{path} is not UTF-8 at line {line}.", hint="Save it as UTF-8.") from problem


def _node(path: Path, error: ErrorKind) -> yaml.Node | None:
    """The document's node graph: a tree, as aliases are refused."""
    import yaml

    class Tree(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
            event = self.peek_event()
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                raise error(
                    f"{path}, line {event.start_mark.line + 1}: anchors (&), aliases (*) and tags (!)"
                    " are not read here.",
                    hint="Write the value out, or quote it where it is text.",
                )
            return super().compose_node(parent, index)

    text = _text(path, MAX_YAML_BYTES, error)
    try:
        return Tree(text).get_single_node()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise error(f"{path}{place}, is not YAML: {problem.problem or problem.context}.") from problem
    except yaml.YAMLError as problem:
        raise error(f"{path} is not YAML: {' '.join(str(problem).split())}.") from problem
    except RecursionError as problem:
        raise error(f"{path} is nested too deeply.") from problem


def _plain(node: yaml.Node | None, path: str | Path, error: ErrorKind) -> Any:
    """The JSON value a node stands for."""
    import yaml

    if node is None:
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path, error) for item in node.value]
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _scalar(node.value, f"{path}, line {_line_number(node)}", error)
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = _line_number(key)
        if not isinstance(key, yaml.ScalarNode) or (key.value == "<<" and key.style is None):
            raise error(f"{path}, line {line}: a key must be plain text.")
        if key.value in found:
            raise error(f"{path}, line {line}: the key '{key.value}' is here twice.", hint="Remove one of the two.")
        found[key.value] = _plain(value, path, error)
    return found
    return found


def _line_number(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _scalar(text: str, place: str, error: ErrorKind) -> Any:
    """An unquoted YAML scalar as JSON would read it, else as text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if not _NUMBER.fullmatch(text):
        return text
    if len(text) > 400 or not math.isfinite(float(text)):
        raise error(f"{place}: the number is out of range.", hint="Quote it if it is text.")
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def _mapping(document: Any, path: str | Path, error: ErrorKind) -> dict[str, Any]:
    if document is None:
        raise error(f"{path} is empty.")
    if not isinstance(document, dict):
        raise error(f"{path} must be a mapping of keys to values, but is {_kind(document)}.")
    return document


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "empty"}
    return names.get(type(value), "a number")


# ---- holding against a schema -----------------------------------------------------------


class _Complaint(NamedTuple):
    what: str
    place: tuple[str | int, ...]
    hint: str | None = None
    unknown_key: str | None = None


@cache
def _validator(schema: str) -> Validator:
    """The validator of one of cimkit's schemas; they refer to one another by ``$id``."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    suffix = ".schema.json"
    shipped = {
        path.name.removesuffix(suffix): Resource.from_contents(json.loads(path.read_text("utf-8")))
        for path in sorted(resources.folder("schemas").glob("*" + suffix))
    }
    if schema not in shipped:
        raise CimkitError(f"cimkit has no schema '{schema}'.", hint=nearest(schema, shipped))
    # Crawled, or the dialect's dynamic anchor is searched for again in all schemas at each use.
    registry: Registry[Any] = (shipped.values() @ Registry()).crawl()
    return Draft202012Validator(shipped[schema].contents, registry=registry)


def _complaints(problem: ValidationError) -> Iterator[_Complaint]:
    """What to say about one validation error; of alternatives, about the branch that fits best."""
    branch = _likeliest_branch(problem)
    if branch:
        for inner in branch:
            yield from _complaints(inner)
        return
    place, value = tuple(problem.absolute_path), problem.instance
    schema: dict[str, Any] = problem.schema if isinstance(problem.schema, dict) else {}
    asked: Any = problem.validator_value
    description = schema.get("description")
    if problem.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(value, dict):
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for key in value:
            if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                yield _Complaint(f"unknown key '{key}'", place, nearest(key, set(known) - set(value)), key)
    elif problem.validator == "enum" and "propertyNames" in problem.absolute_schema_path:
        yield _Complaint(f"unknown key '{value}'", place, nearest(str(value), map(str, asked)), str(value))
    elif problem.validator == "required" and isinstance(value, dict):
        key = next(key for key in asked if key not in value and f"'{key}'" in problem.message)
        yield _Complaint(f"missing key '{key}'", place)
    elif problem.validator == "enum":
        yield _Complaint(f"{_shown(value)} is not one of the known values", place, nearest(str(value), map(str, asked)))
    elif problem.validator == "type":
        wanted = " or ".join([asked] if isinstance(asked, str) else asked)
        yield _Complaint(f"{_shown(value)} is {_kind(value)} where {wanted} is expected", place, description)
    elif problem.validator == "pattern":
        yield _Complaint(f"{_shown(value)} does not look as expected", place, description or f"Pattern: {asked}")
    else:
        yield _Complaint(problem.message, place, description)


def _likeliest_branch(problem: ValidationError) -> list[ValidationError]:
    """Of the failed alternatives of anyOf or oneOf, the errors of the one that was probably meant."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in problem.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)

    def misfit(errors: list[ValidationError]) -> tuple[bool, int]:
        wrong_type = any(e.validator in ("type", "const", "enum") and not e.relative_path for e in errors)
        return wrong_type, len(errors)

    return min(branches.values(), key=misfit, default=[])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _pointer(place: tuple[str | int, ...]) -> str:
    return "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in place)


def _line(path: Path, place: tuple[str | int, ...]) -> int | None:
    """The line of a place in a YAML file, or None where it cannot be told."""
    import yaml

    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return None
    node = _node(path, CimkitError)
    line = 1
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = _line_number(node)
        elif isinstance(node, yaml.MappingNode):
            key, node = next(((k, v) for k, v in node.value if k.value == step), (None, None))
            if key is None:
                return None
            line = _line_number(key)
        else:
            return None
    return line
