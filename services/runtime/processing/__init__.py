"""The durable loop: apply a batch of messages to documents, publish what they emit, commit offsets."""
