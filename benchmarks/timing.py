"""Taking and printing times; used by the other files of this folder."""

import time
from collections.abc import Callable

__all__ = ["show", "timed"]


def timed[T](action: Callable[[], T], times: int = 1) -> tuple[float, float, T]:
    """Give the least wall and CPU time of some runs, in seconds, and the last result."""
    wall = cpu = float("inf")
    for _ in range(times):
        start, start_cpu = time.perf_counter(), time.process_time()
        result = action()
        wall, cpu = min(wall, time.perf_counter() - start), min(cpu, time.process_time() - start_cpu)
    return wall, cpu, result


def show(what: str, wall: float, cpu: float, note: str = "") -> None:
    """Print a line."""
    print(f"  {what:62} {wall:10.4f} s wall {cpu:10.4f} s CPU  {note}", flush=True)
