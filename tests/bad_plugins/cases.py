"""The plugins that must not be activated, and the sentence that each gets."""

from __future__ import annotations

from case import PYTHON, Case

GOOD = """\
from mattermost_plugin import Plugin, hook


class Good(Plugin):
    @hook
    def OnActivate(self):
        pass
"""

MANIFESTS = [
    Case(
        "a manifest without a runtime",
        '{bundle}/plugin.json: server.runtime is missing; a plugin in Python says "python" here, '
        'one in another language "grpc"',
        {"plugin.py": GOOD},
        server={"runtime": ""},
    ),
    Case(
        "a manifest with a misspelt key",
        "{bundle}/plugin.json, line 11, column 18: unknown field `entrypoint`, expected one of `entry_point`, …",
        {"plugin.py": GOOD},
        server={"python": {"entrypoint": "plugin.py"}},
    ),
    Case(
        "an entry point that is not there",
        "the entry point {bundle}/plugin.py does not exist: "
        'correct "entry_point" in plugin.json, or add the file to the bundle',
        {"main.py": GOOD},
    ),
    Case(
        "an entry point that is no module",
        "the entry point app.main does not exist: there is no module app in the bundle: "
        'correct "entry_point" in plugin.json, or add the module to the bundle',
        {"plugin.py": GOOD},
        server={"python": {"entry_point": "app.main"}},
    ),
    Case(
        "an entry point without the class",
        "the module plugin has no Plugin subclass named Bad ({bundle}/plugin.py): "
        "derive the plugin's class from mattermost_plugin.Plugin, as in class MyPlugin(Plugin)",
        {"plugin.py": GOOD},
        server={"python": {"entry_point": "plugin.py:Bad"}},
    ),
]

INSTALL = (
    "install Python on the server's machine, name an interpreter in MATTERMOST_PLUGIN_PYTHON, "
    "or put one into the bundle"
)

INTERPRETERS = [
    Case(
        "interpreters that are too old",
        f"no Python interpreter >=3.99 was found (… is {PYTHON}.…): {INSTALL}",
        {"plugin.py": GOOD},
        server={"python": {"requires_python": ">=3.99"}},
    ),
    Case(
        "no interpreter at all",
        f"no Python interpreter >=3.10 was found (none is in the bundle or on the PATH): {INSTALL}",
        {"plugin.py": GOOD},
        variables={"PATH": "/nowhere", "MATTERMOST_PLUGIN_PYTHON": ""},
    ),
    Case(
        "an interpreter that is named and not there",
        "no Python interpreter >=3.10 was found (/nowhere/python3 cannot be run: "
        f"No such file or directory (os error 2)): {INSTALL}",
        {"plugin.py": GOOD},
        variables={"PATH": "/nowhere", "MATTERMOST_PLUGIN_PYTHON": "/nowhere/python3"},
    ),
]

THERE = "correct the plugin's code there; the traceback in the log shows how it got to this place"
THE_LINE = f"correct the line; the plugin runs on Python {PYTHON}"

SOURCES = [
    Case(
        "a syntax error",
        f"syntax error: invalid syntax ({{bundle}}/plugin.py, line 9): {THE_LINE}",
        {"plugin.py": f"{GOOD}\ndef broken(:\n    pass\n"},
    ),
    Case(
        "a syntax error in a module",
        f"syntax error: expected ':' ({{bundle}}/helper.py, line 2): {THE_LINE}",
        {"plugin.py": f"import helper\n{GOOD}", "helper.py": "x = 1\nif x\n    y = 2\n"},
    ),
    Case(
        "an exception at import",
        "importing the plugin failed: ValueError: invalid literal for int() with base 10: 'many' "
        f"({{bundle}}/plugin.py, line 9): {THERE}",
        {"plugin.py": f"{GOOD}\nLIMIT = int('many')\n"},
    ),
    Case(
        "an exception at import of a module",
        f"importing the plugin failed: KeyError: 'key' ({{bundle}}/helper.py, line 3): {THERE}",
        {"plugin.py": f"import helper\n{GOOD}", "helper.py": "\n\nx = {}['key']\n"},
    ),
    Case(
        "a name that a module does not have",
        "importing the plugin failed: ImportError: cannot import name 'pth' from 'os' (…/os.py) "
        f"({{bundle}}/plugin.py, line 1): {THERE}",
        {"plugin.py": f"from os import pth\n{GOOD}"},
    ),
    Case(
        "no Plugin subclass",
        "the module plugin has no Plugin subclass ({bundle}/plugin.py): "
        "derive the plugin's class from mattermost_plugin.Plugin, as in class MyPlugin(Plugin)",
        {"plugin.py": "from mattermost_plugin import Plugin\n\n\nclass Lonely:\n    pass\n"},
    ),
    Case(
        "two Plugin subclasses",
        "the module plugin has 2 Plugin subclasses (Good, Other), and a bundle is one plugin ({bundle}/plugin.py): "
        'keep one, or name it in "entry_point": "plugin.py:Good"',
        {"plugin.py": f"{GOOD}\n\nclass Other(Plugin):\n    pass\n"},
    ),
    Case(
        "an __init__ that raises",
        "creating the plugin object failed: AttributeError: 'Good' object has no attribute 'settings' "
        f"({{bundle}}/plugin.py, line 11): {THERE}",
        {
            "plugin.py": f"{GOOD}\n    def __init__(self):\n        super().__init__()\n"
            "        self.limit = self.settings['limit']\n"
        },
    ),
]


def _handler(name: str, sentence: str, decorator: str, signature: str) -> Case:
    hint = "correct the handler; HookName lists the hooks, and the documentation of each names its parameters"
    source = f"{GOOD}\n    {decorator}\n    def {signature}:\n        pass\n"
    return Case(name, f"{sentence} ({{bundle}}/plugin.py, line 9): {hint}", {"plugin.py": source})


HANDLERS = [
    _handler(
        "an unknown hook",
        "Unknown hook name: 'MesageWillBePosted'; did you mean 'MessageWillBePosted'?",
        "@hook('MesageWillBePosted')",
        "posted(self, context, post)",
    ),
    _handler(
        "a handler with a parameter too few",
        "Good.MessageHasBeenPosted has the wrong parameters for the hook MessageHasBeenPosted; "
        "expected: def MessageHasBeenPosted(self, context, post)",
        "@hook",
        "MessageHasBeenPosted(self, context)",
    ),
    _handler(
        "a handler with a parameter too many",
        "Good.posted has the wrong parameters for the hook MessageHasBeenPosted; "
        "expected: def posted(self, context, post)",
        "@hook('MessageHasBeenPosted')",
        "posted(self, context, post, more)",
    ),
    _handler(
        "two handlers for one hook",
        "Duplicate hook registration for 'OnActivate': both Good.OnActivate and Good.again handle it",
        "@hook('OnActivate')",
        "again(self)",
    ),
]

ADD = "add the package that has absent_package to the plugin's requirements and pack it again"
PACKAGES = "server/site-packages"
FOREIGN = "_core.cpython-39-x86_64-linux-gnu.so"


def _foreign(how: str, source: str, files: dict[str, str], *, package: str, place: str) -> Case:
    return Case(
        f"a wheel for another Python, {how}",
        f"{package} in the bundle is built for another Python: {FOREIGN} does not load in Python {PYTHON} on linux "
        f"({{bundle}}/{place}, line 1): "
        f"pack the plugin again for Python {PYTHON}, or run it on the one it was packed for",
        {"plugin.py": f"{source}\n{GOOD}", **{f"{PACKAGES}/{name}": text for name, text in files.items()}},
    )


DEPENDENCIES = [
    Case(
        "a dependency that is not in the bundle",
        f"module absent_package is not in the bundle ({{bundle}}/plugin.py, line 1): {ADD}",
        {"plugin.py": f"import absent_package\n{GOOD}"},
    ),
    Case(
        "a dependency of a dependency that is not in the bundle",
        f"module absent_package is not in the bundle ({{bundle}}/{PACKAGES}/quick/__init__.py, line 1): {ADD}",
        {"plugin.py": f"import quick\n{GOOD}", f"{PACKAGES}/quick/__init__.py": "import absent_package.auth\n"},
    ),
    _foreign(
        "that its package imports",
        "import quick",
        {"quick/__init__.py": "from . import _core\n", f"quick/{FOREIGN}": ""},
        package="quick",
        place=f"{PACKAGES}/quick/__init__.py",
    ),
    _foreign(
        "by from, and there is nothing else",
        "from quick import _core",
        {f"quick/{FOREIGN}": ""},
        package="quick",
        place="plugin.py",
    ),
    _foreign(
        "by its full name",
        "import quick._core",
        {f"quick/{FOREIGN}": ""},
        package="quick",
        place="plugin.py",
    ),
    _foreign(
        "one file without a package",
        "import _core",
        {FOREIGN: ""},
        package="_core",
        place="plugin.py",
    ),
]


def _activation(name: str, failure: str, body: str) -> Case:
    source = f"import os\nfrom mattermost_plugin import Plugin, hook\n\n\nclass Bad(Plugin):\n    @hook\n{body}\n"
    sentence = f"OnActivate failed: {failure}; remove the cause and enable the plugin again"
    return Case(name, sentence, {"plugin.py": source}, stage="activation of")


ACTIVATIONS = [
    _activation(
        "an OnActivate that raises",
        "ValueError: the token is not set ({bundle}/plugin.py, line 8)",
        "    def OnActivate(self):\n        raise ValueError('the token is not set')",
    ),
    _activation(
        "an async OnActivate that raises",
        "ValueError: the token is not set ({bundle}/plugin.py, line 8)",
        "    async def OnActivate(self):\n        raise ValueError('the token is not set')",
    ),
    _activation(
        "an OnActivate that returns an error",
        "the token is not set",
        "    def OnActivate(self):\n        return 'the token is not set'",
    ),
    _activation(
        "an OnActivate that returns an exception",
        "ValueError: the token is not set",
        "    def OnActivate(self):\n        return ValueError('the token is not set')",
    ),
    _activation(
        "an OnActivate that ends the process",
        "the plugin's worker ended: it exited with code 4",
        "    def OnActivate(self):\n        os._exit(4)",
    ),
]

CAUSE = (
    "look for what ends the process while the plugin is imported, such as os._exit, "
    "a crash in a package's native code, or too little memory"
)
ORPHAN = """\
import subprocess

subprocess.Popen(['/bin/sleep', '1000'], start_new_session=True)
raise RuntimeError('too late')
"""

DEATHS = [
    Case(
        "an import that takes too long",
        "the plugin was not loaded within 1 second: "
        "move slow work out of the import and __init__, or raise server.python.start_timeout in plugin.json",
        {"plugin.py": "import time\n\ntime.sleep(1000)\n"},
        server={"python": {"start_timeout": 1}},
        within=6,
    ),
    Case(
        "sys.exit at import",
        f"importing the plugin failed: SystemExit: 3 ({{bundle}}/plugin.py, line 3): {THERE}",
        {"plugin.py": "import sys\n\nsys.exit(3)\n"},
    ),
    Case(
        "os._exit at import",
        "the plugin's worker ended: it exited with code 4 before the plugin was loaded, without a word: " + CAUSE,
        {"plugin.py": "import os\n\nos._exit(4)\n"},
    ),
    Case(
        "os._exit at import, with a last word",
        "the plugin's worker ended: it exited with code 4 before the plugin was loaded; its last words: no licence",
        {"plugin.py": "import os\n\nos.write(2, b'no licence\\n')\nos._exit(4)\n"},
    ),
    Case(
        "a signal at import",
        "the plugin's worker ended: it was ended by signal 9 (SIGKILL) before the plugin was loaded, without a word: "
        + CAUSE,
        {"plugin.py": "import os\n\nos.kill(os.getpid(), 9)\n"},
    ),
    Case(
        "a child that outlives the import",
        f"importing the plugin failed: RuntimeError: too late ({{bundle}}/plugin.py, line 4): {THERE}",
        {"plugin.py": ORPHAN},
    ),
]

LIST = "server/files.sha256"
WRONG_HASH = "0" * 64
UPLOAD = (
    "upload it again, or set MATTERMOST_PLUGIN_DEVELOPMENT=1 in the server's environment "
    "if you change them yourself while you develop it"
)

FILES = [
    Case(
        "files that were changed after the upload",
        "the plugin's files are not those of its bundle: plugin.py has another content, data.json is missing, "
        "server/… does not belong there (and … more); they were changed on the server's machine "
        f"or did not get there whole, so the plugin is not started: {UPLOAD}",
        {"plugin.py": GOOD, LIST: f"{WRONG_HASH}  plugin.py\n{WRONG_HASH}  data.json\n"},
    ),
    Case(
        "a list of files that leads out of the bundle",
        "the list of the plugin's files, server/files.sha256, cannot be used: line 1 is not a hash of 64 hexadecimal "
        "digits, two spaces and the path of a file inside the bundle; so it is not known whether they are "
        f"those of the bundle, and the plugin is not started: {UPLOAD}",
        {"plugin.py": GOOD, LIST: f"{WRONG_HASH}  ../../etc/passwd\n"},
    ),
]

CASES = [*MANIFESTS, *FILES, *INTERPRETERS, *SOURCES, *HANDLERS, *DEPENDENCIES, *ACTIVATIONS, *DEATHS]
