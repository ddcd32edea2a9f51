"""How kpfd's model is made from rows: which columns, which forests, how they are put together. Used by train.py, which
writes the model, and by evaluate.py, which makes it again without some of the applications and asks it of those.

The model is two forests. The risk forest says whether the pod fails within the horizon: one number with a direction, so
its trees can be held to one (more memory in use is never safer). The status forest says which status, of those that fail
and of those that do not; the risk decides how much each side gets (src/core/predictions/model.ts does the same).
"""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import xgboost as xgb

# The inputs, and for each the direction that physics gives: 1 where more is never safer, -1 where more is never more
# dangerous, 0 where neither can be said. No count of containers, no limit, no age beyond minutes: those tell which
# application it is, and in a lab that is which fault it was given.
COLUMNS = {
    "cpu_usage_percent": 0,
    "cpu_trend_points": 0,
    "cpu_throttled_percent": 1,
    "memory_usage_percent": 1,
    "memory_growing_percent": 1,
    "memory_trend_2m": 1,
    "memory_trend_5m": 1,
    "memory_minutes_to_limit": -1,
    "memory_minutes_to_limit_15m": -1,
    "memory_of_peak_percent": 0,
    "memory_above_earlier_percent": 1,
    "pod_ready": 0,
    "phase_pending": 0,
    "starting_seconds": 0,
    "phase_failed": 0,
    "unschedulable": 0,
    "failing_now": 1,
    "waiting_crash_loop": 1,
    "waiting_image": 1,
    "waiting_creating": 0,
    "terminated_error": 1,
    "terminated_completed": 0,
    "init_running": 0,
    "restarts_5m": 1,
    "restarts_15m": 1,
    "restarts_30m": 1,
    "usual_life_seconds": -1,
    "usual_life_elapsed_percent": 0,
    "seconds_to_usual_life_end": 0,
    "mean_cycle_seconds": -1,
    "backoff_seconds": 0,
    "next_backoff_seconds": 0,
    "seconds_since_last_start": 0,
    "seconds_since_last_termination": -1,
    "last_exit_code": 0,
    "last_terminated_oom": 0,
    "node_ready": 0,
    "node_memory_pressure": 0,
    "node_disk_pressure": 0,
}
# Decided by evidence, never by a forest. (Of lost nodes the recordings have a handful; thirty would be a beginning.)
NOT_LEARNED = ("NotFound", "Unknown")
SEED = 20261127
COMMON = {"tree_method": "hist", "seed": SEED, "nthread": 1}
RISK = {
    **COMMON,
    "objective": "binary:logistic",
    "max_depth": 4,
    "eta": 0.1,
    "min_child_weight": 2,
    # Small forests in place of trees: with so few applications, the mean of several is steadier than one.
    "num_parallel_tree": 4,
    "subsample": 0.5,
    "colsample_bytree": 0.2,
    "monotone_constraints": tuple(COLUMNS.values()),
}
RISK_ROUNDS = 80
STATUS = {
    **COMMON,
    "objective": "multi:softprob",
    "max_depth": 3,
    "eta": 0.2,
    "min_child_weight": 5,
    "num_parallel_tree": 4,
    "subsample": 0.5,
    "colsample_bytree": 0.2,
}
STATUS_ROUNDS = 50
# How often a tree of the status forest may choose the column, against the others: what the kubelet does next decides
# whether a crash is seen as CrashLoopBackOff or as Error, and most trees would be grown without it.
STATUS_WEIGHTS = {"next_backoff_seconds": 4.0}
# Of the rows that are added with gaps: how many lack all of cAdvisor, and how many lack any other request.
WITHOUT_CADVISOR = 0.4
WITHOUT_A_REQUEST = 0.08
CALIBRATION_FOLDS = 6


class Rows:
    """Rows of `kpfd export-dataset`. `label` is "" where the horizon was cut off (the command leaves those out)."""

    def __init__(self, path: str, schema_path: str):
        self.schema = json.loads(Path(schema_path).read_text())
        self.features: list[str] = self.schema["features"]
        rows = list(csv.DictReader(Path(path).open()))
        self.x = np.array([[float(row[name] or "nan") for name in self.features] for row in rows], dtype=np.float32)
        self.run = np.array([row["run"] for row in rows])
        self.application = applications_of(rows, self.schema["isRunACluster"])
        self.status = np.array([row["status"] for row in rows])
        self.label = np.array([row["label"] for row in rows])
        self.uid = np.array([row["uid"] for row in rows])
        self.time = np.array([float(row["time"]) for row in rows])
        self.classes = [name for name in self.schema["classes"] if name not in NOT_LEARNED]
        self.labelled = self.label != ""
        self.failing: list[str] = self.schema["failing"]
        self.failed = np.isin(self.label, self.failing)

    def chosen(self, which: np.ndarray) -> "Rows":
        """Some of the rows."""
        some = Rows.__new__(Rows)
        some.__dict__.update(
            {k: v[which] if isinstance(v, np.ndarray) else v for k, v in self.__dict__.items()}
        )
        return some

    def columns(self, names: list[str]) -> np.ndarray:
        return self.x[:, [self.features.index(name) for name in names]]


def applications_of(rows: list[dict[str, str]], is_run_a_cluster: bool) -> np.ndarray:
    """What no two folds may share, of each row: the owner by its names, and its cluster. A recording that was thinned
    (`run@60s`) holds the same applications, and so do two days of one cluster: there the first run that saw the owner stands
    for the cluster."""
    owners = [f"{row['namespace']}/{row['owner'].partition('/')[2] or row['pod']}" for row in rows]
    runs = [row["run"].partition("@")[0] for row in rows]
    if is_run_a_cluster:
        return np.array([f"{run}:{owner}" for run, owner in zip(runs, owners)])
    first: dict[str, str] = {}
    for run, owner in sorted(zip(runs, owners)):
        first.setdefault(owner, run)
    return np.array([f"{first[owner]}:{owner}" for owner in owners])


class Model:
    """Both forests and the calibration of the risk."""

    def __init__(
        self,
        rows: Rows,
        chosen: np.ndarray,
        columns: list[str] = list(COLUMNS),
        calibration_folds: int = CALIBRATION_FOLDS,
    ):
        """`chosen`: which rows to learn from (those without a label are left out). Without folds nothing is calibrated."""
        self.columns = columns
        self.classes = rows.classes
        self.failing = rows.failing
        learned = chosen & rows.labelled
        x = rows.columns(columns)
        self.risk = fit_risk(rows, x, learned, columns)
        known = learned & np.isin(rows.label, self.classes)
        names = np.array(self.classes)
        target = np.array([np.flatnonzero(names == label)[0] for label in rows.label[known]])
        parameters = {**STATUS, "num_class": len(self.classes)}
        status_rows = with_gaps(rows, x[known], target, columns)
        self.status = train(parameters, STATUS_ROUNDS, *status_rows, columns, STATUS_WEIGHTS)
        self.slope, self.intercept = (
            calibration(rows, x, learned, columns, calibration_folds) if calibration_folds > 0 else (1.0, 0.0)
        )

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """P(class) of each row, in the order of `classes`."""
        matrix = xgb.DMatrix(x, feature_names=self.columns)
        risk = sigmoid(self.slope * self.risk.predict(matrix, output_margin=True) + self.intercept)[:, None]
        status = self.status.predict(matrix).astype(np.float64)
        failing = np.isin(self.classes, self.failing)
        return np.where(
            failing,
            risk * status / status[:, failing].sum(axis=1, keepdims=True),
            (1 - risk) * status / status[:, ~failing].sum(axis=1, keepdims=True),
        )


def fit_risk(rows: Rows, x: np.ndarray, learned: np.ndarray, columns: list[str]) -> xgb.Booster:
    parameters = {**RISK, "monotone_constraints": tuple(COLUMNS.get(name, 0) for name in columns)}
    return train(parameters, RISK_ROUNDS, *with_gaps(rows, x[learned], rows.failed[learned], columns), columns)


def train(
    parameters: dict, rounds: int, x: np.ndarray, y: np.ndarray, columns: list[str], weights: dict[str, float] | None = None
) -> xgb.Booster:
    matrix = xgb.DMatrix(x, label=y, feature_names=columns)
    if weights:
        matrix.set_info(feature_weights=np.array([weights.get(name, 1.0) for name in columns], dtype=np.float32))
    return xgb.train(parameters, matrix, rounds)


def with_gaps(rows: Rows, x: np.ndarray, y: np.ndarray, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The rows, and the same rows with whole requests missing: else a missing value would mean what it means in the
    recordings, where cAdvisor lacks a pod only while nothing in it runs."""
    random = np.random.RandomState(SEED)
    holed = x.copy()
    for group, names in rows.schema["groups"].items():
        share = WITHOUT_CADVISOR if group == "cadvisor" else WITHOUT_A_REQUEST
        lacking = random.rand(len(x)) < share
        own = [columns.index(name) for name in names if name in columns]
        holed[np.ix_(lacking, own)] = np.nan
    return np.concatenate([x, holed]), np.concatenate([y, y])


def calibration(
    rows: Rows, x: np.ndarray, learned: np.ndarray, columns: list[str], folds: int
) -> tuple[float, float]:
    """Slope and intercept of Platt's logistic curve over margins of applications that the forest has not seen."""
    margins = np.zeros(len(x))
    parts = parts_of(rows.application, folds, "calibration")
    for part in range(folds):
        held_out = learned & (parts == part)
        forest = fit_risk(rows, x, learned & (parts != part), columns)
        matrix = xgb.DMatrix(x[held_out], feature_names=columns)
        margins[held_out] = forest.predict(matrix, output_margin=True)
    return fit_line(margins[learned], rows.failed[learned])


def fit_line(margin: np.ndarray, failed: np.ndarray) -> tuple[float, float]:
    """Newton's method on the log loss of sigmoid(slope x margin + intercept)."""
    z = np.stack([margin, np.ones_like(margin)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(50):
        p = sigmoid(z @ weights)
        step = np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + 1e-9 * np.eye(2), z.T @ (p - failed))
        weights -= step
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[0]), float(weights[1])


def parts_of(applications: np.ndarray, count: int, salt: str, strata: dict[str, str] | None = None) -> np.ndarray:
    """A part for each row, the same for all rows of an application, and about as many applications in each; also of each
    stratum, where the applications' strata are given."""

    def place(name: str) -> tuple[str, str]:
        return (strata or {}).get(name, ""), hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()

    part = {name: i % count for i, name in enumerate(sorted(set(applications.tolist()), key=place))}
    return np.array([part[name] for name in applications])


def sigmoid(margin: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-margin))
