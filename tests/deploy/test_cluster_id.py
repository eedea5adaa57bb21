"""The id of a new cluster is one that every tool of Kafka can be given."""

from __future__ import annotations

from deploy.local.kafka import new_cluster


def test_no_id_reads_like_an_option() -> None:
    drawn = {new_cluster() for _ in range(2000)}
    assert len(drawn) == 2000
    assert all(len(name) == 22 and not name.startswith("-") for name in drawn)
