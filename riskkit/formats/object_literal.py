"""The object literal of a TypeScript configuration file, read as data and never run.

Only literals are known: objects, arrays, strings, numbers, booleans, null, comments and trailing
commas. A call, an operator, a spread or a template is refused by name. A general permissive reader
(json5) would take most of this, but needs seconds for a large file and answers deep nesting with a
RecursionError; here the time is linear, the depth bounded, and the grammar exactly what is needed.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

from riskkit.errors import InputError
from riskkit.formats.text import (
    MAX_DEPTH,
    MAX_DIGITS,
    check_characters,
    check_length,
    exact_number,
    plain,
    unique_keys,
)

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<mark>[{}\[\]:,])"""
    r"""|(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\$])*`)"""
    r"""|(?P<number>-?(?:[0-9][0-9_]*)(?:\.[0-9_]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))"""
    r"""|(?P<word>[A-Za-z_$][\w$]*)""",
    re.DOTALL | re.ASCII,
)
_HEADER = re.compile(
    r"(?:import\s[^;]{0,500};\s*)*export\s+(?:const\s+\w+\s*(?::\s*\w+\s*)?=|default)\s*", re.ASCII
)
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.?))", re.DOTALL
)
_PLAIN_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "'": "'",
    '"': '"',
    "\\": "\\",
    "`": "`",
    "/": "/",
}
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}


def load_literal(text: str, argument: str = "text") -> object:
    """The exported object of a configuration file (or a bare literal) as dicts, lists and scalars.

    Raises
    ------
    InputError
        On anything that is not a literal, with its line; on a repeated key; beyond 32 levels or
        131,072 characters.
    """
    check_length(text, argument)
    reader = _Reader(text, argument)
    tree = reader.document()
    check_characters(text, tree, argument)
    return tree


class _Reader:
    def __init__(self, text: str, argument: str) -> None:
        self.text, self.argument, self.at = text, argument, 0

    def document(self) -> object:
        self._skip()
        header = _HEADER.match(self.text, self.at)
        self.at = header.end() if header else self.at
        tree = self._value(0)
        self._skip()
        if self.text[self.at :].strip(" \t\r\n;"):
            raise self._refusal("must end after the configuration object", "Remove the rest")
        return tree

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _refusal(self, rule: str, remedy: str) -> InputError:
        line = self.text.count("\n", 0, self.at) + 1
        shown = self.text[self.at : self.at + 40].split("\n")[0] or "the end of the text"
        return InputError(self.argument, shown, f"line {line} {rule}", remedy)

    def _token(self) -> tuple[str, str]:
        self._skip()
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            remedy = "Write literals only: calls, operators and templates are not run"
            raise self._refusal("must hold a literal here", remedy)
        kind, token = match.lastgroup, match.group()
        if kind in ("string", "word") or len(token) <= MAX_DIGITS:
            self._start, self.at = self.at, match.end()
            return kind, token
        raise self._refusal(f"must hold at most {MAX_DIGITS} digits", "Check the unit")

    def _value(self, depth: int) -> object:
        if depth > MAX_DEPTH:
            rule = f"must not nest deeper than {MAX_DEPTH} levels"
            raise self._refusal(rule, "Cut out the section")
        kind, token = self._token()
        if token == "{":
            return self._object(depth)
        if token == "[":
            return self._array(depth)
        if kind == "string":
            return self._string(token)
        if kind == "number":
            return _number(token)
        if kind == "word" and token in _WORDS:
            return _WORDS[token]
        self.at = self._start
        remedy = "Write literals only: names, calls and operators are not run"
        raise self._refusal("must hold a literal here", remedy)

    def _object(self, depth: int) -> dict[str, object]:
        pairs: list[tuple[str, object]] = []
        while True:
            kind, token = self._token()
            if token == "}" and kind == "mark":
                return unique_keys(pairs)
            if kind == "mark":
                self.at = self._start
                raise self._refusal("must hold a key here", "Write key: value")
            self._mark(":")
            key = self._string(token) if kind == "string" else token
            pairs.append((key, self._value(depth + 1)))
            if self._mark(",", "}") == "}":
                return unique_keys(pairs)

    def _array(self, depth: int) -> list[object]:
        items: list[object] = []
        while True:
            self._skip()
            if self.text.startswith("]", self.at):
                self.at += 1
                return items
            items.append(self._value(depth + 1))
            if self._mark(",", "]") == "]":
                return items

    def _mark(self, *allowed: str) -> str:
        self._skip()
        token = self.text[self.at : self.at + 1]
        if token not in allowed or not token:
            wanted = " or ".join(repr(mark) for mark in allowed)
            remedy = "Write literals only: calls, operators and templates are not run"
            raise self._refusal(f"must hold {wanted} here", remedy)
        self.at += 1
        return token

    def _string(self, token: str) -> str:
        def unescape(match: re.Match[str]) -> str:
            code = match[1] or match[2] or match[3]
            if code:
                if int(code, 16) > 0x10FFFF:
                    raise self._refusal("must not name a character beyond 10FFFF", "Correct it")
                return chr(int(code, 16))
            if match[4] not in _PLAIN_ESCAPES:
                raise self._refusal(f"must not use the escape \\{match[4]}", "Write it plainly")
            return _PLAIN_ESCAPES[match[4]]

        return _ESCAPE.sub(unescape, token[1:-1])


def _number(token: str) -> int | Decimal:
    digits = token.replace("_", "")
    return int(digits) if re.fullmatch(r"-?[0-9]+", digits) else exact_number(digits)


def dump_literal(tree: object, indent: str = "") -> str:
    """A tree as an object literal: two spaces, single quotes, bare keys, trailing commas."""
    inner = f"{indent}  "
    if isinstance(tree, dict) and tree:
        rows = [f"{inner}{_key(key)}: {dump_literal(item, inner)},\n" for key, item in tree.items()]
        return "{\n" + "".join(rows) + f"{indent}}}"
    if isinstance(tree, list) and tree:
        return "[\n" + "".join(f"{inner}{dump_literal(i, inner)},\n" for i in tree) + f"{indent}]"
    if isinstance(tree, str):
        return _quote(tree)
    return plain(tree) if isinstance(tree, Decimal) else json.dumps(tree, allow_nan=False)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", key) else _quote(key)


def _quote(text: str) -> str:
    body = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return "'" + re.sub(r"\\([bf])", lambda m: {"b": "\\x08", "f": "\\x0c"}[m[1]], body) + "'"
