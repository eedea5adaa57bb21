"""A change stream, read an answer at a time: by motor's own stream over a server that is played."""

from __future__ import annotations

from collections import deque
from typing import Any

from services.runtime.mongo.document_store import connect, durable_database, next_changes


class Played:
    """pymongo's change stream and its cursor, as far as they are asked; each answer is a list of changes."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self._answers = deque(answers)
        self._held: deque[dict[str, Any]] = deque()
        self._cursor = self
        self.asked = 0
        self.resume_token: Any = None

    @property
    def alive(self) -> bool:
        return bool(self._answers or self._held)

    def _has_next(self) -> bool:
        return bool(self._held)

    def try_next(self) -> dict[str, Any] | None:
        if not self._held:
            self.asked += 1
            self._held.extend(self._answers.popleft())
        if not self._held:
            return None
        change = self._held.popleft()
        self.resume_token = change["_id"]
        return change

    def close(self) -> None:
        self._answers.clear()


async def test_what_came_in_one_answer_is_told_at_once() -> None:
    client = connect("mongodb://127.0.0.1:1/?replicaSet=rs0")
    played = Played([{"_id": 1}, {"_id": 2}, {"_id": 3}], [], [{"_id": 4}])
    stream: Any = durable_database(client, "test").watch()
    stream.delegate = played
    told = []
    async with stream:
        while stream.alive:
            told.append(([change["_id"] for change in await next_changes(stream)], stream.resume_token))
    client.close()

    assert told == [([1, 2, 3], 3), ([], 3), ([4], 4)]
    assert played.asked == 3
