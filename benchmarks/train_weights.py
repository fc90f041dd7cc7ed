"""Learn the weights of cimkit.fuse from labelled pairs, and say how good they are.

    python benchmarks/train_weights.py BENCH_FOLDER [--out cimkit/fuse/weights]

BENCH_FOLDER holds ``buildings_eubucco``, ``poi_geoer`` and ``poi_hangzhou``. None of the
labelled data is shipped, only the weights. Every weight has the sign its feature must have
(more likeness never speaks against a match), so that evidence reads sensibly. All figures
printed are of pairs the weights were not learned from: of another country, city or fifth.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from cimkit import duck
from cimkit.fuse import align, assign, candidates, features, overlap, places, records, texts
from cimkit.fuse.findings import Findings
from cimkit.fuse.names import Rarity, fold, split_branch
from cimkit.fuse.profiles import PROFILES
from cimkit.fuse.score import log_odds
from cimkit.fuse.strategies import Strategy
from cimkit.model import FusionSource, silent

Floats = NDArray[np.float64]
AGAINST = {
    "gap_m", "branch_differs", "number_differs", "number_on_one_side", "address_number_differs",
    "postcode_differs", "distance_log", "distance_far",
}  # fmt: skip
EITHER_WAY = {"address_missing"}
CALIBRATED_PRECISION = {"building": 0.995, "poi": 0.98}


# ---- learning -------------------------------------------------------------------------


def learn(x: Floats, y: Floats, names: tuple[str, ...], ridge: float = 1.0) -> tuple[float, Floats]:
    """Logistic regression with a ridge on standardised features and the signs of the weights held."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = (x - mean) / spread
    sides = [(None, None) if n in EITHER_WAY else (None, 0) if n in AGAINST else (0, None) for n in names]

    def loss(w: Floats) -> tuple[float, Floats]:
        logit = z @ w[1:] + w[0]
        residual = 1 / (1 + np.exp(-np.clip(logit, -500, 500))) - y
        value = np.sum(np.logaddexp(0, logit) - y * logit) + ridge / 2 * w[1:] @ w[1:]
        return value, np.r_[residual.sum(), z.T @ residual + ridge * w[1:]]

    start = np.zeros(x.shape[1] + 1)
    w = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *sides], options={"maxiter": 5000}).x
    return float(w[0] - (w[1:] * mean / spread).sum()), w[1:] / spread


def left_out(x: Floats, y: Floats, names: tuple[str, ...], group: NDArray[Any]) -> Floats:
    """The probability of each pair by weights learned from all other groups."""
    p = np.zeros(len(y))
    for one in np.unique(group):
        test = group == one
        intercept, weights = learn(x[~test], y[~test], names)
        p[test] = 1 / (1 + np.exp(-(intercept + x[test] @ weights)))
    return p


def f1(said: NDArray[np.bool_], true: NDArray[np.bool_], positives: int | None = None) -> float:
    hits = (said & true).sum()
    return float(2 * hits / (said.sum() + (true.sum() if positives is None else positives)))


def threshold_for(precision: float, p: Floats, y: NDArray[np.bool_]) -> float:
    """The lowest probability from which on this share of the pairs is right."""
    order = np.argsort(-p, kind="stable")
    share = np.cumsum(y[order]) / np.arange(1, len(y) + 1)
    fit = np.flatnonzero(share >= precision)
    return float(p[order][fit[-1]]) if len(fit) else 1.0


def written(intercept: float, weights: Floats, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "intercept": round(intercept, 4),
        "weights": {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)},
    }


# ---- labelled pairs -------------------------------------------------------------------


def buildings(bench: Path) -> pd.DataFrame:
    folder = bench / "buildings_eubucco"
    given = [
        FusionSource(name, folder / f"buildings-{name}.parquet", "EPSG:3035", roles={"id": "bid"})
        for name in ("gov", "osm", "msft")
    ]
    profile, findings = PROFILES["building"], Findings()
    with duck.connect() as con:
        roster = records.load(con, given, {}, Strategy(), findings)
        align.align(con, roster, profile, "EPSG:3035", findings, silent)
        overlap.blocks(con, roster)
        candidates.find(con, roster, profile, frozenset(), silent)
        overlap.measure(con)
        measured = con.execute(
            "SELECT p.id AS id_existing, q.id AS id_new, overlap.* FROM overlap "
            "JOIN record p ON p.rid = a JOIN record q ON q.rid = b"
        ).df()
    return pd.read_parquet(folder / "matching-pairs.parquet").merge(measured, how="left")


def geoer(bench: Path) -> pd.DataFrame:
    frames = []
    for path in sorted((bench / "poi_geoer").glob("*.parquet")):
        pairs = pd.read_parquet(path)
        half = len(pairs)
        column = {name: [*pairs[f"{name}_l"], *pairs[f"{name}_r"]] for name in ("name", "addr", "pc")}
        names = [fold(text or "") for text in column["name"]]
        addresses = [fold(text or "") for text in column["addr"]]
        rarities = texts.Rarities(Rarity(), Rarity())
        rarities.names.count(filter(None, names))
        rarities.addresses.count(filter(None, addresses))
        parts = [split_branch(name) for name in names]
        table = places.Places(
            np.array(names, dtype=object),
            np.array([name for name, _ in parts], dtype=object),
            np.array([branch for _, branch in parts], dtype=object),
            np.array(addresses, dtype=object),
            np.array([fold(code or "") for code in column["pc"]], dtype=object),
            np.array([""] * len(names), dtype=object),
        )
        i = np.arange(half)
        measured = places.Comparison(table, rarities).features(i, i + half, _metres(pairs))
        frame = pd.DataFrame({**measured, "match": pairs["label"] == 1, "split": pairs["split"]})
        frames.append(frame.assign(set=path.stem, city=path.stem.rsplit("_", 1)[1]))
    return pd.concat(frames, ignore_index=True)


def _metres(pairs: pd.DataFrame) -> Floats:
    lat, other_lat, lon, other_lon = (
        np.radians(pairs[name].to_numpy()) for name in ("lat_l", "lat_r", "lon_l", "lon_r")
    )
    h = np.sin((other_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(other_lat) * np.sin((other_lon - lon) / 2) ** 2
    return 2 * 6371008.8 * np.arcsin(np.sqrt(h))


def hangzhou_sources(bench: Path, folder: Path, *, branches: bool = True) -> list[FusionSource]:
    """The two tables as fusion takes them; Dianping has branches in a column of their own."""
    import geopandas

    gaode = pd.read_csv(bench / "poi_hangzhou" / "gaode.csv", dtype=str).replace("[]", None)
    dianping = pd.read_csv(bench / "poi_hangzhou" / "dianping.csv", dtype=str)
    branch = "(" + dianping["branchname"] + ")"
    if branches:
        dianping["name"] += branch.fillna("")
    given = []
    for name, table, x, y in (
        ("gaode", gaode.rename(columns={"tel": "phone"}), "lon", "lat"),
        ("dianping", dianping.rename(columns={"shop_id": "id"}), "longitude", "latitude"),
    ):
        points = geopandas.points_from_xy(table[x].astype(float), table[y].astype(float))
        kept = table[["id", "name", "address", "phone"]]
        geopandas.GeoDataFrame(kept, geometry=points, crs="EPSG:4326").to_parquet(folder / f"{name}.parquet")
        given.append(FusionSource(name, folder / f"{name}.parquet", "GCJ-02"))
    return given


def hangzhou(bench: Path, *, branches: bool) -> tuple[pd.DataFrame, int]:
    profile, findings = PROFILES["poi"], Findings()
    truth = pd.read_csv(bench / "poi_hangzhou" / "truth.csv", dtype=str)
    with tempfile.TemporaryDirectory() as folder, duck.connect() as con:
        given = hangzhou_sources(bench, Path(folder), branches=branches)
        roster = records.load(con, given, {}, Strategy(), findings)
        rarities = texts.prepare(con, roster, silent)
        align.align(con, roster, profile, "EPSG:4326", findings, silent)
        candidates.find(con, roster, profile, frozenset(), silent)
        frame = pd.concat(
            [
                pd.DataFrame({"a": batch.a, "b": batch.b, **batch.features}).assign(variant=batch.variant)
                for batch in features.of_texts(con, rarities)
            ]
        ).sort_values(["a", "b"], ignore_index=True)
        ids = con.execute("SELECT id FROM record ORDER BY rid").fetchnumpy()["id"]
    true = set(zip(truth["left_id"], truth["right_id"], strict=True))
    frame["match"] = [pair in true for pair in zip(ids[frame["a"]], ids[frame["b"]], strict=True)]
    return frame, len(truth)


# ---- the two models -------------------------------------------------------------------


def building_model(bench: Path) -> dict[str, Any]:
    pairs = buildings(bench)
    known = pairs.dropna(subset=["iou"]).reset_index(drop=True)
    names = overlap.FEATURES
    x, y = known[list(names)].to_numpy(float), known["match"].to_numpy(float)
    p = left_out(x, y, names, known["id_existing"].str[:2].to_numpy())
    positives = int(pairs["match"].sum())
    print(f"buildings: {len(pairs)} pairs, F1 leave-country-out {f1(p >= 0.5, y == 1, positives):.4f}")
    for kind in sorted(known["datasets"].unique()):
        rows = (known["datasets"] == kind).to_numpy()
        print(f"  {kind}: {f1(p[rows] >= 0.5, y[rows] == 1, int(pairs.match[pairs.datasets == kind].sum())):.4f}")
    auto = threshold_for(CALIBRATED_PRECISION["building"], p, y == 1)
    print(f"  auto from {auto:.3f}")
    report_bands(p, y == 1, positives, auto)
    return {
        "profile": "building",
        "note": "Learned from labelled pairs of EUBUCCO (gov, OSM and Microsoft footprints, 12 countries, part of the "
        "set) by benchmarks/train_weights.py: logistic regression, ridge 1, signs held.",
        "variants": {"all": written(*learn(x, y, names), names)},
        "bands": {"auto": 0.8, "match": 0.5, "review": 0.3, "keep": 0.001, "rival_odds": 1.25},
    }


def poi_model(bench: Path) -> dict[str, Any]:
    names = places.FEATURES
    spaced = geoer(bench)
    x, y = spaced[list(names)].to_numpy(float), spaced["match"].to_numpy(float)
    p = left_out(x, y, names, spaced["city"].to_numpy())
    valid = spaced["split"] == "valid"
    scores = {
        s: f1(p[rows] >= 0.5, y[rows] == 1)
        for s in sorted(spaced["set"].unique())
        if (rows := (valid & (spaced["set"] == s)).to_numpy()).any()
    }
    print(
        f"Geo-ER, valid splits, other cities: mean F1 {np.mean(list(scores.values())):.4f}",
        {k: round(v, 4) for k, v in scores.items()},
    )
    spaced_model = learn(x, y, names)

    frames = [hangzhou(bench, branches=branches) for branches in (True, False)]
    both = pd.concat([frame for frame, _ in frames], ignore_index=True)
    unspaced_model = learn(both[list(names)].to_numpy(float), both["match"].to_numpy(float), names)
    folds = both["a"].to_numpy() % 5
    q = left_out(both[list(names)].to_numpy(float), both["match"].to_numpy(float), names, folds)
    size = len(frames[0][0])
    lift = calibration(q[:size], frames[0][0])
    print(f"Hangzhou: log-odds of what an assignment leaves are {lift:+.2f} higher than those of all candidates")
    q = 1 / (1 + np.exp(-(log_odds(q) + lift)))
    for label, (frame, positives), part in zip(("with branches", "without"), frames, (q[:size], q[size:]), strict=True):
        y = frame["match"].to_numpy()
        taken = assigned(part, frame)
        found = {t: round(f1(taken & (part >= t), y, positives), 4) for t in (0.3, 0.4, 0.5, 0.6, 0.7)}
        print(f"Hangzhou {label}, other fifths, {len(frame)} candidates with {y.sum()} of {positives} pairs: {found}")
        report_bands(np.where(taken, part, 0), y, positives, 0.9)
    unspaced_model = (unspaced_model[0] + lift, unspaced_model[1])
    # No labelled set in a spaced script has phones: what a shared one is worth is taken from the other.
    spaced_model[1][names.index("phone_shared")] = unspaced_model[1][names.index("phone_shared")]
    for name in ("postcode_same", "postcode_differs"):
        unspaced_model[1][names.index(name)] = spaced_model[1][names.index(name)]
    return {
        "profile": "poi",
        "note": "'spaced' learned from Geo-ER (OSM against Foursquare and Yelp, 3 cities, part of the set), 'unspaced' "
        "from the candidates of GER-LLM Hangzhou (Gaode against Dianping, part of the set), by "
        "benchmarks/train_weights.py: logistic regression, ridge 1, signs held. The intercept of 'unspaced' is "
        "calibrated on the pairs that a one-to-one assignment leaves. phone_shared of 'spaced' and the postcodes of "
        "'unspaced' are each other's.",
        "variants": {"spaced": written(*spaced_model, names), "unspaced": written(*unspaced_model, names)},
        "bands": {"auto": 0.9, "match": 0.5, "review": 0.2, "keep": 0.01, "rival_odds": 1.25},
    }


def assigned(p: Floats, frame: pd.DataFrame, least: float = 0.02) -> NDArray[np.bool_]:
    """The pairs that a one-to-one assignment takes."""
    taken = np.zeros(len(p), dtype=bool)
    rows = np.flatnonzero(p >= least)
    gain = log_odds(p[rows]) - log_odds(np.array([least])) + 1e-6
    taken[rows] = assign.one_to_one(frame["a"].to_numpy()[rows], frame["b"].to_numpy()[rows], gain)
    return taken


def calibration(p: Floats, frame: pd.DataFrame) -> float:
    """What to add to the log-odds so that they are right for the pairs that an assignment leaves."""
    taken = assigned(p, frame)
    odds, true = log_odds(p[taken]), frame["match"].to_numpy()[taken]
    lifts = np.linspace(-3, 3, 601)
    wrong = [abs((1 / (1 + np.exp(-(odds + lift)))).sum() - true.sum()) for lift in lifts]
    return float(round(lifts[int(np.argmin(wrong))], 2))


def report_bands(p: Floats, y: NDArray[np.bool_], positives: int, auto: float) -> None:
    sure, open_ = p >= auto, (p >= 0.2) & (p < auto)
    print(
        f"  from {auto:.2f}: precision {y[sure].mean():.4f}, recall {y[sure].sum() / positives:.4f}; "
        f"{open_.sum()} pairs between 0.2 and that, {y[open_].mean():.2f} of them true"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "cimkit" / "fuse" / "weights")
    arguments = parser.parse_args()
    arguments.out.mkdir(exist_ok=True)
    makers: dict[str, Callable[[Path], dict[str, Any]]] = {"building": building_model, "poi": poi_model}
    for name, make in makers.items():
        text = json.dumps(make(arguments.bench), indent=2, ensure_ascii=False) + "\n"
        (arguments.out / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
