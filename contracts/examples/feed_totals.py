"""Sum a feed by year: python feed_totals.py BROKER USER PASSWORD TOPIC [KEY].

It needs confluent-kafka, cloudevents and joserfc. Prints a line `year cards exempt excess` for each year, in øre. KEY
is a file with the authority's private JWK; with it, every CPR number is decrypted. Over TLS, set security.protocol to
SASL_SSL, and ssl.ca.location.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from joserfc import jwe
from joserfc.jwk import ECKey

broker, user, password, topic, *key = sys.argv[1:]
private = ECKey.import_key(json.loads(Path(key[0]).read_text())) if key else None
jose = jwe.JWERegistry(algorithms=["ECDH-ES+A256KW", "A256GCM"], strict_check_header=False)
login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512"}
login |= {"sasl.username": user, "sasl.password": password, "bootstrap.servers": broker, "group.id": f"{user}.totals"}
consumer = Consumer({**login, "enable.auto.commit": False})
described = consumer.list_topics(topic, timeout=10).topics[topic]
if described.error:
    raise SystemExit(f"{topic}: {described.error.str()}")  # no such topic, or not yours
partitions = [TopicPartition(topic, p, OFFSET_BEGINNING) for p in described.partitions]
ends = {p.partition: consumer.get_watermark_offsets(p)[1] for p in partitions}
consumer.assign(partitions)
newest: dict[bytes, dict] = {}
while any(p.offset < ends[p.partition] for p in consumer.position(partitions) if ends[p.partition]):
    if (record := consumer.poll(1.0)) is None or record.error() or not record.value():
        continue
    body = from_binary_event(KafkaMessage(dict(record.headers()), record.key(), record.value())).get_data()
    if body["revision"] >= newest.get(record.key(), body)["revision"]:
        newest[record.key()] = body  # a record replaces the one before; of two, the higher revision is newer
totals: dict[int, Counter[str]] = {}
for body in newest.values():
    if private and body.get("cpr"):
        opened = jwe.decrypt_compact(body["cpr"], private, registry=jose)
        if opened.headers()["sub"] != body["card_id"] or len(opened.plaintext) != 10:
            raise SystemExit("not the number of this card")
    if body.get("exempt", 0) + body.get("excess", 0):  # no amounts: a year at zero, an end, or the state of a card
        totals.setdefault(body["year"], Counter()).update(cards=1, exempt=body["exempt"], excess=body["excess"])
for year, sums in sorted(totals.items()):
    print(year, sums["cards"], sums["exempt"], sums["excess"])
