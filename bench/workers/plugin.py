"""The benchmark of several workers: a handler that computes for as long as the post says."""

from __future__ import annotations

import time

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin.models import Context, Post

TRIAL = 20_000
"""How many steps are measured to find out how long one takes."""


def spin(steps: int) -> int:
    """Computes in Python, without letting go of the interpreter."""
    value = 1
    for _ in range(steps):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return value


def steps_for(seconds: float) -> int:
    """Finds how many steps take so much processor time; the fastest trial was disturbed least."""
    fastest = float("inf")
    for _ in range(20):
        begin = time.thread_time()
        spin(TRIAL)
        fastest = min(fastest, time.thread_time() - begin)
    return round(TRIAL * seconds / fastest)


class BenchWorkers(Plugin):
    """Answers MessageWillBePosted as the first word of the message says."""

    @hook(HookName.MessageWillBePosted)
    def message_will_be_posted(self, context: Context, post: Post) -> Post:
        """Computes, or says how many steps take so many seconds."""
        word, _, rest = post.message.partition(" ")
        if word == "bench:calibrate":
            post.message = str(steps_for(float(rest)))
        elif word == "bench:spin":
            spin(int(rest))
            post.message += " (seen)"
        return post
