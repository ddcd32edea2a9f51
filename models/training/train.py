"""train.py ROWS.csv OUT_FOLDER: trains the model on rows that rows.ts made, measures it, writes its three files.

ROWS.csv.schema.json beside the rows names the columns, the classes and the schema's hash. The same rows give the same
bytes: seeds are fixed and one thread does the work. Measured is out of fold, with no application in two folds; random
rows would let a model recognise the application that it was trained on.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

FOLDS = 5
ROUNDS = 100
PARAMETERS = {
    "objective": "multi:softprob",
    "max_depth": 3,
    "eta": 0.1,
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "tree_method": "hist",
    "seed": 20261123,
    "nthread": 1,
}
FAILING = ("CrashLoopBackOff", "Error", "Unknown")
RISK_THRESHOLD = 0.5
PRINTED_THRESHOLDS = (0.2, 0.3, 0.5, 0.7, 0.8, 0.9)
# Of the rows that are added with gaps: how many lack all of cAdvisor, and how many lack any other request.
WITHOUT_CADVISOR = 0.4
WITHOUT_A_REQUEST = 0.08
# A class with fewer pods than this behind it may not be called learned.
PODS_TO_LEARN_A_CLASS = 30


def main(rows_path: str, out_folder: str) -> None:
    schema = json.loads(Path(f"{rows_path}.schema.json").read_text())
    rows = list(csv.DictReader(Path(rows_path).open()))
    columns, classes = schema["features"], schema["classes"]
    x = np.array([[float(row[name] or "nan") for name in columns] for row in rows], dtype=np.float32)
    y = np.array([classes.index(row["label"]) for row in rows])

    figures = measure(rows, x, y, cross_validate(rows, x, y, x, schema), schema)
    without_cadvisor = blanked(x, columns, schema["groups"]["cadvisor"])
    degraded = measure(rows, x, y, cross_validate(rows, x, y, without_cadvisor, schema), schema)
    figures["withoutCadvisor"] = {"logLoss": degraded["logLoss"], **degraded["rowsOfPodsThatAreWell"]}

    out = Path(out_folder)
    out.mkdir(parents=True, exist_ok=True)
    model = train(x, y, schema)
    model.save_model(out / "model.json")
    sha256 = hashlib.sha256((out / "model.json").read_bytes()).hexdigest()
    metadata = describe(schema, rows, figures, sha256)
    (out / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")
    (out / "MODEL_CARD.md").write_text(model_card(metadata))
    print(json.dumps(figures, indent=2))


def train(x: np.ndarray, y: np.ndarray, schema: dict) -> xgb.Booster:
    """A forest from the rows, and from the same rows with gaps: else a missing value would mean what it means in the
    recordings, where cAdvisor lacks a pod only while nothing in it runs."""
    gaps = with_gaps(x, schema)
    matrix = xgb.DMatrix(
        np.concatenate([x, gaps]), label=np.concatenate([y, y]), feature_names=schema["features"]
    )
    return xgb.train({**PARAMETERS, "num_class": len(schema["classes"])}, matrix, ROUNDS)


def with_gaps(x: np.ndarray, schema: dict) -> np.ndarray:
    random = np.random.RandomState(PARAMETERS["seed"])
    holed = x.copy()
    for group, names in schema["groups"].items():
        share = WITHOUT_CADVISOR if group == "cadvisor" else WITHOUT_A_REQUEST
        lacking = random.rand(len(x)) < share
        holed[lacking] = blanked(holed[lacking], schema["features"], names)
    return holed


def blanked(x: np.ndarray, columns: list[str], names: list[str]) -> np.ndarray:
    missing = x.copy()
    missing[:, [columns.index(name) for name in names]] = np.nan
    return missing


def cross_validate(rows: list[dict], x: np.ndarray, y: np.ndarray, asked: np.ndarray, schema: dict) -> np.ndarray:
    """Probabilities of each row of `asked`, which are those of `x` or what is left of them, from a forest that has not
    seen the row's application."""
    folds = np.array([fold_of(row["application"]) for row in rows])
    probabilities = np.zeros((len(y), len(schema["classes"])))
    for fold in range(FOLDS):
        held_out = folds == fold
        forest = train(x[~held_out], y[~held_out], schema)
        probabilities[held_out] = forest.predict(xgb.DMatrix(asked[held_out], feature_names=schema["features"]))
    return probabilities


def fold_of(application: str) -> int:
    return int(hashlib.sha256(application.encode()).hexdigest(), 16) % FOLDS


def measure(rows: list[dict], x: np.ndarray, y: np.ndarray, probabilities: np.ndarray, schema: dict) -> dict:
    """Figures over all rows, and over the rows of pods that are well: to name a failure that is there is no forecast."""
    classes, columns = schema["classes"], schema["features"]
    failing = np.isin(y, [classes.index(name) for name in FAILING])
    risk = probabilities[:, [classes.index(name) for name in FAILING]].sum(axis=1)
    restarts = x[:, columns.index("restarts_5m")]
    well = np.array([row["status"] == "Running" for row in rows]) & ~(restarts > 0)
    return {
        "rows": len(y),
        "applications": len({row["application"] for row in rows}),
        "logLoss": rounded(log_loss(y, probabilities)),
        "logLossOfPersistence": rounded(log_loss(y, persistence(rows, y, classes))),
        "classes": {
            name: class_figures(i, y, probabilities, rows) for i, name in enumerate(classes)
        },
        "rowsOfPodsThatAreWell": {
            "rows": int(well.sum()),
            "failWithinHorizon": rounded(failing[well].mean()),
            "areaUnderRoc": rounded(area_under_roc(risk[well], failing[well])),
            "thresholds": [threshold_figures(t, risk[well], failing[well]) for t in PRINTED_THRESHOLDS],
        },
    }


def persistence(rows: list[dict], y: np.ndarray, classes: list[str]) -> np.ndarray:
    """The rival: what became of pods of other applications that had the same status now."""
    folds = np.array([fold_of(row["application"]) for row in rows])
    now = np.array([row["status"] for row in rows])
    probabilities = np.zeros((len(y), len(classes)))
    for fold in range(FOLDS):
        held_out = folds == fold
        for status in set(now):
            seen = y[~held_out & (now == status)]
            counts = np.bincount(seen, minlength=len(classes)) + 1
            probabilities[held_out & (now == status)] = counts / counts.sum()
    return probabilities


def class_figures(index: int, y: np.ndarray, probabilities: np.ndarray, rows: list[dict]) -> dict:
    predicted = probabilities.argmax(axis=1) == index
    actual = y == index
    pods = {row["uid"] for row, is_it in zip(rows, actual) if is_it}
    return {
        "rows": int(actual.sum()),
        "pods": len(pods),
        "precision": ratio((predicted & actual).sum(), predicted.sum()),
        "recall": ratio((predicted & actual).sum(), actual.sum()),
    }


def threshold_figures(threshold: float, risk: np.ndarray, failing: np.ndarray) -> dict:
    alarm = risk >= threshold
    return {
        "risk": threshold,
        "precision": ratio((alarm & failing).sum(), alarm.sum()),
        "recall": ratio((alarm & failing).sum(), failing.sum()),
    }


def log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    return float(-np.log(np.clip(probabilities[np.arange(len(y)), y], 1e-6, 1)).mean())


def area_under_roc(score: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a row that fails has a higher score than one that does not; ties count half."""
    order = np.unique(score, return_inverse=True)[1]
    below = np.cumsum(np.bincount(order[~positive], minlength=order.max() + 1))
    ties = np.bincount(order[~positive], minlength=order.max() + 1)
    wins = below[order[positive]] - ties[order[positive]] / 2
    return float(wins.sum() / (positive.sum() * (~positive).sum()))


def describe(schema: dict, rows: list[dict], figures: dict, sha256: str) -> dict:
    learned = {name: own["pods"] >= PODS_TO_LEARN_A_CLASS for name, own in figures["classes"].items()}
    return {
        "name": "default",
        "version": "1",
        "target": "the worst status that the pod shows within the horizon",
        "horizonSeconds": schema["horizonSeconds"],
        "lookbackSeconds": schema["lookbackSeconds"],
        "classes": schema["classes"],
        "weaklyLearned": [name for name, enough in learned.items() if not enough],
        "decidedByEvidence": ["NotFound"],
        "riskThreshold": RISK_THRESHOLD,
        "schema": {"hash": schema["hash"], "features": schema["features"]},
        "model": {"file": "model.json", "format": "model", "sha256": sha256},
        "training": {
            "xgboost": xgb.__version__,
            "parameters": {**PARAMETERS, "num_class": len(schema["classes"])},
            "rounds": ROUNDS,
            "folds": FOLDS,
            "recordings": sorted({row["run"] for row in rows}),
            "figures": figures,
        },
    }


def model_card(metadata: dict) -> str:
    training, figures = metadata["training"], metadata["training"]["figures"]
    well = figures["rowsOfPodsThatAreWell"]
    classes = "\n".join(
        f"| {name} | {own['rows']} | {own['pods']} | {shown(own['precision'])} | {shown(own['recall'])} |"
        for name, own in figures["classes"].items()
    )
    thresholds = "\n".join(
        f"| {own['risk']:.0%} | {shown(own['precision'])} | {shown(own['recall'])} |" for own in well["thresholds"]
    )
    minutes = metadata["horizonSeconds"] // 60
    bare = next(own for own in figures["withoutCadvisor"]["thresholds"] if own["risk"] == RISK_THRESHOLD)
    return f"""# Model card: {metadata['name']} {metadata['version']}

Written by `models/training/train.py`; do not edit. Figures are out of fold: {training['folds']} folds, no application in two of them.

## What it is for
It gives the probabilities of the worst status of a pod within the next {minutes} minutes, from {len(metadata['schema']['features'])} features of the last
{metadata['lookbackSeconds'] // 60} minutes that kpfd reads from Prometheus (kube-state-metrics, cAdvisor). RISK is the sum of CrashLoopBackOff, Error and Unknown.
NotFound is not predicted: it is decided by evidence.

## Data
{figures['rows']} rows of {figures['applications']} applications from {', '.join(training['recordings'])} (fixtures/recordings): one lab cluster, Kubernetes 1.34, scraped each 15 s, where
most applications were made to fail. A real cluster is not like that: **probabilities are those of the lab and will be too
high where failures are rare.** Pods there are young, and healthy ones never restart, so counts and ages of restarts tell
more in the lab than they will elsewhere. No other cluster has been measured.

## Figures
Log loss {figures['logLoss']} (what became of pods with the same status now: {figures['logLossOfPersistence']}).

| status | rows | pods | precision | recall |
|---|---|---|---|---|
{classes}

Weakly learned, with fewer than {PODS_TO_LEARN_A_CLASS} pods: {', '.join(metadata['weaklyLearned']) or 'none'}.

Forecasts proper, of the {well['rows']} rows of pods that are well (Running, no restart in five minutes), of which {well['failWithinHorizon']:.1%} fail
within {minutes} minutes: area under the ROC curve {well['areaUnderRoc']}.

| RISK from | precision | recall |
|---|---|---|
{thresholds}

Without cAdvisor (the same rows, its features missing): log loss {figures['withoutCadvisor']['logLoss']}, area under the ROC curve
{figures['withoutCadvisor']['areaUnderRoc']}; from a RISK of 50% precision {shown(bare['precision'])}, recall {shown(bare['recall'])}. Trained with such gaps, it is less sure rather than alarmed.

`--fail-on` and `--at-risk` use {metadata['riskThreshold']:.0%} unless told otherwise. Neighbouring rows of a pod are much alike: these are
figures of rows, not of failures.

## What it cannot see
Crashes that no metric announces, a full disk, a node that is about to be lost. Its inputs are those of kpfd's version
with the schema {metadata['schema']['hash']}.

## How it was made
XGBoost {training['xgboost']}, {training['rounds']} rounds, {json.dumps(training['parameters'])}, on the rows and on the same rows with
random requests missing.
`npm run train -- RECORDING…` makes it again; the same recordings give the same bytes.
"""


def ratio(part: int, whole: int) -> float | None:
    return rounded(part / whole) if whole else None


def rounded(value: float) -> float:
    return round(float(value), 4)


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: train.py ROWS.csv OUT_FOLDER")
    main(sys.argv[1], sys.argv[2])
