"""A plugin that must not be activated, and how what it got is judged."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any

ID = "com.example.bad"

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

ANYTHING = "…"
"""Stands for any text in an expected sentence."""


@dataclass(frozen=True)
class Case:
    """A bad plugin.

    Attributes:
        name: What is wrong with it.
        sentence: The whole sentence that the administrator reads; `{bundle}` is the bundle's directory, `…` any text.
        files: The files of the bundle besides the manifest, the bridge and the SDK.
        server: Keys of `server` in the manifest.
        variables: Environment variables of the host.
        within: Seconds in which the activation must fail.
        stage: What the host was doing.
    """

    name: str
    sentence: str
    files: dict[str, str] = field(default_factory=dict[str, str])
    server: dict[str, Any] = field(default_factory=dict[str, Any])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    within: float = 5
    stage: str = "unable to start plugin:"

    def fits(self, version: tuple[int, int]) -> bool:
        """Return whether the case can be shown with a version of Python."""
        del version
        return True

    def steps(self, bundle: str) -> list[dict[str, Any]]:
        """Return the scenario: any error of the start will do there, it is judged here."""
        line = f"^error the plugin cannot be (loaded|activated): {self._pattern(bundle)}( \\{{|$)"
        return [
            {"do": "start", "dir": bundle, "expect_activation_error": "^", "within": f"{self.within}s"},
            {"do": "expect_log", "match": line},
        ]

    def judge(self, bundle: str, lines: list[dict[str, Any]]) -> tuple[str, list[str]]:
        """Return the sentence that the server was told, and what is wrong with it."""
        start: dict[str, Any] = lines[0] if lines else {}
        if not start.get("ok"):
            return "(not the expected failure)", []
        error = str(start["value"])
        prefix = f"{self.stage} {ID}: "
        if not error.startswith(prefix):
            return error, [f"expected an error that begins with {prefix!r}"]
        sentence = error.removeprefix(prefix)
        if re.fullmatch(self._pattern(bundle), sentence):
            return sentence.replace(bundle, "BUNDLE"), []
        return sentence, [f"expected: {self.sentence.replace('{bundle}', bundle)}"]

    def _pattern(self, bundle: str) -> str:
        return re.escape(self.sentence.replace("{bundle}", bundle)).replace(ANYTHING, ".+")
