"""A pipeline document is checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimkit.errors import PipelineError
from cimkit.pipeline import Pipeline, shipped

GOOD = """
pipeline: city
standard: cim-core@0.1
sources:
  survey: {path: survey.shp, layer: building, as_of: 2024-05-01, trust: 0.9}
publish: {message: monthly}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "city.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sources:", "sorces:", "sources"),
        ("layer: building", "layr: building", "layer"),
        ("trust: 0.9", "trust: 9", "trust"),
        ("standard: cim-core@0.1", "", "standard"),
        ("publish: {message: monthly}", "gate: {rejected: throw}", "rejected"),
        ("publish: {message: monthly}", "pipeline: again", "pipeline"),
        ("publish: {message: monthly}", "publish: [", "city.yaml"),
        ("path: survey.shp", "path: '${where}/survey.shp'", "where"),
        ("as_of: 2024-05-01", "as_of: 2024-02-31", "2024-02-31"),
        ("publish: {message: monthly}", "datasets: {bulding: {title: {en: Houses}}}", "'building'"),
        ("publish: {message: monthly}", "checks: {samples: 99999999999999999999}", "samples"),
    ],
)
def test_a_broken_document_says_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        Pipeline.load(write(tmp_path, GOOD.replace(old, new)))
    assert said in f"{caught.value} {caught.value.hint}"
    assert caught.value.exit_code == 2


def test_a_folder_is_not_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="folder"):
        Pipeline.load(tmp_path)


def test_paths_start_at_the_document(tmp_path: Path) -> None:
    pipeline = Pipeline.load(write(tmp_path, GOOD))
    source = pipeline.sources["survey"]
    assert source.path == tmp_path / "survey.shp"
    assert source.as_of == "2024-05-01"
    assert pipeline.gate.rejected == "quarantine"


def test_a_standard_may_lie_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "standards/mine").mkdir(parents=True)
    (tmp_path / "standards/mine/standard.yaml").touch()
    text = GOOD.replace("cim-core@0.1", "standards/mine")
    assert Pipeline.load(write(tmp_path, text)).standard == str(tmp_path / "standards/mine")


def test_settings_fill_variables_and_replace_places(tmp_path: Path) -> None:
    text = "variables: {where: null, who: me}\n" + GOOD.replace("survey.shp", "'${where}/survey.shp'")
    path = write(tmp_path, text)
    with pytest.raises(PipelineError, match="where"):
        Pipeline.load(path)
    pipeline = Pipeline.load(path, {"where": "/data", "publish.message": "weekly", "gate.fail_on": "warning"})
    assert pipeline.sources["survey"].path == Path("/data/survey.shp")
    assert pipeline.message == "weekly"
    assert pipeline.gate.fail_on == "warning"
    with pytest.raises(PipelineError) as caught:
        Pipeline.load(path, {"wher": "/data"})
    assert "where" in str(caught.value.hint)


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert Pipeline.load(path).digest == Pipeline.load(path).digest
    assert Pipeline.load(path).digest != Pipeline.load(path, {"publish.message": "other"}).digest


def test_shipped_pipelines_load() -> None:
    assert "demo" in shipped()
    for name in shipped():
        assert Pipeline.load(name).plan()


def test_a_key_may_be_set_where_the_document_has_none(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert Pipeline.load(path, {"crs": "epsg:4547"}).crs == "EPSG:4547"
    assert Pipeline.load(path, {"variables.day": "x", "publish.message": "${day}"}).message == "x"
    for settings in ({"crss": "EPSG:4547"}, {"checks.samples": "[" * 100_000}):
        with pytest.raises(PipelineError):
            Pipeline.load(path, settings)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("crs: EPSG:999999", "EPSG:999999"),
        ("fuse: {building: {}}", "only the source 'survey'"),
        ("fuse: {bilding: {}}", "'building'"),
        ('title: {en: "a\\0b"}', "NUL"),
    ],
)
def test_what_cannot_run_is_told_before_anything_runs(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        Pipeline.load(write(tmp_path, f"{GOOD}{more}\n"))
    assert said in f"{caught.value} {caught.value.hint}"
