"""`acme.input.Iban`: the input type IBAN."""

from __future__ import annotations

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text


class Iban(Input):
    """The number of a bank account, checked by its check digits."""

    expects = "an account number like GB82 WEST 1234 5698 7654 32"

    def parse(self, value: Json) -> Json:
        given = text(value).replace(" ", "").upper()
        digits = "".join(
            str(int(letter, 36)) for letter in given[4:] + given[:4] if letter.isalnum()
        )
        if len(given) < 15 or not given.isalnum() or int(digits) % 97 != 1:
            raise ValueError("its check digits are wrong")
        return given
