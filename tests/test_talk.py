"""What only the two can read: the word code, the opening, and the messages after it."""

import json
import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.demo import talk, words
from backend.demo.talk import Sender, Unreadable

VECTORS = json.loads((Path(__file__).parent / "vectors" / "talk.json").read_text())
few = settings(max_examples=40, deadline=None)
secrets = st.binary(min_size=32, max_size=32)
senders = st.sampled_from(Sender)
counters = st.integers(1, 2**32 - 1)
texts = st.text(max_size=500)


@few
@given(secrets, st.uuids(), senders, counters, texts)
def test_a_message_comes_back_as_it_was(
    secret: bytes, conversation: uuid.UUID, sender: Sender, counter: int, text: str
) -> None:
    sealed = talk.seal_message(secret, conversation, sender, counter, {"text": text})
    assert talk.open_message(secret, conversation, sender, counter, sealed) == {"text": text}
    assert len(sealed) - talk.MESSAGE_ADDS in talk.BUCKETS


@few
@given(secrets, st.uuids(), senders, counters, st.integers(0))
def test_any_flipped_bit_is_refused(
    secret: bytes, conversation: uuid.UUID, sender: Sender, counter: int, bit: int
) -> None:
    sealed = bytearray(talk.seal_message(secret, conversation, sender, counter, {"text": "I was there."}))
    place = bit % (len(sealed) * 8)
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(Unreadable):
        talk.open_message(secret, conversation, sender, counter, bytes(sealed))


@few
@given(secrets, st.uuids(), st.uuids(), senders, counters, counters)
def test_a_message_is_read_at_its_own_place_only(
    secret: bytes, here: uuid.UUID, elsewhere: uuid.UUID, sender: Sender, counter: int, later: int
) -> None:
    sealed = talk.seal_message(secret, here, sender, counter, {"text": "Can you talk?"})
    other = Sender.STAFF if sender is Sender.ASKER else Sender.ASKER
    wrong = [(here, other, counter)]
    wrong += [(elsewhere, sender, counter)] if elsewhere != here else []
    wrong += [(here, sender, later)] if later != counter else []
    for place in wrong:
        with pytest.raises(Unreadable):
            talk.open_message(secret, *place, sealed)


@few
@given(secrets, st.uuids(), counters)
def test_two_devices_of_one_peer_never_share_a_key(secret: bytes, conversation: uuid.UUID, counter: int) -> None:
    same = (secret, conversation, Sender.STAFF, counter)
    sealed = [talk.seal_message(*same, {"text": "I have time now."}) for _ in range(2)]
    keys = {talk.message_key(secret, one[:16], *same[1:]) for one in sealed}
    assert len(keys) == 2


def test_an_opening_is_for_one_device_of_one_conversation() -> None:
    conversation, device = uuid.uuid4(), uuid.uuid4()
    phone, other_phone = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    secret = bytes(range(32))
    public = phone.public_key().public_bytes_raw()
    sealed = talk.seal_opening(conversation, device, public, secret, card="Call me on 555 0100", text="Hello.")
    said = talk.open_opening(conversation, device, phone, sealed)
    assert said == {"secret": secret, "card": "Call me on 555 0100", "text": "Hello."}
    assert len(sealed) - talk.OPENING_ADDS in talk.BUCKETS
    for wrong in (
        (uuid.uuid4(), device, phone),
        (conversation, uuid.uuid4(), phone),
        (conversation, device, other_phone),
    ):
        with pytest.raises(Unreadable):
            talk.open_opening(*wrong, sealed)
    for byte in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[byte] ^= 1
        with pytest.raises(Unreadable):
            talk.open_opening(conversation, device, phone, bytes(changed))


@pytest.mark.parametrize("plain", [b"", b"\xff", b"[]", b'"x"', b"{}", b'{"secret": "?"}'])
def test_an_opening_that_says_no_secret_is_refused(plain: bytes) -> None:
    conversation, device, phone = uuid.uuid4(), uuid.uuid4(), X25519PrivateKey.generate()
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    info = b"relief opening v1" + conversation.bytes + device.bytes
    sealed = suite.encrypt(talk.pad(plain), phone.public_key(), info)
    with pytest.raises(Unreadable):
        talk.open_opening(conversation, device, phone, sealed)


@few
@given(st.binary(max_size=16383))
def test_only_four_lengths_are_ever_seen(plain: bytes) -> None:
    padded = talk.pad(plain)
    assert len(padded) in talk.BUCKETS
    assert talk.unpad(padded) == plain


def test_what_is_too_long_is_not_cut() -> None:
    with pytest.raises(ValueError, match="16383"):
        talk.pad(bytes(16384))
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ValueError, match="4095"):
        talk.seal_opening(uuid.uuid4(), uuid.uuid4(), public, bytes(32), text="x" * 4096)


@pytest.mark.parametrize("padded", [b"", bytes(256), b"\x80" + bytes(254) + b"\x01"])
def test_what_was_not_padded_is_refused(padded: bytes) -> None:
    with pytest.raises(Unreadable):
        talk.unpad(padded)


@few
@given(st.binary(min_size=16, max_size=16))
def test_words_are_forgiving(entropy: bytes) -> None:
    written = words.write_words(entropy)
    hurried = "  ".join(word[:4].upper() for word in written.split())
    assert len(written.split()) == 12
    assert words.read_words(written) == words.read_words(hurried) == entropy


@pytest.mark.parametrize(
    "wrong",
    ["", "abandon", "abandon " * 12, "abandon " * 11 + "relieved", "abandon " * 23 + "art", "straße " * 12],
)
def test_words_that_were_copied_wrong_are_refused(wrong: str) -> None:
    with pytest.raises(words.WrongWords):
        words.read_words(wrong)


def test_a_lost_phone_is_not_a_lost_conversation() -> None:
    written = words.make_words()
    entropy = words.read_words(written)
    conversation, device, peer = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    peers_phone = X25519PrivateKey.generate()
    secret = words.conversation_secret(entropy, conversation, peer)
    opening = talk.seal_opening(conversation, device, peers_phone.public_key().public_bytes_raw(), secret)
    theirs = talk.open_opening(conversation, device, peers_phone, opening)["secret"]
    relayed = [
        (Sender.STAFF, 1, talk.seal_message(theirs, conversation, Sender.STAFF, 1, {"text": "I'm here."})),
        (Sender.ASKER, 1, talk.seal_message(secret, conversation, Sender.ASKER, 1, {"text": "Thank you."})),
    ]
    new_phone = words.read_words(written)
    again = words.conversation_secret(new_phone, conversation, peer)
    assert words.asker_token(new_phone) == words.asker_token(entropy)
    read = [talk.open_message(again, conversation, sender, count, sealed)["text"] for sender, count, sealed in relayed]
    assert read == ["I'm here.", "Thank you."]


def test_a_second_person_under_the_same_conversation_reads_nothing() -> None:
    """A server that names a conversation again, with somebody else, has the asker's phone seal another secret."""
    entropy, conversation = words.read_words(words.make_words()), uuid.uuid4()
    first, second = (words.conversation_secret(entropy, conversation, uuid.uuid4()) for _ in range(2))
    sealed = talk.seal_message(first, conversation, Sender.ASKER, 1, {"text": "For you alone."})
    with pytest.raises(Unreadable):
        talk.open_message(second, conversation, Sender.ASKER, 1, sealed)


def test_the_vectors_hold() -> None:
    known = {name: bytes.fromhex(value) for name, value in VECTORS["hex"].items()}
    conversation, device = uuid.UUID(VECTORS["conversation_id"]), uuid.UUID(VECTORS["device_id"])
    peer = uuid.UUID(VECTORS["staff_id"])
    entropy, secret = known["entropy"], known["conversation_secret"]
    assert words.write_words(entropy) == VECTORS["words"]
    assert words.request_secret(entropy) == known["request_secret"]
    assert words.asker_token(entropy) == VECTORS["asker_token"]
    assert words.conversation_secret(entropy, conversation, peer) == secret
    phone = X25519PrivateKey.from_private_bytes(known["device_private_key"])
    assert phone.public_key().public_bytes_raw() == known["device_public_key"]
    said = talk.open_opening(conversation, device, phone, known["opening"])
    assert said == VECTORS["opening_says"] | {"secret": secret}
    for message in VECTORS["messages"]:
        place = (conversation, Sender[message["sender"].upper()], message["counter"])
        sealed = bytes.fromhex(message["sealed"])
        assert talk.message_key(secret, sealed[:16], *place).hex() == message["key"]
        assert talk.open_message(secret, *place, sealed) == message["says"]
