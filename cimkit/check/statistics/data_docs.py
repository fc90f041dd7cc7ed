"""Great Expectations' Data Docs of a check, as pages that open without a network.

The pages it writes fetch their styles, scripts and pictures from a dozen hosts. Here everything
from outside is taken out, and one small style sheet and script of our own stand in.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cimkit.atomic import replacing
from cimkit.errors import UsageError

_PAGES = Path(__file__).parent / "pages"
_SITE = "cimkit"
_OURS = ("data-docs.css", "data-docs.js")
#: Elements that load what their attribute names. Scripts go altogether: without the libraries they only fail.
_LOADING = {"link": "href", "img": "src", "iframe": "src", "source": "src"}
#: The index has its lists drawn by a script: element -> the folder whose pages are listed in it.
_LISTS = {"Validation-Results": "validations", "Expectation-Suites": "expectations"}


@dataclass(frozen=True, slots=True)
class DataDocs:
    """Where a check keeps what Great Expectations found; ``standard`` begins the names of its suites."""

    project: Path
    standard: str


def write(project: Path, target: Path) -> bool:
    """Writes the pages into the folder ``target``; False where no expectation was checked.

    Raises:
        UsageError: the folder holds something else.
    """
    from cimkit.check.statistics.suite import quietly

    if not project.is_dir():
        return False
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / _OURS[0]).is_file())):
        raise UsageError(f"{target} is not empty and holds no Data Docs.", hint="Name a new folder: --data-docs DIR.")
    built = project / "built"
    with quietly():
        import great_expectations as gx

        context: Any = gx.get_context(mode="file", project_root_dir=project)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(built)}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        context.add_data_docs_site(
            _SITE, {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": store}
        )
        context.build_data_docs(site_names=[_SITE])
    for page in sorted(built.rglob("*.html")):
        _without_network(page, built)
    for name in _OURS:
        shutil.copyfile(_PAGES / name, built / name)
    with replacing(target, folder=True) as aside:
        shutil.copytree(built, aside)
    return True


def _without_network(page: Path, site: Path) -> None:
    from lxml import html

    document = html.fromstring(page.read_bytes(), parser=html.HTMLParser(encoding="utf-8", no_network=True))
    for element in list(document.iter(*_LOADING)):
        address = element.get(_LOADING[element.tag]) or ""
        if urlsplit(address).netloc or "icon" in (element.get("rel") or ""):  # the icon's own address is wrong
            element.drop_tree()
    for element in [*document.iter("script"), *document.iter("button")]:
        element.drop_tree()
    for name, folder in _LISTS.items():
        for element in document.xpath("//*[@id=$name]", name=name):
            element.append(_listed(site, folder))
    head = document.find("head")
    up = "../" * (len(page.relative_to(site).parts) - 1)
    for name in _OURS:
        made = html.Element("link", rel="stylesheet", href=up + name)
        if name.endswith(".js"):
            made = html.Element("script", src=up + name, defer="defer")
        head.append(made)
    page.write_bytes(html.tostring(document, doctype="<!DOCTYPE html>", encoding="utf-8"))


def _listed(site: Path, folder: str) -> Any:
    from lxml import html

    entries = html.Element("ul")
    for page in sorted((site / folder).rglob("*.html")):
        place = page.relative_to(site)
        link = html.Element("a", href=place.as_posix())
        link.text = " / ".join(place.with_suffix("").parts[1:])
        entry = html.Element("li")
        entry.append(link)
        entries.append(entry)
    return entries
