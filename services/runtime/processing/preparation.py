"""What the preparation of a message may wait for."""


class NotYetKnown(RuntimeError):
    """Something that was published before is not read yet, such as a key. It may pass: the batch is tried again."""
