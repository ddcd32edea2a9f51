"""native.py: answers test/bench/forest/player.ts with libxgboost's C API on one thread; one JSON document a line.

    {"do": "open", "model": FILE, "rows": FILE, "featureCount": F, "rowCount": N}: {"overhead": nanoseconds}
    {"do": "predict", "count": N, "blocks": B} the first B blocks of N rows each: {"values": base64 of float32}
    {"do": "time", "count": N, "calls": K}     K calls of N rows each, one block after the other:
                                               {"cpu": nanoseconds of all calls, "wall": the same by the clock}

Calls are XGBoosterPredictFromDense: rows in memory, no DMatrix to build. Arguments are built before the clock starts, and
each call is of other rows, so that no branch predictor learns them by heart. "overhead" is what Python takes for a call.
"""

from __future__ import annotations

import base64
import ctypes
import json
import sys
import time

import numpy as np
import xgboost as xgb

LIBRARY = xgb.core._LIB
CONFIG = json.dumps(
    {
        "type": 0,
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,
        "strict_shape": False,
        "missing": float("nan"),
        "cache_id": 0,
    }
).encode()
EMPTY_CALLS = 10_000


class Player:
    def __init__(self, asked: dict) -> None:
        self.booster = xgb.Booster({"nthread": 1}, model_file=asked["model"])
        self.booster.set_param({"nthread": 1})
        rows = np.fromfile(asked["rows"], np.float32).reshape(-1, asked["featureCount"])
        self.rows = np.resize(rows, (asked["rowCount"], rows.shape[1]))
        self.blocks: dict[int, list[bytes]] = {}
        self.turn = 0
        shape, dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
        self.result = ctypes.POINTER(ctypes.c_float)()
        self.shape, self.dimensions = shape, dimensions
        self.found = (None, ctypes.byref(shape), ctypes.byref(dimensions), ctypes.byref(self.result))

    def predict(self, asked: dict) -> dict:
        found = [self.values_of(block) for block in self.blocks_of(asked["count"])[: asked["blocks"]]]
        return {"values": base64.b64encode(b"".join(found)).decode()}

    def values_of(self, block: bytes) -> bytes:
        self.call(block)
        size = int(np.prod([self.shape[i] for i in range(self.dimensions.value)]))
        return np.ctypeslib.as_array(self.result, (size,)).astype("<f4").tobytes()

    def time(self, asked: dict) -> dict:
        blocks = self.blocks_of(asked["count"])
        turns = [blocks[(self.turn + i) % len(blocks)] for i in range(asked["calls"])]
        self.turn = (self.turn + len(turns)) % len(blocks)
        predict, handle, found = LIBRARY.XGBoosterPredictFromDense, self.booster.handle, self.found
        start, start_cpu = time.perf_counter_ns(), time.process_time_ns()
        for block in turns:
            predict(handle, block, CONFIG, *found)
        cpu, wall = time.process_time_ns() - start_cpu, time.perf_counter_ns() - start
        # Outside of the clock: that the last one, and so the others, did not fail.
        self.call(turns[-1])
        return {"cpu": cpu, "wall": wall}

    def call(self, block: bytes) -> None:
        if LIBRARY.XGBoosterPredictFromDense(self.booster.handle, block, CONFIG, *self.found) != 0:
            raise RuntimeError(LIBRARY.XGBGetLastError().decode())

    def blocks_of(self, count: int) -> list[bytes]:
        """The array interfaces of all blocks of so many rows."""
        if count not in self.blocks:
            starts = range(0, len(self.rows) - count + 1, count)
            self.blocks[count] = [interface_of(self.rows[start : start + count]) for start in starts]
        return self.blocks[count]


def interface_of(block: np.ndarray) -> bytes:
    address = block.__array_interface__["data"][0]
    interface = {"data": [address, True], "shape": block.shape, "typestr": "<f4", "version": 3}
    return json.dumps(interface).encode()


def overhead() -> float:
    """Nanoseconds of a call that does nothing, with as many arguments as a prediction has."""
    call = LIBRARY.XGBoostVersion
    numbers = [ctypes.c_int() for _ in range(3)]
    found = [ctypes.byref(number) for number in numbers]
    start = time.perf_counter_ns()
    for _ in range(EMPTY_CALLS):
        call(*found)
    return (time.perf_counter_ns() - start) / EMPTY_CALLS


player: Player | None = None
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "open":
        player = Player(asked)
        answer = {"name": f"libxgboost {xgb.__version__}", "overhead": overhead()}
    elif player is None:
        raise RuntimeError("nothing is open")
    else:
        answer = getattr(player, asked["do"])(asked)
    print(json.dumps(answer), flush=True)
