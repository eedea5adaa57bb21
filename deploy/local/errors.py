"""The one error that people see."""


class LauncherError(Exception):
    """Something is missing or would not start.

    The message is one clear sentence, and the remedy says what to do about it.
    """

    def __init__(self, what: str, remedy: str, log_tail: str = "") -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy
        self.log_tail = log_tail
