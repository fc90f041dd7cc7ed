"""Postal addresses in xAL 2 and 3, flattened: the whole as one text, and its parts."""

from __future__ import annotations

from typing import Any

from cimkit.formats.models.citygml_geometry import in_gml, local

Element = Any

#: The part of an address that an element of xAL, or one it stands in, tells; the innermost decides.
_PARTS = {
    "Country": "country",
    "AdministrativeArea": "region",
    "SubAdministrativeArea": "region",
    "Locality": "locality",
    "DependentLocality": "district",
    "SubLocality": "district",
    "Thoroughfare": "street",
    "ThoroughFare": "street",
    "ThoroughfareName": "street",
    "ThoroughFareName": "street",
    "ThoroughfareNumber": "number",
    "ThoroughFareNumber": "number",
    "Number": "number",
    "Premise": "premises",
    "Premises": "premises",
    "PremiseNumber": "number",
    "SubPremises": "unit",
    "PostalCode": "postcode",
    "PostCode": "postcode",
    "PostBox": "postbox",
}


def address(element: Element) -> dict[str, str]:
    """The parts of an Address: ``address`` as it stands, then ``address_street`` and so on."""
    parts: dict[str, list[str]] = {}
    words: list[str] = []
    for leaf in element.iter():
        text = " ".join((leaf.text or "").split())
        if not text or in_gml(leaf):
            continue
        words.append(text)
        above: Element | None = leaf
        while above is not None and above is not element:
            part = _PARTS.get(local(above))
            if part:
                parts.setdefault(part, []).append(text)
                break
            above = above.getparent()
    if not words:
        return {}
    return {"address": " ".join(words), **{f"address_{part}": " ".join(texts) for part, texts in parts.items()}}
