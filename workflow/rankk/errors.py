"""The one exception that users are meant to read."""


class RankkError(Exception):
    """Something a user can act on: the message names the file, key or query and what to do.

    The command line prints it as one line without a traceback and exits with 1.
    """
