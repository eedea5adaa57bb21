"""The table of retention has every topic and collection once, and its page is up to date."""

from __future__ import annotations

from collections import Counter

from frikort_contracts.topics import TOPICS

from deploy.mongodb.rights import ALL_COLLECTIONS, USERS, rights_of
from deploy.retention import EXTRACT_STORE, PAGE, TABLE, page


def test_every_topic_and_collection_has_one_row() -> None:
    collections = {
        f"{database}.{collection}"
        for user in USERS
        for database, names in rights_of(user, "local").items()
        for collection in names
        if collection != ALL_COLLECTIONS and database.startswith("frikort_")
    }
    rows = Counter(name for row in TABLE for name in row.where)
    assert set(rows) == collections | {topic.name for topic in TOPICS} | {EXTRACT_STORE}
    assert set(rows.values()) == {1}


def test_what_kafka_deletes_is_what_the_topics_say() -> None:
    row_of = {name: row for row in TABLE for name in row.where}
    for topic in TOPICS:
        row = row_of[topic.name]
        if topic.retention is None:
            assert "without limit" in row.kept or "at least" in row.kept, topic.name
        else:
            assert "Kafka" in row.by, topic.name
            assert f"{topic.retention.days} days" in row.kept, topic.name


def test_every_row_has_a_reason() -> None:
    assert all(row.reason and row.kept and row.by for row in TABLE)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m deploy.retention"
