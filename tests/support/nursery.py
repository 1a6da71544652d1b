"""Processes to be killed, forked from one that has everything imported: starting Python anew costs seconds."""

import multiprocessing
from multiprocessing.context import ForkServerContext


def nursery() -> ForkServerContext:
    """Return the process that others are forked from: it has everything imported, and nothing open."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.lives", "tests.jobs.runs"])
    return context
