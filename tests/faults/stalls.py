"""Measures how long the machine itself stood still: limits are about the bridge, not about processors that were away.

One thread on each processor sleeps a little, again and again, and notes when it woke up much later than it wanted to. A
machine that is shared with others, or that has more to run than processors, loses whole parts of a second that way.
"""

from __future__ import annotations

import os
import threading
import time

PAUSE = 0.02
"""Seconds that a thread sleeps."""

SHORTEST = 0.1
"""Seconds of lateness that are worth noting."""


class Stalls:
    """Watches the processors of this process from its making on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[tuple[float, float]] = []
        for processor in sorted(os.sched_getaffinity(0)):
            threading.Thread(target=self._watch, args=(processor,), daemon=True).start()

    def _watch(self, processor: int) -> None:
        # On Linux this is for the calling thread alone.
        os.sched_setaffinity(0, {processor})
        while True:
            begin = time.monotonic()
            time.sleep(PAUSE)
            end = time.monotonic()
            late = end - begin - PAUSE
            if late >= SHORTEST:
                with self._lock:
                    self._seen.append((end, late))

    def longest(self, since: float) -> float:
        """Return the seconds of the longest stall that ended after a time of `time.monotonic`; 0 if there was none."""
        with self._lock:
            return max((late for end, late in self._seen if end >= since), default=0.0)


STALLS = Stalls()
"""Those of the machine that the faults run on."""
