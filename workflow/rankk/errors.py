"""Errors with messages for users."""

import zlib

AFFECTS_RESULTS = False


class RankkError(Exception):
    """Something a user can act on: the message names the file, key or query and what to do.

    The command line prints it as one line without a traceback and exits with 1.
    """


class BackendError(RankkError):
    """The engine does not start or has died, so that all further calls would fail."""


def one_line(error: BaseException) -> str | None:
    """Text of an error for users: its message, or the path and reason of what the system refuses.

    None for an unexpected error, whose traceback should be shown.
    """
    if isinstance(error, RankkError):
        return str(error)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        return f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, (UnicodeError, EOFError, zlib.error, RecursionError)):
        return f"an input cannot be read: {error} ({type(error).__name__})"
    return None
