"""evaluate.py ROWS.csv SCHEMA.json KINDS.json OUT.csv [PART…]: what models say of rows that they have not seen.

ROWS.csv is made by rows.ts, as `kpfd export-dataset` writes rows. KINDS.json maps each application ("run:namespace/name") to its kind of fault, which is used to
leave kinds out and for nothing else. PARTs are keys of PREDICTORS, all unless named. OUT.csv has a line for each predictor and row: predictor, row, P(class) of each class.

Predictors:
  kpfd                  both forests, by grouped folds: no application in both train and test
  kpfd-without-cadvisor the same, asked of rows without anything from cAdvisor
  kpfd-unseen-kind      the same, each kind of fault left out in turn (where there are many, three or four at a time)
  kpfd-unseen-run       the same, each run left out in turn (where there are several)
  logistic-regression   a linear model of the same columns, missing as the mean and a flag, by grouped folds
  seed                  the seed's features and way (missing to 0, 300 rounds of depth 6, class weights), by grouped folds
  seed-random-split     the same by random rows, as the seed measured itself
  constants             kpfd with every column frozen at the pod's first minute: it must know nothing
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import xgboost as xgb
from scipy.optimize import minimize

from learning import COLUMNS, COMMON, SEED, Model, Rows, parts_of

FOLDS = 5
# Where many models are made, each is calibrated on fewer.
FEW_FOLDS = 2
# Of more kinds than this, those that stand so many places apart by name are left out together: each costs a training.
MOST_KIND_PARTS = 20
KIND_SHARES = 4
FIRST_MINUTE = 60
# What the seed's project fed to its model, in kpfd's names. (Its event texts exist in no metric.)
SEED_COLUMNS = [
    "cpu_usage_percent",
    "cpu_usage_rolling_mean_percent",
    "cpu_high",
    "memory_usage_percent",
    "memory_usage_rolling_mean_percent",
    "memory_high",
    "network_receive_drops_per_second",
    "network_transmit_drops_per_second",
    "network_drop_high",
    "ready_containers",
    "total_containers",
    "restarts_total",
    "node_ready",
    "node_memory_pressure",
    "node_disk_pressure",
    "node_pid_pressure",
]
SEED_PARAMETERS = {**COMMON, "objective": "multi:softprob", "max_depth": 6, "eta": 0.05}
SEED_ROUNDS = 300


def main(rows_path: str, schema_path: str, kinds_path: str, out_path: str, *wanted: str) -> None:
    rows = Rows(rows_path, schema_path)
    kinds = json.loads(Path(kinds_path).read_text())
    # Each predictor is independent of the others, and XGBoost gets one thread: the cores share them out.
    with ProcessPoolExecutor() as pool:
        waiting = [
            pool.submit(ask, rows, kinds)
            for name, asks in PREDICTORS.items()
            if name in (wanted or PREDICTORS) and (name != "runs" or len(runs_of(rows)) > 1)
            for ask in asks
        ]
        answers: dict[str, np.ndarray] = {}
        for asked in waiting:
            for name, own in asked.result().items():
                # Of what was shared out each has its own rows, and 0 elsewhere.
                answers[name] = answers[name] + own if name in answers else own
    write(answers, rows.classes, out_path)


def folds_of(rows: Rows, kinds: dict[str, str]) -> np.ndarray:
    """Kinds are spread over the folds, so that a fold does not depend on the luck of the draw."""
    return parts_of(rows.application, FOLDS, "fold", kinds)


def runs_of(rows: Rows) -> set[str]:
    return {run.partition("@")[0] for run in rows.run.tolist()}


def by_applications(rows: Rows, kinds: dict[str, str]) -> dict[str, np.ndarray]:
    columns = list(COLUMNS)
    x = rows.columns(columns)
    bare = x.copy()
    bare[:, [columns.index(name) for name in rows.schema["groups"]["cadvisor"] if name in columns]] = np.nan
    own, without = held_out(folds_of(rows, kinds), lambda chosen: Model(rows, chosen), [x, bare])
    return {"kpfd": own, "kpfd-without-cadvisor": without}


def by_kinds(rows: Rows, kinds: dict[str, str], share: int) -> dict[str, np.ndarray]:
    """The parts of one share of KIND_SHARES: the longest of all predictors would keep one core alone at the end."""
    part = {kind: i % MOST_KIND_PARTS for i, kind in enumerate(sorted(set(kinds.values())))}
    parts = np.array([part[kinds[application]] for application in rows.application])
    own = [number for number in sorted(set(parts.tolist())) if number % KIND_SHARES == share]
    if not own:
        return {}
    learn = lambda chosen: Model(rows, chosen, calibration_folds=FEW_FOLDS)
    return {"kpfd-unseen-kind": held_out(parts, learn, [rows.columns(list(COLUMNS))], own)[0]}


def by_runs(rows: Rows, kinds: dict[str, str]) -> dict[str, np.ndarray]:
    run = np.array([name.partition("@")[0] for name in rows.run])
    learn = lambda chosen: Model(rows, chosen, calibration_folds=FEW_FOLDS)
    return {"kpfd-unseen-run": held_out(run, learn, [rows.columns(list(COLUMNS))])[0]}


def by_others(rows: Rows, kinds: dict[str, str]) -> dict[str, np.ndarray]:
    folds = folds_of(rows, kinds)
    x = rows.columns(list(COLUMNS))
    seed_x = np.nan_to_num(rows.columns(SEED_COLUMNS), nan=0.0)
    split = np.random.RandomState(SEED).randint(0, FOLDS, len(x))
    return {
        "logistic-regression": held_out(folds, lambda chosen: LogisticRegression(rows, x, chosen), [x])[0],
        "seed": held_out(folds, lambda chosen: Seed(rows, seed_x, chosen), [seed_x])[0],
        "seed-random-split": held_out(split, lambda chosen: Seed(rows, seed_x, chosen), [seed_x])[0],
    }


def by_constants(rows: Rows, kinds: dict[str, str]) -> dict[str, np.ndarray]:
    frozen = Frozen(rows)
    learn = lambda chosen: Model(frozen, chosen, calibration_folds=FEW_FOLDS)
    return {"constants": held_out(folds_of(rows, kinds), learn, [frozen.columns(list(COLUMNS))])[0]}


# The longest first.
PREDICTORS = {
    "kinds": [partial(by_kinds, share=share) for share in range(KIND_SHARES)],
    "applications": [by_applications],
    "runs": [by_runs],
    "others": [by_others],
    "constants": [by_constants],
}


def held_out(
    parts: np.ndarray, learn, asked: list[np.ndarray], which: list[int] | None = None
) -> list[np.ndarray]:
    """Probabilities of each row of each matrix in `asked`, from a model that learned without the row's part; 0 in parts that
    are not in `which`."""
    answers: list[np.ndarray | None] = [None for _ in asked]
    for part in which if which is not None else sorted(set(parts.tolist())):
        model = learn(parts != part)
        for i, x in enumerate(asked):
            own = model.probabilities(x[parts == part])
            answer = answers[i] if answers[i] is not None else np.zeros((len(parts), own.shape[1]))
            answer[parts == part] = own
            answers[i] = answer
    return answers


def targets(rows: Rows, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the chosen rows have a class that is learned, and its number."""
    known = chosen & np.isin(rows.label, rows.classes)
    return known, np.array([rows.classes.index(label) for label in rows.label[known]])


class LogisticRegression:
    """Multinomial, with a small ridge."""

    RIDGE = 1e-3

    def __init__(self, rows: Rows, x: np.ndarray, chosen: np.ndarray):
        known, y = targets(rows, chosen)
        self.mean = np.nan_to_num(np.nanmean(x[known], axis=0))
        self.scale = np.nan_to_num(np.nanstd(x[known], axis=0), nan=1.0) + 1e-9
        z = self._design(x[known])
        wanted = np.eye(len(rows.classes))[y]

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(z.shape[1], -1)
            p = softmax(z @ weights)
            value = -np.log(np.clip((p * wanted).sum(axis=1), 1e-12, 1)).mean() + self.RIDGE * (weights**2).sum()
            return value, (z.T @ (p - wanted) / len(z) + 2 * self.RIDGE * weights).ravel()

        start = np.zeros(z.shape[1] * len(rows.classes))
        self.weights = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x.reshape(z.shape[1], -1)

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        return softmax(self._design(x) @ self.weights)

    def _design(self, x: np.ndarray) -> np.ndarray:
        missing = np.isnan(x)
        z = np.where(missing, 0.0, np.clip((x - self.mean) / self.scale, -5, 5))
        return np.concatenate([z, missing, np.ones((len(x), 1))], axis=1)


class Seed:
    """The seed's way: one forest, classes weighted by how rare they are, nothing calibrated."""

    def __init__(self, rows: Rows, x: np.ndarray, chosen: np.ndarray):
        known, y = targets(rows, chosen)
        counts = np.bincount(y, minlength=len(rows.classes))
        weights = len(y) / (len(rows.classes) * np.maximum(counts, 1))
        matrix = xgb.DMatrix(x[known], label=y, weight=weights[y])
        self.forest = xgb.train({**SEED_PARAMETERS, "num_class": len(rows.classes)}, matrix, SEED_ROUNDS)

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        return self.forest.predict(xgb.DMatrix(x)).astype(np.float64)


class Frozen(Rows):
    """The rows, each with the features that its pod had in its first minute."""

    def __init__(self, rows: Rows):
        self.__dict__.update(rows.__dict__)
        self.x = rows.x.copy()
        for pod in set(zip(rows.run.tolist(), rows.uid.tolist())):
            own = np.flatnonzero((rows.run == pod[0]) & (rows.uid == pod[1]))
            first = own[rows.time[own] <= rows.time[own].min() + FIRST_MINUTE][-1]
            self.x[own] = rows.x[first]


def softmax(margins: np.ndarray) -> np.ndarray:
    exponentials = np.exp(margins - margins.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def write(answers: dict[str, np.ndarray], classes: list[str], path: str) -> None:
    with Path(path).open("w") as out:
        out.write(",".join(["predictor", "row", *classes]) + "\n")
        for predictor, probabilities in answers.items():
            for row, own in enumerate(probabilities):
                out.write(f"{predictor},{row}," + ",".join(f"{p:.9g}" for p in own) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit("usage: evaluate.py ROWS.csv SCHEMA.json KINDS.json OUT.csv [PART…]")
    main(*sys.argv[1:])
