"""Pebble's tokens, on top of Jinja2's lexer.

Jinja2 lexes by tables of rules, one per state (`Lexer.rules`), and turns raw (line, kind, text) triples into tokens
in `wrap`. Pebble's tokens are new rules in the two expression states and new cases in `wrap`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from jinja2 import lexer
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Lexer, OptionalLStrip, Token, TokenStream, _Rule, compile_rules

from .bounds import MAX_TOKENS

if TYPE_CHECKING:
    from .environment import PebbleEnvironment

OPERATORS = {
    "???": "undefined_coalesce",
    "??": "coalesce",
    "?": "question",
    "..": "range",
    "&&": "ampersands",
    "||": "bars",
    "!": "bang",
}
SHIELD = "\ue000"
"""Stands for `{` in raw text until all rendering passes are over."""
TIGHT = "-tight"
"""The value of a `sub` token that was written without blanks: `a-b` may be a name with a hyphen."""

_NESTED = r"""(?:[^{}"']|"[^"]*"|'[^']*')*"""  # what may stand in #{…}: strings, but no braces
_all_operators = sorted({*lexer.operators, *OPERATORS}, key=len, reverse=True)
_operator = re.compile("|".join(map(re.escape, _all_operators)))
_string = re.compile(
    rf""" '[^'\\]*(?:\\.[^'\\]*)*' | "(?:[^"\\#]|\\.|\#(?!\{{)|\#\{{{_NESTED}\}})*" """.replace(
        " ", ""
    ),
    re.S,
)
_interpolation = re.compile(rf"(?<!\\)#\{{({_NESTED})\}}", re.S)
_integer = re.compile(r"\d+(?:[lL]\b)?")
_escape = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.S)
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "0": "\0",
    "\n": "",
}
_tight_number = re.compile(r"(?<=\w)-\d\w*(?!\w*\.\d)")
_digit_name = re.compile(r"(?<=[\w)\]]\.)\d+[^\W\d]\w*")
"""A key that begins with a digit, as task ids may: `outputs.2nd.value`."""
_tight_minus = re.compile(r"(?<=\w)-(?=[^\W\d])")


def _lstripped(*kinds: str) -> OptionalLStrip:
    """The kinds of a rule's groups, in Jinja2's tuple for rules whose first group a `-` may trim."""
    return OptionalLStrip(*kinds)  # type: ignore[no-untyped-call]


def _escaped(found: re.Match[str]) -> str:
    """What a backslash and what follows it stand for in the seed dialect, as in Python."""
    code = found[1]
    if code in _ESCAPES:
        return _ESCAPES[code]
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else found[0]
    return code if code in "\\'\"" else found[0]


class Place(int):
    """A line that also knows where in the text it is: it travels through Jinja2 as a line number."""

    offset: int

    def __new__(cls, line: int, offset: int) -> Place:
        place = super().__new__(cls, line)
        place.offset = offset
        return place


class ReplayStream(TokenStream):
    """A token stream that can go back: an expression with hyphens is read more than once."""

    def __init__(self, tokens: Iterable[Token], name: str | None, filename: str | None) -> None:
        self.tokens = list(tokens)
        self.position = 0
        super().__init__((), name, filename)

    def __next__(self) -> Token:
        previous = self.current
        if self.position < len(self.tokens):
            self.current = self.tokens[self.position]
            self.position += 1
        else:
            self.close()
        return previous

    def look(self) -> Token:
        if self.position < len(self.tokens):
            return self.tokens[self.position]
        return Token(self.current.lineno, "eof", "")

    def close(self) -> None:
        # the end lies where the last token does: a plain line would have no column
        end = self.tokens[-1].lineno if self.tokens else Place(1, 0)
        self.current = Token(end, "eof", "")

    def mark(self) -> tuple[int, Token]:
        return self.position, self.current

    def rewind(self, mark: tuple[int, Token]) -> None:
        self.position, self.current = mark


class PebbleLexer(Lexer):
    """Jinja2's lexer with Pebble's operators, strings and raw blocks."""

    def __init__(self, environment: PebbleEnvironment) -> None:
        super().__init__(environment)
        self.pebble_strings = environment.dialect == "kestra"
        for state in (lexer.TOKEN_BLOCK_BEGIN, lexer.TOKEN_VARIABLE_BEGIN):
            rules = [
                _Rule(_tight_number, "tight_number", None),
                _Rule(_digit_name, "digit_name", None),
                _Rule(_tight_minus, "tight_minus", None),
                *(self._replaced(rule) for rule in self.rules[state]),
            ]
            end = next(rule for rule in rules if rule.command == "#pop")
            rules.remove(end)
            self.rules[state] = [end, *rules]  # the end of the tag is looked for first
        self._accept_verbatim(environment)

    def _replaced(self, rule: _Rule) -> _Rule:
        patterns = {lexer.operator_re: _operator, lexer.integer_re: _integer}
        if self.pebble_strings:
            patterns[lexer.string_re] = _string
        return rule._replace(pattern=patterns.get(rule.pattern, rule.pattern))

    def _accept_verbatim(self, environment: PebbleEnvironment) -> None:
        """Make the rules of `raw`, which lie inside Jinja2's rule for text, again for both of its names."""
        begin, end = (
            re.escape(environment.block_start_string),
            re.escape(environment.block_end_string),
        )
        raw = rf"(?P<raw_begin>{begin}(\-|)\s*(?:raw|verbatim)\s*(?:\-{end}\s*|{end}))"
        # a `-` trims only where a blank follows it: `{{-a}}` is a negation
        starts = [
            raw,
            *(rf"(?P<{name}>{pattern}(\-(?=\s)|))" for name, pattern in compile_rules(environment)),
        ]
        text = re.compile(rf"(.*?)(?:{'|'.join(starts)})", re.M | re.S)
        self.rules["root"][0] = _Rule(text, _lstripped(lexer.TOKEN_DATA, "#bygroup"), "#bygroup")
        closed = rf"(.*?)((?:{begin}(\-|\+|))\s*end(?:raw|verbatim)\s*(?:\+{end}|\-{end}\s*|{end}))"
        kinds = _lstripped(lexer.TOKEN_DATA, lexer.TOKEN_RAW_END)
        self.rules[lexer.TOKEN_RAW_BEGIN][0] = _Rule(re.compile(closed, re.M | re.S), kinds, "#pop")

    def tokenize(
        self,
        source: str,
        name: str | None = None,
        filename: str | None = None,
        state: str | None = None,
    ) -> TokenStream:
        triples = self.tokeniter(source, name, filename, state)
        return ReplayStream(self.wrap(triples, name, filename), name, filename)

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        r"""Jinja2's triples with their places.

        Jinja2 makes every line end `\n`; Pebble keeps them: `\r` travels as another blank and comes back.
        """
        original, stand_in = source, ""
        if "\r" in source:
            stand_in = next((c for c in "\x1f\x1e\x1d\x1c" if c not in source), "\x1f")
            source = source.replace("\r", stand_in)
        cursor = 0
        try:
            triples = super().tokeniter(source, name, filename, state)
            for count, (line, kind, text) in enumerate(triples):
                if count > MAX_TOKENS:
                    raise TemplateSyntaxError("The template is too long", line)
                if stand_in:
                    text = text.replace(stand_in, "\r")
                at = original.find(text, cursor)
                if at >= 0:
                    cursor = at + len(text)
                yield Place(line, at if at >= 0 else cursor), kind, text
        except TemplateSyntaxError as error:
            if not isinstance(error.lineno, Place):
                rest = original[cursor:]
                error.lineno = Place(error.lineno, cursor + len(rest) - len(rest.lstrip()))
            raise

    def _normalize_newlines(self, value: str) -> str:
        return value

    def wrap(
        self,
        stream: Iterable[tuple[int, str, str]],
        name: str | None = None,
        filename: str | None = None,
    ) -> Iterator[Token]:
        previous = None
        for line, kind, text in stream:
            if kind in lexer.ignored_tokens:
                continue
            if kind == lexer.TOKEN_OPERATOR:
                yield Token(line, OPERATORS.get(text) or lexer.operators[text], text)
            elif kind == lexer.TOKEN_NAME:
                if not text.isidentifier():
                    raise TemplateSyntaxError(
                        "Invalid character in identifier", line, name, filename
                    )
                is_else_if = text == "elseif" and previous == lexer.TOKEN_BLOCK_BEGIN
                yield Token(line, kind, "elif" if is_else_if else text)
            elif kind == lexer.TOKEN_STRING:
                if self.pebble_strings:
                    yield from self._string(line, text, name, filename)
                else:
                    yield Token(line, kind, _escape.sub(_escaped, text[1:-1]))
            elif kind == lexer.TOKEN_DATA:
                yield Token(
                    line,
                    kind,
                    text.replace("{", SHIELD) if previous == lexer.TOKEN_RAW_BEGIN else text,
                )
            elif kind == lexer.TOKEN_INTEGER:
                yield Token(line, kind, self._whole(line, text))  # type: ignore[arg-type]
            elif kind == lexer.TOKEN_FLOAT:
                yield Token(line, kind, float(text.replace("_", "")))  # type: ignore[arg-type]
            elif kind == "tight_number":
                yield Token(line, kind, text[1:])
            elif kind == "digit_name":
                yield Token(line, lexer.TOKEN_NAME, text)
            elif kind == "tight_minus":
                yield Token(line, "sub", TIGHT)
            elif kind not in (lexer.TOKEN_RAW_BEGIN, lexer.TOKEN_RAW_END):
                yield Token(line, kind, text)
            previous = kind

    @staticmethod
    def _whole(line: int, text: str) -> int:
        digits = text.rstrip("lL").replace("_", "")
        if len(digits) > 19 or not -(2**63) <= int(digits) < 2**63:
            raise TemplateSyntaxError("A whole number does not fit 64 bits", line)
        return int(digits)

    def _string(
        self, line: int, text: str, name: str | None, filename: str | None
    ) -> Iterator[Token]:
        """A string; with `#{…}` in it, the tokens of the concatenation that it stands for."""
        quote, body = text[0], text[1:-1].replace("\\" + text[0], text[0])
        parts: list[Any] = _interpolation.split(body) if quote == '"' else [body]
        if len(parts) == 1:
            yield Token(line, lexer.TOKEN_STRING, body)
            return
        yield Token(line, lexer.TOKEN_LPAREN, "(")
        for index, part in enumerate(parts):
            if index:
                yield Token(line, lexer.TOKEN_TILDE, "~")
            if index % 2:
                yield Token(line, lexer.TOKEN_LPAREN, "(")
                for inner in self.wrap(
                    self.tokeniter(part, name, filename, "variable"), name, filename
                ):
                    yield inner._replace(lineno=line)
                yield Token(line, lexer.TOKEN_RPAREN, ")")
            else:
                yield Token(line, lexer.TOKEN_STRING, part)
        yield Token(line, lexer.TOKEN_RPAREN, ")")
