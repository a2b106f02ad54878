"""`python -m tests.support.ahead SECONDS app.py …` runs the server as on a machine whose clock is wrong.

What measures durations is as it was.
"""

import datetime
import runpy
import sys
import time
from typing import Any

import models.base

_time_ns = time.time_ns


def move(seconds: float) -> None:
    class Clock:
        @staticmethod
        def now(zone: datetime.tzinfo) -> Any:
            return datetime.datetime.now(zone) + datetime.timedelta(seconds=seconds)

    vars(models.base)["datetime"] = Clock
    time.time_ns = lambda: _time_ns() + int(seconds * 1e9)


if __name__ == "__main__":
    move(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
