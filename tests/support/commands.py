"""The command line as a user meets it: run in this process, with what it printed and how it exited."""

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from jobs.cli import main


class Result(NamedTuple):
    """How a command exited, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *command: str) -> Run:
    """Return what runs `calledit` with the words of a command, and those it is given, after it."""

    def run(*args: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["calledit", *command, *args])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run
