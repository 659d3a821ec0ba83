"""Ids of executions, task runs and hosts: 22 characters of base 62, as the reference has them."""

from __future__ import annotations

import random

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 22


def new_id(source: random.Random) -> str:
    """A fresh id from the randomness handed in (131 bits)."""
    return "".join(source.choices(ALPHABET, k=LENGTH))


def child_id(parent: str, *parts: object) -> str:
    """An id that follows from what it names: the same parts give the same id, on every replay."""
    import hashlib

    digest = hashlib.blake2b(
        "\x1f".join(map(str, (parent, *parts))).encode(), digest_size=17
    ).digest()
    number = int.from_bytes(digest)
    letters = []
    for _ in range(LENGTH):
        number, index = divmod(number, 62)
        letters.append(ALPHABET[index])
    return "".join(letters)


def system_random() -> random.Random:
    """Randomness that can't be guessed, for hosts; tests hand in a seeded `random.Random`."""
    return random.SystemRandom()
