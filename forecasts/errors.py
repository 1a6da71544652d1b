"""The errors a user can cause or meet: each message is a sentence that says what to do next."""


class CalleditError(Exception):
    """Base of every error whose message is meant for a user; the command line prints it and exits 1."""


class InvalidInputError(CalleditError):
    """What was given cannot be registered; nothing was changed."""


class NotFoundError(CalleditError):
    """No entity has this public id."""


class ConflictError(CalleditError):
    """The request contradicts what is already registered or the state it is in; nothing was changed."""


class StoreError(CalleditError):
    """The database cannot be opened or used as asked."""


class UnavailableError(StoreError):
    """The database is away, busy or full; nothing was written, and trying again may help."""


class RedactedError(NotFoundError):
    """What was asked for was here and was blanked; the message says when, by whom and why."""
