"""Only the key, the purpose and the subject decrypt a text; keyed hashes need the key."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest

from services.runtime.encryption import DecryptionError, Encryptor, KeyedHasher, read_key
from tests.tokens import falsified

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = '{"cpr": "6101901234", "name": "Ærø"}'


def setting(**keys: bytes) -> str:
    return ", ".join(f"{name}:{b64encode(key).decode()}" for name, key in keys.items())


def test_ciphertext_is_decrypted_and_shows_nothing_of_the_text() -> None:
    encryptor = Encryptor({"k1": OLD})
    ciphertext = encryptor.encrypt(SECRET, "hash")
    assert encryptor.decrypt(ciphertext, "hash") == SECRET
    assert ciphertext.startswith("k1.")
    assert "6101901234" not in ciphertext
    assert encryptor.encrypt(SECRET, "hash") != ciphertext


def test_a_key_is_rotated_by_putting_a_new_one_in_front() -> None:
    ciphertext = Encryptor({"k1": OLD}).encrypt(SECRET, "hash")
    both = Encryptor.from_setting(setting(k2=NEW, k1=OLD))
    assert both.decrypt(ciphertext, "hash") == SECRET
    assert both.encrypt(SECRET, "hash").startswith("k2.")


@pytest.mark.parametrize(
    ("change", "purpose"),
    [
        pytest.param(lambda text: text, "another", id="another purpose"),
        pytest.param(falsified, "hash", id="changed"),
        pytest.param(lambda text: "k9" + text[2:], "hash", id="a key we do not have"),
        pytest.param(lambda text: text[:10], "hash", id="cut"),
        pytest.param(lambda _: "k1.", "hash", id="empty"),
        pytest.param(lambda _: "", "hash", id="nothing"),
        pytest.param(lambda _: "k1.ååå", "hash", id="no base64"),
    ],
)
def test_anything_else_cannot_be_decrypted(change: Callable[[str], str], purpose: str) -> None:
    encryptor = Encryptor({"k1": OLD})
    with pytest.raises(DecryptionError):
        encryptor.decrypt(change(encryptor.encrypt(SECRET, "hash")), purpose)


@pytest.mark.parametrize(
    "copied", [("label", "card", "cvr"), ("contact", "other", "cvr"), ("contact", "card"), ("contact", "cardcvr", "")]
)
def test_a_ciphertext_copied_to_another_field_or_subject_cannot_be_decrypted(copied: tuple[str, ...]) -> None:
    encryptor = Encryptor({"k1": OLD})
    ciphertext = encryptor.encrypt(SECRET, "contact", "card", "cvr")
    assert encryptor.decrypt(ciphertext, "contact", "card", "cvr") == SECRET
    with pytest.raises(DecryptionError):
        encryptor.decrypt(ciphertext, *copied)


def test_a_key_id_is_used_once() -> None:
    with pytest.raises(ValueError, match=r"key 2 in .* has the id of an earlier one"):
        Encryptor.from_setting(f"{setting(k1=OLD)},{setting(k1=NEW)}")


def test_another_key_under_the_same_name_does_not_decrypt_it() -> None:
    with pytest.raises(DecryptionError):
        Encryptor({"k1": NEW}).decrypt(Encryptor({"k1": OLD}).encrypt(SECRET, "hash"), "hash")


@pytest.mark.parametrize("text", ["", "k1", "k1:short", "k1:" + "!" * 44, ":" + b64encode(OLD).decode(), "a.b:c"])
def test_a_bad_setting_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="FRIKORT_ENCRYPTION_KEYS") as refused:
        Encryptor.from_setting(text)
    assert "short" not in str(refused.value)


def test_a_key_is_32_bytes_in_base64() -> None:
    assert read_key(b64encode(OLD).decode(), "the key") == OLD
    with pytest.raises(ValueError, match="the key must be 32 bytes"):
        read_key(b64encode(b"short").decode(), "the key")


def test_a_keyed_hash_depends_on_key_purpose_and_the_division_into_parts() -> None:
    hasher = KeyedHasher(OLD)
    hashed = hasher.hash("cpr", "6101901234")
    assert hashed == KeyedHasher(OLD).hash("cpr", "6101901234")
    assert len(hashed) == 22
    others = {
        KeyedHasher(NEW).hash("cpr", "6101901234"),
        hasher.hash("birth", "6101901234"),
        hasher.hash("cpr", "610190", "1234"),
        hasher.hash("cpr6101901234"),
    }
    assert len(others | {hashed}) == 5
