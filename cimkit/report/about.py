"""What a source is, what a conversion lost, what a standard holds, how the installation is: for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cimkit.messages import shown
from cimkit.model import Lang, LossReport
from cimkit.report.assets import assets_shown
from cimkit.report.files import files_seen
from cimkit.report.labels import label
from cimkit.report.run import short_crs
from cimkit.report.tables import facts, heading, table

_REJECTS = 5


def render_inspection(found: Mapping[str, Any], lang: Lang) -> RenderableType:
    """An inspection: the file, then each layer with its evidence, fields and hints, then the assets."""
    parts: list[RenderableType] = [
        Text.assemble((str(found["path"]), "bold"), f"  {found['format']}  {found['bytes']:,} {label('bytes', lang)}")
    ]
    parts += [_hint(hint) for hint in found["hints"]]
    parts += files_seen(found, lang)
    for layer in found["layers"]:
        parts += [
            heading(f"{label('layer', lang)} {layer['name']}"),
            _facts(layer, lang),
            Text(""),
            _fields(layer, lang),
        ]
        parts += [_hint(hint) for hint in layer["hints"]]
    return Group(*parts, *assets_shown(found, lang))


def _facts(layer: Mapping[str, Any], lang: Lang) -> RenderableType:
    result = facts()
    result.add_row(label("features", lang), f"{layer['features']:,}", "")
    kinds = ", ".join(f"{name} {count:,}" for name, count in layer["geometry_kinds"].items())
    result.add_row(label("geometry", lang), kinds or "–", "")
    if layer["bbox"]:
        result.add_row(label("extent", lang), ", ".join(f"{value:.10g}" for value in layer["bbox"]), "")
    for key in ("crs", "encoding"):
        evidence = layer[key]
        sure = f"{evidence['how']} ({evidence['confidence']:.0%})"
        result.add_row(label(key, lang), short_crs(evidence["value"]), sure)
    return result


def _fields(layer: Mapping[str, Any], lang: Lang) -> RenderableType:
    result = table(lang, ("field", "type"))
    for field in layer["fields"]:
        width = f"({field['width']})" if field["width"] else ""
        result.add_row(field["name"], f"{field['type']}{width}")
    return result


def _hint(hint: Mapping[str, str]) -> Text:
    return Text.assemble((f"! {hint['code']} ", "yellow"), hint["message"])


def render_losses(losses: LossReport, format: str, lang: Lang) -> str | RenderableType:
    """A loss report as ``json`` text, or for a person: the worst first, with the first example of each."""
    if format == "json":
        return json.dumps(losses.to_dict(), ensure_ascii=False, indent=2) + "\n"
    parts: list[RenderableType] = [Text(f"{losses.rows_written:,} {label('records', lang)} → {losses.target}")]
    if losses.losses:
        parts += [_losses(losses, lang), Text(_total(losses, lang), style="bold")]
    else:
        parts.append(Text(label("nothing_lost", lang), style="green"))
    if losses.rejected.count:
        parts += _rejected(losses, lang)
    if losses.verified is not None:
        parts.append(
            Text(label("verified", lang), style="green")
            if losses.verified
            else Text(label("not_verified", lang), style="bold red")
        )
    return Group(*parts)


def _losses(losses: LossReport, lang: Lang) -> RenderableType:
    result = table(lang, ("lost", "count", "message"), right=("count",))
    for loss in losses.losses:
        what = Text(loss.message)
        if loss.example is not None and loss.example.get("row") is not None:
            what.append(f"\n{_example(loss.example, lang)}", style="dim")
        result.add_row(Text(loss.code, no_wrap=True), f"{loss.count:,}", what)
    return result


def _example(example: Mapping[str, Any], lang: Lang) -> str:
    row = label("row", lang, row=example["row"])
    return f"{row}: {shown(example.get('before'))} → {shown(example.get('after'))}"


def _total(losses: LossReport, lang: Lang) -> str:
    changes = sum(loss.count for loss in losses.losses)
    number = "" if len(losses.losses) != 1 else ".one" if changes != 1 else ".single"
    return label(f"losses_total{number}", lang, kinds=len(losses.losses), changes=changes)


def _rejected(losses: LossReport, lang: Lang) -> list[RenderableType]:
    count = losses.rejected.count
    title = label("rejected.one" if count == 1 else "rejected", lang, count=count)
    parts: list[RenderableType] = [Text(title, style="bold")]
    for reject in losses.rejected.examples[:_REJECTS]:
        row = "" if reject.row is None else f"{label('row', lang, row=reject.row)}, "
        parts.append(Text(f"  {row}{reject.place}: {reject.reason}"))
    if losses.rejected.count > _REJECTS:
        parts.append(Text(f"  {label('more_rows', lang, count=losses.rejected.count - _REJECTS)}", style="dim"))
    return parts


def render_standard(description: Mapping[str, Any], lang: Lang) -> RenderableType:
    """A standard's layers, or one layer's fields (where ``fields`` is among what is described)."""
    if "fields" in description:
        result = table(lang, ("field", "name", "type", "obligation", "unit", "detail"))
        for field in description["fields"]:
            names = field["names"]
            shown = names.get(lang) or names.get("en") or ""
            result.add_row(
                field["name"],
                f"{shown} {names.get('short', '')}".strip(),
                "/".join(field["types"]),
                field["obligation"],
                field.get("unit") or "",
                field.get("codelist") or field.get("ref") or "",
            )
        return Group(
            Text(f"{description['id']} {description['version']} / {description['layer']}", style="bold"), result
        )
    result = table(lang, ("layer", "name", "geometry", "count"), right=("count",))
    for layer in description["layers"]:
        title = layer["names"].get(lang) or layer["names"].get("en") or ""
        result.add_row(layer["name"], title, ", ".join(layer["geometry"]) or "–", str(layer["fields"]))
    head = f"{description['id']} {description['version']} ({description['status']})"
    return Group(Text(head, style="bold"), result)


def render_doctor(found: Mapping[str, Any], lang: Lang) -> RenderableType:
    """The state of the installation."""
    checks = table(lang, ("name", "ok", "detail"))
    for check in found["checks"]:
        mark = Text("✓", style="green") if check["ok"] else Text("✗", style="bold red")
        checks.add_row(check["name"], mark, check["detail"] + (f" → {check['try']}" if check["try"] else ""))
    packages = table(lang, ("package", "version"))
    for name, version in found["packages"].items():
        packages.add_row(name, version or Text("–", style="red"))
    extras = table(lang, ("extra", "status", "for_what"))
    for extra in found["extras"]:
        state = Text(f"✓ {extra['version']}", style="green") if extra["installed"] else extra["install"]
        extras.add_row(extra["name"], state, ", ".join(extra["for"]))
    head = f"cimkit {found['cimkit']} · Python {found['python']} · {found['platform']}"
    return Group(Text(head, style="bold"), checks, Text(""), packages, Text(""), extras)
