"""train.py OUT: trains the models of `npm run bench -- forest`, always the same ones, and writes what peers read.

With XGBoost 1.7.4: reference (.json, .ubj, .old: the binary format, .dump.json), deep, lossguide, one-hot, partition;
rows.bin and categorical-rows.bin: float32, row-major, some of them NaN. With 3.4.1: vector-leaf.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

CLASSES = 7
FEATURES = 40
CATEGORICAL = 8
TRAINED = 20_000
ASKED = 10_000
# One thread: several would wait for each other on a busy machine.
COMMON = {"seed": 7, "nthread": 1, "tree_method": "hist"}
REFERENCE = {**COMMON, "objective": "multi:softprob", "num_class": CLASSES, "max_depth": 6, "eta": 0.1}


def plain_rows(random: np.random.RandomState, count: int) -> np.ndarray:
    """Measurements, percentages and counters, as monitoring has them: many values are equal, and so equal to thresholds."""
    rows = random.standard_normal((count, FEATURES))
    rows[:, :20] = np.round(rows[:, :20] * 20) / 20
    rows[:, 20:28] = np.round(50 + 15 * rows[:, 20:28])
    rows[:, 28:36] = np.floor(np.exp(rows[:, 28:36]))
    rows[:, 36:] = rows[:, 36:] > 0
    # Every other column has gaps.
    rows[:, ::2][random.random_sample((count, FEATURES // 2)) < 0.05] = np.nan
    return rows.astype(np.float32)


def categorical_rows(random: np.random.RandomState, count: int) -> np.ndarray:
    """The last columns hold categories: two, three, … a hundred of them."""
    rows = plain_rows(random, count)
    for i, size in enumerate((2, 3, 5, 8, 13, 21, 50, 100)):
        missing = random.random_sample(count) < 0.05
        rows[:, FEATURES - CATEGORICAL + i] = np.where(missing, np.nan, random.randint(0, size, count))
    return rows


def scores(random: np.random.RandomState, rows: np.ndarray) -> np.ndarray:
    """A number for each row and class which trees need some depth to learn."""
    filled = np.nan_to_num(rows.astype(np.float64), nan=0.3)
    filled = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    weights = random.standard_normal((FEATURES, CLASSES))
    turned = np.sin(2 * filled @ random.standard_normal((FEATURES, CLASSES)) / np.sqrt(FEATURES))
    return filled @ weights / 3 + 2 * turned + random.standard_normal((len(rows), CLASSES))


def train(out: Path) -> None:
    random = np.random.RandomState(7)
    rows = plain_rows(random, TRAINED)
    found = scores(random, rows)
    asked = plain_rows(random, ASKED)
    if int(xgb.__version__.split(".")[0]) >= 3:
        vector_leaf(rows, found).save_model(out / "vector-leaf.json")
        return
    classes = xgb.DMatrix(rows, found.argmax(axis=1))
    value = xgb.DMatrix(rows, found[:, 0])
    asked.tofile(out / "rows.bin")
    reference = xgb.train(REFERENCE, classes, 300)
    # The old format is what save_model writes in 1.7 where the name ends in nothing that it knows.
    for ending in ("json", "ubj", "old"):
        reference.save_model(out / f"reference.{ending}")
    reference.dump_model(out / "reference.dump.json", dump_format="json")
    regression = {**COMMON, "objective": "reg:squarederror", "eta": 0.1}
    xgb.train({**regression, "max_depth": 12}, value, 100).save_model(out / "deep.json")
    lossguide = {**regression, "grow_policy": "lossguide", "max_leaves": 256, "max_depth": 0}
    xgb.train(lossguide, value, 200).save_model(out / "lossguide.json")
    for name, limit in (("one-hot", 1000), ("partition", 1)):
        categorical(random, limit).save_model(out / f"{name}.json")
    categorical_rows(random, ASKED).tofile(out / "categorical-rows.bin")


def categorical(random: np.random.RandomState, onehot_limit: int) -> xgb.Booster:
    rows = categorical_rows(random, TRAINED)
    # Each category has an effect of its own, so that sets of them are worth a split.
    effects = random.standard_normal((CATEGORICAL, 100))
    found = scores(random, rows)[:, 0]
    for i in range(CATEGORICAL):
        codes = np.nan_to_num(rows[:, FEATURES - CATEGORICAL + i]).astype(int)
        found = found + effects[i, codes]
    types = ["float"] * (FEATURES - CATEGORICAL) + ["c"] * CATEGORICAL
    matrix = xgb.DMatrix(rows, found, feature_types=types, enable_categorical=True)
    parameters = {**COMMON, "objective": "reg:squarederror", "eta": 0.1, "max_depth": 8}
    return xgb.train({**parameters, "max_cat_to_onehot": onehot_limit}, matrix, 150)


def vector_leaf(rows: np.ndarray, found: np.ndarray) -> xgb.Booster:
    parameters = {**COMMON, "objective": "reg:squarederror", "multi_strategy": "multi_output_tree"}
    parameters.update(max_depth=8, eta=0.1)
    return xgb.train(parameters, xgb.DMatrix(rows, found), 100)


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
train(folder)
