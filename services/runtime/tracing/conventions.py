"""The attributes of spans: names of OpenTelemetry's semantic conventions, and what each holds here.

The conventions also name attributes that would hold personal data or a key: ``url.path``, ``client.address``,
``messaging.kafka.message.key``, ``db.query.text`` and the text of an exception. No span has them.
"""

from __future__ import annotations

from typing import Final

# Every span that failed: the class of the error or the status, never its text.
ERROR_TYPE: Final = "error.type"

# HTTP: requests of the public ports, and calls of the portals to the API.
HTTP_METHOD: Final = "http.request.method"
HTTP_STATUS: Final = "http.response.status_code"
HTTP_ROUTE: Final = "http.route"  # the template: a path may hold personal data
SERVER_ADDRESS: Final = "server.address"

# Messaging: records that are published, and batches and records that are processed.
SYSTEM: Final = "messaging.system"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
TOPIC: Final = "messaging.destination.name"
PARTITION: Final = "messaging.destination.partition.id"
OFFSET: Final = "messaging.kafka.offset"
GROUP: Final = "messaging.consumer.group.name"
BATCH_SIZE: Final = "messaging.batch.message_count"
MESSAGE_ID: Final = "messaging.message.id"
CORRELATION_ID: Final = "messaging.message.conversation_id"

# Database: commands to MongoDB.
DB_SYSTEM: Final = "db.system.name"
DB_NAMESPACE: Final = "db.namespace"
DB_COLLECTION: Final = "db.collection.name"
DB_OPERATION: Final = "db.operation.name"

KAFKA: Final = "kafka"
MONGODB: Final = "mongodb"

# Names of operations; the conventions' types are `send` and `process`.
SEND: Final = "send"
PROCESS: Final = "process"
PROCESS_BATCH: Final = "process_batch"

# No convention: which processor of a service.
PROCESSOR: Final = "frikort.processor"
