"""The exception for input that a user can correct."""


class InputError(ValueError):
    """Bad input; the message has the rule, what was received and where.

    The command-line programs print it as one line and exit with status 1; any other
    exception is a defect of pd_bert and keeps its traceback.
    """
