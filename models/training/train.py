"""train.py ROWS.csv SCHEMA.json OUT_FOLDER: trains the model on rows of `kpfd export-dataset` and writes model.json (the status forest),
risk.json (the risk forest) and training.json (what was trained, for metadata.json and the card).

The same rows give the same bytes: seeds are fixed and one thread does the work.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

from learning import COLUMNS, RISK, RISK_ROUNDS, STATUS, STATUS_ROUNDS, Model, Rows


def main(rows_path: str, schema_path: str, out_folder: str) -> None:
    rows = Rows(rows_path, schema_path)
    model = Model(rows, rows.labelled)
    out = Path(out_folder)
    out.mkdir(parents=True, exist_ok=True)
    model.status.save_model(out / "model.json")
    model.risk.save_model(out / "risk.json")
    well = rows.labelled & ~np.isin(rows.status, rows.failing)
    facts = {
        "xgboost": xgb.__version__,
        "columns": list(COLUMNS),
        "classes": model.classes,
        "risk": {"rounds": RISK_ROUNDS, "parameters": RISK, "sha256": sha256(out / "risk.json")},
        "status": {
            "rounds": STATUS_ROUNDS,
            "parameters": {**STATUS, "num_class": len(model.classes)},
            "sha256": sha256(out / "model.json"),
        },
        "calibration": {"slope": model.slope, "intercept": model.intercept},
        "prior": float(rows.failed[well].mean()),
        "rows": int(rows.labelled.sum()),
        "applications": len(set(rows.application[rows.labelled].tolist())),
        "runs": sorted(set(rows.run.tolist())),
    }
    (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: train.py ROWS.csv SCHEMA.json OUT_FOLDER")
    main(*sys.argv[1:])
