"""The error that the launcher reports to people."""


class LauncherError(Exception):
    """Something is missing or did not start.

    `what` is one sentence, and `remedy` says what to do about it.
    """

    def __init__(self, what: str, remedy: str, log_tail: str = "") -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy
        self.log_tail = log_tail
