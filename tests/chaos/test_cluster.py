"""Engine settings for one broker and for three."""

from __future__ import annotations

from deploy.local import broker_config, mongod


def test_one_broker_votes_for_itself() -> None:
    settings = broker_config.addresses(9092, 9093, "/data")
    assert settings["node.id"] == "1"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9093"


def test_each_of_three_brokers_names_every_voter() -> None:
    settings = broker_config.addresses(9192, 9193, "/data", node=2, voters={1: 9093, 2: 9193, 3: 9293})
    assert settings["node.id"] == "2"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9093,2@127.0.0.1:9193,3@127.0.0.1:9293"


def test_a_connection_string_names_every_member() -> None:
    assert mongod.uri(1) == "mongodb://127.0.0.1:1/?replicaSet=frikort"
    assert mongod.uri(1, 2) == "mongodb://127.0.0.1:1,127.0.0.1:2/?replicaSet=frikort"
