"""The command line as a user meets it: run in this process, with what it printed and how it exited."""

import json
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from jobs import cli

APP = cli.app
_commands = cache(get_command)


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
    """Return what runs `calledit` with the words of a command, and those it is given, after it.

    The tree of commands is built once for all tests: it takes a quarter of what most commands do.
    """
    monkeypatch.setattr(cli, "app", _commands(APP))

    def run(*args: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["calledit", *command, *args])
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run
