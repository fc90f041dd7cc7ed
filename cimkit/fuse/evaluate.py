"""How right a fusion is, where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

_LABELS = ("match", "label")
_TRUE = ("1", "true", "t", "yes", "y", "same")


def evaluate(matches: Path | str, truth: Path | str) -> dict[str, float]:
    """Precision, recall and F1 of the pairs that a fusion matched.

    Args:
        matches: ``matches.parquet`` of a fusion.
        truth: CSV or Parquet with ``left_id`` and ``right_id``, and where ids are not unique
            over all sources ``left_source`` and ``right_source``. With a column ``match`` or
            ``label`` (1/0, true/false) only the pairs listed there count; without it, the
            pairs listed are all there are.

    Raises:
        SourceError: one of the files cannot be read, or has other columns.
    """
    labelled = _truth(Path(truth))
    has_sources = {"left_source", "right_source"} <= set(labelled.column_names)
    label = next((name for name in _LABELS if name in labelled.column_names), None)
    sources = ["left_source", "right_source"] if has_sources else []
    keys = [*sources, "left_id", "right_id"]
    real = f"lower(trim({label})) IN {_TRUE}" if label else "TRUE"
    listed = ", ".join(keys)
    # Where sources are named a pair may stand the other way round; where they are not, left is left.
    turned = [name.replace("left", "~").replace("right", "left").replace("~", "right") for name in keys]
    both = f"FROM given UNION ALL SELECT {', '.join(turned)}, real FROM given" if sources else "FROM given"
    with duck.connect() as con:
        con.register("labelled", labelled)
        con.execute(
            f"""
            CREATE TABLE truth AS
            WITH given AS (SELECT {listed}, {real} AS real FROM labelled)
            SELECT {listed}, bool_or(real) AS real FROM ({both}) GROUP BY {listed};
            CREATE TABLE said AS SELECT DISTINCT {listed} FROM {duck.parquet(matches)} WHERE match
            """
        )
        row = con.execute(
            f"""
            SELECT count(*) FILTER (real), count(*) FILTER (NOT real), count(*) FILTER (real IS NULL),
                (SELECT count(*) FILTER (real) FROM truth)
            FROM said LEFT JOIN truth USING ({listed})
            """
        ).fetchone() or (0, 0, 0, 0)
    pairs = int(row[3]) // (2 if sources else 1)
    hits, wrong = int(row[0]), int(row[1]) + (0 if label else int(row[2]))
    precision = hits / (hits + wrong) if hits + wrong else 0.0
    recall = hits / pairs if pairs else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "pairs": float(pairs)}


def _truth(path: Path) -> pa.Table:
    """The labelled pairs, every cell as text."""
    import pandas as pd
    import pyarrow as pa

    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path).astype(str)
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a table of true pairs: {error}") from error
    missing = {"left_id", "right_id"} - set(frame.columns)
    if missing:
        raise SourceError(
            f"{path} has no column '{sorted(missing)[0]}'.",
            hint="A truth file has left_id and right_id, and may have left_source, right_source and match.",
        )
    return pa.table({name: pa.array(frame[name], pa.string()) for name in frame.columns})
