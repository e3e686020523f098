"""What a statement is: whether it returns rows, and what may not be sent at all.

The driver has one method for statements that return rows and one for those that do not, and only the second tells how
many rows were changed. Which of them fits is seen from the statement's words, with strings, quoted names, comments and
whatever stands in parentheses left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .errors import NotSupportedError, ProgrammingError

_TOKEN = re.compile(
    r"""
      (?P<skip> [eE]'(?:[^'\\]|\\.|'')*'            # E'it\'s'
              | '(?:[^']|'')*'
              | "(?:[^"]|"")*"
              | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)   # $tag$ ... $tag$
              | --[^\n]* )
    | (?P<comment> /\* )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<mark> [();] )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")

_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_RETURNING_ROWS = frozenset({"SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN", "FETCH", "EXECUTE", "CALL", "("})
_MAIN = _CHANGING | {"SELECT", "VALUES", "TABLE"}
_TRANSACTION = frozenset({"BEGIN", "START", "COMMIT", "END", "ABORT"})


@dataclass(frozen=True)
class Statement:
    """What the words of a statement, or of several in one text, say.

    Attributes:
        returns_rows: Whether one of them returns rows.
        changes_rows: Whether one of them is an INSERT, UPDATE, DELETE or MERGE.
        several: Whether there is more than one statement.
        changes_session: Whether one of them changes a setting of the session beyond the transaction.
    """

    returns_rows: bool
    changes_rows: bool
    several: bool
    changes_session: bool


def analyse(text: str) -> Statement:
    """Return what a statement is.

    Raises:
        ProgrammingError: It begins or ends a transaction, or has a NUL character.
        NotSupportedError: It is a COPY.
    """
    return _analyse_cached(text) if len(text) <= _LONGEST_CACHED else _analyse(text)


_LONGEST_CACHED = 16 * 1024


def _analyse(text: str) -> Statement:
    if "\0" in text:
        raise ProgrammingError("a statement must not contain a NUL character")
    parts = [words for words in _statements(text) if words]
    for words in parts:
        _refuse(words)
    verbs = [_verb(words) for words in parts]
    return Statement(
        returns_rows=any(
            verb in _RETURNING_ROWS or (verb in _CHANGING and "RETURNING" in words)
            for verb, words in zip(verbs, parts, strict=True)
        ),
        changes_rows=any(verb in _CHANGING for verb in verbs),
        several=len(parts) > 1,
        changes_session=any(_changes_session(words) for words in parts),
    )


_analyse_cached = lru_cache(maxsize=256)(_analyse)


def _statements(text: str) -> Iterator[list[str]]:
    """Yield the words of each statement outside of parentheses, in capitals; a leading parenthesis counts as one."""
    words: list[str] = []
    depth = 0
    for token in _tokens(text):
        if token == "(":  # noqa: S105
            if not words and not depth:
                words.append(token)
            depth += 1
        elif token == ")":  # noqa: S105
            depth -= 1
        elif token == ";" and depth <= 0:  # noqa: S105
            yield words
            words, depth = [], 0
        elif depth <= 0:
            words.append(token.upper())
    yield words


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        if match["comment"]:
            position = _after_comment(text, position)
        elif match["skip"] is None:
            yield match.group()


def _after_comment(text: str, position: int) -> int:
    """Return where a comment ends; PostgreSQL's comments may contain comments."""
    depth = 1
    while depth and (match := _COMMENT.search(text, position)):
        depth += 1 if match.group() == "/*" else -1
        position = match.end()
    return len(text) if depth else position


def _verb(words: list[str]) -> str:
    """Return the word that says what the statement does: after WITH, that of the statement behind the queries."""
    if words[0] != "WITH":
        return words[0]
    return next((word for word in words[1:] if word in _MAIN), "SELECT")


def _refuse(words: list[str]) -> None:
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first in _TRANSACTION or (first == "ROLLBACK" and "TO" not in words):
        raise ProgrammingError(
            f"{first} must not be sent as a statement: a transaction begins by itself; "
            "end it by the connection's commit() or rollback()"
        )
    if first == "PREPARE" and second == "TRANSACTION":
        raise NotSupportedError("two-phase commit is not supported")
    if first == "COPY":
        raise NotSupportedError("COPY is not supported by the server's database driver; use executemany()")


def _changes_session(words: list[str]) -> bool:
    if "SET_CONFIG" in words:  # the function; if it changes the transaction only, a reset does no harm
        return True
    return words[0] == "SET" and (len(words) < 2 or words[1] not in ("LOCAL", "TRANSACTION", "CONSTRAINTS"))
