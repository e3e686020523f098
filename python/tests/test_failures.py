"""A plugin that cannot be loaded: what the bridge is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conftest import Start

BASE = "from mattermost_plugin import Plugin, hook\n"

CASES = {
    "syntax": ("def broken(:\n    pass\n", "syntax", "syntax error: ", 1),
    "indentation": ("if True:\nx = 1\n", "syntax", "syntax error: ", 2),
    "missing module": ("\nimport nowhere.at_all\n", "dependency", "module nowhere is not in the bundle", 2),
    "raises in lines": (
        "raise ValueError('one\\ntwo')\n",
        "import",
        "importing the plugin failed: ValueError: one two",
        1,
    ),
    "raises": (
        "\n\nraise ValueError('at import')\n",
        "import",
        "importing the plugin failed: ValueError: at import",
        3,
    ),
    "exits": ("import sys\nsys.exit('bye')\n", "import", "importing the plugin failed: SystemExit: bye", 2),
    "wrong name": ("from os import nothing_there\n", "import", "importing the plugin failed: ImportError: cannot", 1),
    "no plugin": (BASE, "no_plugin", "the module plugin has no Plugin subclass", 0),
    "two plugins": (
        BASE + "class A(Plugin): pass\nclass B(Plugin): pass\n",
        "several_plugins",
        "the module plugin has 2 Plugin subclasses (A, B), and a bundle is one plugin",
        0,
    ),
    "unknown hook": (
        BASE + "class A(Plugin):\n    @hook('MessageWillBePostd')\n    def f(self, context, post): pass\n",
        "hook",
        "Unknown hook name: 'MessageWillBePostd'; did you mean 'MessageWillBePosted'?",
        3,
    ),
    "wrong parameters": (
        BASE + "class A(Plugin):\n    @hook('MessageWillBePosted')\n    def f(self, post): pass\n",
        "hook",
        "A.f has the wrong parameters for the hook MessageWillBePosted; expected: def f(self, context, post)",
        3,
    ),
    "twice": (
        BASE
        + "class A(Plugin):\n    @hook('OnActivate')\n    def f(self): pass\n"
        + "    @hook('OnActivate')\n    def g(self): pass\n",
        "hook",
        "Duplicate hook registration for 'OnActivate': both A.f and A.g handle it",
        5,
    ),
    "stream": (
        BASE + "class A(Plugin):\n    @hook\n    def ServeHTTP(self, c, w): pass\n",
        "hook",
        "A.ServeHTTP has the wrong parameters for the hook ServeHTTP; "
        "expected: def ServeHTTP(self, context, response, request)",
        3,
    ),
    "init raises": (
        BASE + "class A(Plugin):\n    def __init__(self):\n        raise KeyError('x')\n",
        "init",
        "creating the plugin object failed: KeyError: 'x'",
        4,
    ),
    "init wants more": (
        BASE + "class A(Plugin):\n    def __init__(self, more):\n        pass\n",
        "init",
        "creating the plugin object failed: TypeError: A.__init__() missing 1 required positional argument: 'more'",
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_faulty_plugin(start: Start, tmp_path: Path, name: str) -> None:
    source, code, message, line = CASES[name]
    (tmp_path / "plugin.py").unlink(missing_ok=True)
    bridge = start("", head=source)
    report = bridge.wait_failed()
    assert report["code"] == code
    assert report["message"].startswith(message)
    assert "\n" not in report["message"]
    assert report["hint"]
    assert report["line"] == line
    if line:
        assert report["file"] == str(tmp_path / "plugin.py")


def test_an_entry_point_that_is_not_there(start: Start, tmp_path: Path) -> None:
    for entry_point, message in {
        "other.py": "the entry point {bundle}/other.py does not exist",
        "package.main": "the entry point package.main does not exist: there is no module package in the bundle",
        "": "the manifest names no entry point",
        "plugin.py:Nobody": "the module plugin has no Plugin subclass named Nobody",
    }.items():
        bridge = start(BASE, entry_point=entry_point)
        report = bridge.wait_failed()
        assert report["code"] == ("no_plugin" if "Nobody" in entry_point else "entry_point")
        assert report["message"] == message.format(bundle=tmp_path)


def test_a_wheel_for_another_python(start: Start, tmp_path: Path) -> None:
    package = tmp_path / "fastlib"
    package.mkdir()
    (package / "__init__.py").write_text("from fastlib._native import f\n")
    foreign = "_native.cpython-27-x86_64-linux-gnu.so"
    (package / foreign).write_bytes(b"")
    report = start("import fastlib\n").wait_failed()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert report["code"] == "dependency"
    assert report["message"] == (
        f"fastlib in the bundle is built for another Python: {foreign} does not load in Python {version} "
        f"on {sys.platform}"
    )
    assert version in report["hint"]


def test_a_wheel_for_another_python_without_any_module(start: Start, tmp_path: Path) -> None:
    package = tmp_path / "fastlib"
    package.mkdir()
    (package / "_native.cpython-27-x86_64-linux-gnu.so").write_bytes(b"")
    for source in ("from fastlib import _native\n", "import fastlib._native\n"):
        report = start(source).wait_failed()
        assert report["code"] == "dependency"
        assert report["message"].startswith("fastlib in the bundle is built for another Python: _native.cpython-27")


def test_the_standard_library_comes_before_the_bundle(start: Start, tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('not this one')\n")
    (tmp_path / "own.py").write_text("NAME = 'own'\n")
    source = "import colorsys, own, sys\nassert own.NAME == 'own', sys.path\n"
    handler = BASE + "class A(Plugin):\n    @hook\n    def OnActivate(self): pass\n"
    assert start(source + handler).wait_ready() == {"OnActivate": "sync"}


def test_a_named_class_and_a_module_as_entry_point(start: Start, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text(
        BASE + "class Base(Plugin):\n    pass\nclass Leaf(Base):\n    @hook\n    def OnActivate(self): pass\n"
    )
    assert start("", entry_point="inner").wait_ready() == {"OnActivate": "sync"}
    source = "class A(Plugin): pass\nclass B(Plugin):\n    @hook\n    def OnActivate(self): pass\n"
    assert start(source, entry_point="plugin.py:B").wait_ready() == {"OnActivate": "sync"}
    assert start("from inner import Leaf\n").wait_ready() == {"OnActivate": "sync"}


def test_a_plugin_file_with_the_name_of_a_library_module(start: Start, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "types.py").write_text(BASE + "class A(Plugin):\n    @hook\n    def OnActivate(self): pass\n")
    assert start("", entry_point="src/types.py").wait_ready() == {"OnActivate": "sync"}
