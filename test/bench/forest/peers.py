"""peers.py FOLDER: writes the reference model in FOLDER as ONNX, as JavaScript by m2cgen, and for ml-xgboost. What cannot
be written is said on standard error."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Callable

import numpy as np
import xgboost as xgb

FEATURES = 40
CLASSES = 7
ROUNDS = 300
TREE_NODE, TREE_STATISTICS, TREE_PARAMETERS = 20, 16, 148


def classifier(folder: Path) -> xgb.XGBClassifier:
    """As if it had been trained by scikit-learn's interface, whose attributes the converters read."""
    model = xgb.XGBClassifier(n_estimators=ROUNDS, num_parallel_tree=1, base_score=0.5)
    model.load_model(folder / "reference.json")
    model.n_classes_ = CLASSES
    model.classes_ = np.arange(CLASSES)
    return model


def onnx(folder: Path) -> None:
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("rows", FloatTensorType([None, FEATURES]))]
    converted = onnxmltools.convert_xgboost(classifier(folder), initial_types=types, target_opset=15)
    onnxmltools.utils.save_model(converted, folder / "reference.onnx")


def javascript(folder: Path) -> None:
    import m2cgen

    code = m2cgen.export_to_javascript(classifier(folder))
    (folder / "reference.m2cgen.cjs").write_text(f"{code}\nmodule.exports = score;\n")


def old_binary(folder: Path) -> None:
    """ml-xgboost is XGBoost 0.7, which wants fields of the binary format that 1.7 left at 0 or 1: with them it would
    answer with nothing."""
    data = bytearray((folder / "reference.old").read_bytes())
    place = 4 + 136 if data[:4] == b"binf" else 136
    for _ in ("objective", "booster"):
        (length,) = struct.unpack_from("<Q", data, place)
        place += 8 + length
    # num_trees, num_roots, num_feature, padding, num_pbuffer (64 bits), num_output_group
    (trees,) = struct.unpack_from("<i", data, place)
    struct.pack_into("<iiiqi", data, place + 4, 1, FEATURES, 0, 0, CLASSES)
    place += 160
    for _ in range(trees):
        roots, nodes, _, _, features = struct.unpack_from("<5i", data, place)
        struct.pack_into("<i", data, place, 1)
        struct.pack_into("<i", data, place + 16, FEATURES)
        place += TREE_PARAMETERS + nodes * (TREE_NODE + TREE_STATISTICS)
    (folder / "reference.0.7").write_bytes(data)


def attempt(write: Callable[[Path], None]) -> None:
    try:
        write(Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 -- one peer's failure is not another's
        print(f"{write.__name__}: {type(error).__name__}: {error}", file=sys.stderr)


sys.setrecursionlimit(100_000)
for write in (onnx, javascript, old_binary):
    attempt(write)
