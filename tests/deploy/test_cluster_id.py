"""Every Kafka tool accepts the id of a new cluster as an argument."""

from __future__ import annotations

from deploy.local.kafka import new_cluster


def test_a_cluster_id_never_starts_with_a_dash() -> None:
    ids = {new_cluster() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(len(name) == 22 and not name.startswith("-") for name in ids)
