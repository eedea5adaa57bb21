"""The data keys of people: each person has one for each purpose, and erasing them erases what they encrypt.

The keys are on a compacted topic, each wrapped: encrypted with the key-encryption key of its purpose, which comes from
a ``KeyProvider``. A process follows the topic, keeps the wrapped keys of the purposes that it holds a key-encryption
key of, and unwraps one when it is used. See ``docs/decisions/0036-person-keys.md``.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog
from frikort_contracts.cloudevents import BrokenContract, Envelope, decode, encode, tombstone
from frikort_contracts.person_keys import Lookup, PersonKeysWrapped, Purpose
from frikort_contracts.topics import PERSON_KEYS, Topic

from services.runtime.encryption import DecryptionError, Encryptor
from services.runtime.envelopes import new_envelope
from services.runtime.kafka.followed_topic import records_of
from services.runtime.kafka.topics import require
from services.runtime.key_providers import KeyProvider, setting_of
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.processing.producer import Producer
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.settings import KafkaSettings

if TYPE_CHECKING:
    from services.runtime.service import Runtime

logger = structlog.get_logger(__name__)

_WRAPPING: Final = "data key"
_KEY_BYTES: Final = 32
_TIME_BYTES: Final = 6
_RANDOM_BYTES: Final = 10
_ID_LETTERS: Final = 22
_UNWRAPPED_MOST: Final = 8192
_NO_KEYS: Final = "none"
ROLL_EVERY: Final = timedelta(hours=12)
_COMPACTION_TAKES: Final = timedelta(hours=1)
_CLOCKS_DIFFER: Final = timedelta(minutes=2)
"""The most by which the clocks of two machines differ, and the longest publish."""


class Erased(DecryptionError):
    """The key of the text was erased with the person's data. It will never be decrypted again."""


class _Wrapped(NamedTuple):
    """The keys of a person that this process can unwrap."""

    person: str
    keys: Mapping[Purpose, str]
    lookups: tuple[Lookup, ...]


class PersonKeys:
    """The data keys of all people, as far as this process can open them.

    Give ``catch_up`` to the process as a start check and ``follow`` as a background task. All keys that were published
    before ``complete_until`` are known. ``returned`` are keys that came back after they were erased: they stay erased
    here, and must be erased on the topic again.
    """

    def __init__(self, provider: KeyProvider) -> None:
        found = {purpose: provider.keys_of(purpose) for purpose in Purpose}
        self._wrapping = {purpose: Encryptor(keys) for purpose, keys in found.items() if keys}
        self._wrapped: dict[str, _Wrapped] = {}
        self._ids: dict[str, tuple[str, ...]] = {}
        self._people: dict[str, str] = {}
        self._awaited: dict[str, asyncio.Event] = {}
        self._erased: set[str] = set()
        self._unwrapped: dict[tuple[str, Purpose], Encryptor] = {}
        self.complete_until = datetime.min.replace(tzinfo=UTC)
        self.returned: set[str] = set()
        self._read_further = asyncio.Event()

    @property
    def purposes(self) -> Collection[Purpose]:
        """The purposes that this process can open."""
        return self._wrapping.keys()

    def has(self, person: str) -> bool:
        """Whether the person has keys."""
        return person in self._ids

    def person_of(self, cpr_hash: str) -> str | None:
        """The person with this hash of the CPR number, under any look-up key; None without keys.

        Where two people of the topic have the hash, because they are one, it is the first of them.
        """
        person = self._people.get(cpr_hash, cpr_hash)
        return person if person in self._ids else None

    def person_of_text(self, ciphertext: str) -> str | None:
        """The person with whose keys a text was encrypted; None if these keys are not known, or erased."""
        wrapped = self._wrapped.get(ciphertext.partition(".")[0])
        return None if wrapped is None else wrapped.person

    def lookups_of(self, person: str) -> tuple[Lookup, ...]:
        """How the person is found, beside the person's id."""
        return tuple(lookup for keys_id in self.ids_of(person) for lookup in self._wrapped[keys_id].lookups)

    def ids_of(self, person: str) -> tuple[str, ...]:
        """The ids of the person's keys, the first in use first; none without any."""
        return self._ids.get(person, ())

    async def ensure(self, person: str, producer: Producer) -> None:
        """Make the person's keys if there are none: when this returns, they are durable.

        Two processes may do so at the same time: then the person has two sets of keys, and each stays readable. Raises
        the errors of the producer.
        """
        if not self.has(person):
            keys = self.create(person, datetime.now(UTC))
            await producer.publish([encode(envelope_of(keys))])
            self.apply(keys)

    async def enter(self, person: str, lookups: tuple[Lookup, ...], producer: Producer, within: timedelta) -> bool:
        """Make keys for a person who is found by these hashes, and wait until the topic was read up to them.

        False if another process has entered the person before, under another id: then the keys are erased again. The
        topic must be followed meanwhile. Raises ``NotYetKnown`` after ``within``, and the errors of the producer.
        """
        keys = self.create(person, datetime.now(UTC), lookups)
        read = self._awaited[keys.keys_id] = asyncio.Event()
        try:
            await producer.publish([encode(envelope_of(keys))])
            async with asyncio.timeout(within.total_seconds()):
                await read.wait()
        except TimeoutError:
            raise NotYetKnown("the topic of keys is not read") from None
        finally:
            del self._awaited[keys.keys_id]
        is_first = self.person_of(person) == person
        if not is_first:
            await producer.publish([tombstone(PERSON_KEYS, keys.keys_id)])
            self.erase(keys.keys_id)
        return is_first

    def with_lookups(self, person: str, lookups: tuple[Lookup, ...]) -> PersonKeysWrapped:
        """The first keys of a person, with these look-ups beside those of other keys. Needs all purposes."""
        keys_id = self.ids_of(person)[0]
        _, keys, earlier = self._wrapped[keys_id]
        found = {lookup.key_id: lookup for lookup in (*earlier, *lookups)}
        wrapped = {str(purpose): keys[purpose] for purpose in Purpose}
        return PersonKeysWrapped(keys_id=keys_id, person=person, lookups=tuple(found.values()), **wrapped)

    def create(self, person: str, now: datetime, lookups: tuple[Lookup, ...] = ()) -> PersonKeysWrapped:
        """New keys for a person, not published yet. Raises ``DecryptionError`` unless all purposes can be opened."""
        keys_id = new_keys_id(now)
        return self._wrap(keys_id, person, {purpose: os.urandom(_KEY_BYTES) for purpose in Purpose}, lookups)

    def encrypt(self, plaintext: str, person: str, purpose: Purpose, field: str, *subject: str) -> str:
        """``<keys id>.<base64url>``, decrypted only for the same field and subject. Call ``ensure`` before.

        Raises ``LookupError`` for a person without keys.
        """
        ids = self.ids_of(person)
        if not ids:
            raise LookupError("the person has no keys")
        return self._cipher(ids[0], purpose).encrypt(plaintext, field, *subject)

    def decrypt(self, ciphertext: str, purpose: Purpose, field: str, *subject: str) -> str:
        """The plaintext. Raises ``Erased``, ``NotYetKnown`` and ``DecryptionError``."""
        return self._cipher(ciphertext.partition(".")[0], purpose).decrypt(ciphertext, field, *subject)

    def apply(self, event: PersonKeysWrapped) -> None:
        """Keep the keys of an event, unless they were erased."""
        keys_id, person = event.keys_id, event.person
        if keys_id in self._erased:
            self.returned.add(keys_id)
            return
        self._forget_unwrapped(keys_id)
        wrapped = {purpose: event.wrapped(purpose) for purpose in self._wrapping}
        self._wrapped[keys_id] = _Wrapped(person, wrapped, event.lookups)
        self._ids[person] = tuple(sorted({*self.ids_of(person), keys_id}))
        self._find_by(event.lookups, person)

    def take(self, event: PersonKeysWrapped) -> None:
        """Keep the keys of an event that was read from the topic."""
        self.apply(event)
        if (awaited := self._awaited.get(event.keys_id)) is not None:
            awaited.set()

    def erase(self, keys_id: str) -> None:
        """Forget keys: from now on they open nothing."""
        self._forget_unwrapped(keys_id)
        self._erased.add(keys_id)
        self.returned.discard(keys_id)
        wrapped = self._wrapped.pop(keys_id, None)
        if wrapped is None:
            return
        left = tuple(other for other in self._ids[wrapped.person] if other != keys_id)
        if left:
            self._ids[wrapped.person] = left
        else:
            del self._ids[wrapped.person]
        for lookup in wrapped.lookups:
            if self._people.get(lookup.cpr_hash) == wrapped.person:
                del self._people[lookup.cpr_hash]
        self._find_by(self.lookups_of(wrapped.person), wrapped.person)

    def check_wrapping(self) -> None:
        """Raise ``UnsafeSetting`` if keys are wrapped with a key-encryption key that the settings do not have."""
        examples = {
            (purpose, ciphertext.partition(".")[0]): (keys_id, purpose)
            for keys_id, wrapped in self._wrapped.items()
            for purpose, ciphertext in wrapped.keys.items()
        }
        for (purpose, key_id), example in examples.items():
            try:
                self._unwrap(*example)
            except DecryptionError:
                raise UnsafeSetting(
                    setting_of(purpose),
                    f"without the key {key_id}, or another key under its id",
                    "add the key that wrapped the keys of people",
                    risk="makes stored data unreadable",
                ) from None

    def rewrapped(self) -> Iterator[PersonKeysWrapped]:
        """The keys that are not wrapped with the first key-encryption keys, wrapped with them. Needs all purposes."""
        for keys_id, wrapped in list(self._wrapped.items()):
            if all(self._wrapper(purpose).is_current(key) for purpose, key in wrapped.keys.items()):
                continue
            keys = {purpose: self._unwrap(keys_id, purpose) for purpose in Purpose}
            yield self._wrap(keys_id, wrapped.person, keys, wrapped.lookups)

    def count_wrapped_with(self) -> Mapping[tuple[Purpose, str], int]:
        """How many keys are wrapped with each key-encryption key, by purpose and id."""
        counts: dict[tuple[Purpose, str], int] = {}
        for wrapped in self._wrapped.values():
            for purpose, ciphertext in wrapped.keys.items():
                name = purpose, ciphertext.partition(".")[0]
                counts[name] = counts.get(name, 0) + 1
        return counts

    async def read(self, settings: KafkaSettings) -> None:
        """Read the keys so far, and check that they can be unwrapped. Raises ``UnsafeSetting``, errors of aiokafka."""
        await self._read(settings, follow=False)
        self.check_wrapping()

    def catch_up(self, settings: KafkaSettings) -> Any:
        """A start check that reads the keys so far."""

        async def read_person_keys(_: Runtime) -> None:
            await self.read(settings)

        return read_person_keys

    def follow(self, settings: KafkaSettings) -> Any:
        """A background task that reads all keys, and waits for new ones."""

        async def follow_person_keys(_: Runtime) -> None:
            await self.read_on(settings)

        return follow_person_keys

    async def complete_after(self, moment: datetime) -> None:
        """Wait until all keys that were published before ``moment`` are known. The topic must be read meanwhile."""
        while self.complete_until <= moment:
            self._read_further.clear()
            await self._read_further.wait()

    async def read_on(self, settings: KafkaSettings) -> None:
        """Read all keys, and wait for new ones, without end."""
        await self._read(settings, follow=True)

    def _find_by(self, lookups: tuple[Lookup, ...], person: str) -> None:
        for lookup in lookups:
            if lookup.cpr_hash not in self._ids:
                self._people.setdefault(lookup.cpr_hash, person)

    def _set_complete(self, moment: datetime) -> None:
        self.complete_until = moment
        self._read_further.set()

    async def _read(self, settings: KafkaSettings, *, follow: bool) -> None:
        await require(settings, [PERSON_KEYS.name])
        async with aclosing(records_of(settings, PERSON_KEYS, follow=follow, caught_up=self._set_complete)) as records:
            async for record in records:
                if record.value is None:
                    self.erase((record.key or b"").decode())
                    continue
                try:
                    self.take(decode(PERSON_KEYS, record.value, record.headers).data)
                except (BrokenContract, ValueError) as error:
                    logger.critical("runtime.person_keys_unreadable", offset=record.offset, reason=str(error))

    def _wrapper(self, purpose: Purpose) -> Encryptor:
        if purpose not in self._wrapping:
            raise DecryptionError(f"this process has no key-encryption key for {purpose}")
        return self._wrapping[purpose]

    def _cipher(self, keys_id: str, purpose: Purpose) -> Encryptor:
        found = self._unwrapped.get((keys_id, purpose))
        if found is None:
            self._wrapper(purpose)
            if keys_id not in self._wrapped:
                raise self._missing(keys_id)
            if len(self._unwrapped) >= _UNWRAPPED_MOST:
                del self._unwrapped[next(iter(self._unwrapped))]
            found = self._unwrapped[keys_id, purpose] = Encryptor({keys_id: self._unwrap(keys_id, purpose)})
        return found

    def _wrap(
        self, keys_id: str, person: str, keys: Mapping[Purpose, bytes], lookups: tuple[Lookup, ...]
    ) -> PersonKeysWrapped:
        wrapped = {
            str(purpose): self._wrapper(purpose).encrypt(b64encode(key).decode(), _WRAPPING, purpose, keys_id, person)
            for purpose, key in keys.items()
        }
        return PersonKeysWrapped(keys_id=keys_id, person=person, lookups=lookups, **wrapped)

    def _unwrap(self, keys_id: str, purpose: Purpose) -> bytes:
        person, keys, _ = self._wrapped[keys_id]
        return b64decode(self._wrapper(purpose).decrypt(keys[purpose], _WRAPPING, purpose, keys_id, person))

    def _missing(self, keys_id: str) -> Exception:
        """Keys are durable before anything that they encrypt: where the topic was read past them, they are erased."""
        created = created_at(keys_id)
        if created is None:
            return DecryptionError("there is no such key")
        if keys_id in self._erased or created + _CLOCKS_DIFFER < self.complete_until:
            return Erased("the key was erased")
        return NotYetKnown("the key of a person is not read yet")

    def _forget_unwrapped(self, keys_id: str) -> None:
        for purpose in Purpose:
            self._unwrapped.pop((keys_id, purpose), None)


def compaction(producer: Producer) -> Any:
    """A background task of one process: adds a record to the topic, so that Kafka compacts the ones before.

    Kafka never compacts the segment that it is writing to, and ends a segment only when it adds a record.
    """

    async def keep_compacting(_: Runtime) -> None:
        while True:
            await producer.publish([tombstone(PERSON_KEYS, _NO_KEYS)])
            await asyncio.sleep(ROLL_EVERY.total_seconds())

    return keep_compacting


def erased_from_log_within(topic: Topic) -> timedelta:
    """The longest time from the erasure of a key to its removal from the files of every broker.

    The segment with the erasure is ended by the first record after its time; then it is compacted at the latest when
    its records have that age, and the old files are deleted.
    """
    if topic.compacted_within is None:
        raise ValueError(f"{topic.name} keeps what was deleted without limit")
    return topic.compacted_within + ROLL_EVERY + _COMPACTION_TAKES


def is_person_key(ciphertext: str) -> bool:
    """Whether a key of a person encrypted this: ids of other keys are shorter."""
    return len(ciphertext.partition(".")[0]) == _ID_LETTERS


def new_keys_id(now: datetime) -> str:
    """An id with the time of its creation."""
    raw = int(now.timestamp() * 1000).to_bytes(_TIME_BYTES, "big") + os.urandom(_RANDOM_BYTES)
    return urlsafe_b64encode(raw).decode().rstrip("=")


def created_at(keys_id: str) -> datetime | None:
    """When keys were made; None for a text that is no id of keys."""
    try:
        raw = urlsafe_b64decode(keys_id + "==")
        if len(raw) != _TIME_BYTES + _RANDOM_BYTES:
            return None
        return datetime.fromtimestamp(int.from_bytes(raw[:_TIME_BYTES], "big") / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def envelope_of(keys: PersonKeysWrapped) -> Envelope[PersonKeysWrapped]:
    """The envelope of new keys, or of keys that were wrapped again."""
    return new_envelope(keys, writer=PERSON_KEYS.writers[0])
