"""The one exception that a command turns into one line and exit status 2."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message names it, says what is wrong and what to do."""
