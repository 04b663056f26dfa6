"""The one exception that users are meant to read."""


class RankkError(Exception):
    """Something a user can act on: the message names the file, key or query and what to do.

    The command line prints it as one line without a traceback and exits with 1.
    """


class BackendError(RankkError):
    """No call can be answered any more: the engine does not start or has died. Other queries need not be tried."""
