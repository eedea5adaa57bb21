"""Message processing: apply batches of messages to documents, publish their events, commit offsets. No I/O library."""
