"""Text that can be sent whatever it holds."""

from __future__ import annotations


def clean(text: str) -> str:
    """Return the text with lone surrogates, which have no UTF-8 form, written as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text
