"""From the manifest's entry point to the plugin's class."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

from ._failure import LoadError, load_error, report
from ._plugin import Plugin

_BASE_CLASS_HINT = "derive the plugin's class from mattermost_plugin.Plugin, as in class MyPlugin(Plugin)"


def load_plugin_class(entry_point: str, bundle_path: str) -> type[Plugin]:
    """Import the entry point and return the plugin class in it.

    Args:
        entry_point: A file (`plugin.py`), a module (`my_plugin.main`), either of them with `:ClassName` behind it.
        bundle_path: The directory that a file is relative to, and that modules are searched in before all packages.

    Raises:
        LoadError: There is no such file or module, it cannot be imported, or it does not hold one plugin class.
    """
    target, _, class_name = entry_point.partition(":")
    if not target:
        raise load_error(
            "entry_point",
            "the manifest names no entry point",
            hint='set "entry_point" in server.python of plugin.json, for example to "plugin.py"',
        )
    module = import_entry_point(target, bundle_path)
    if class_name:
        return _named_class(module, class_name)
    return _only_class(module)


def import_entry_point(target: str, bundle_path: str) -> ModuleType:
    """Import a file or a module of the bundle."""
    bundle = os.path.abspath(bundle_path or ".")
    try:
        if target.endswith(".py") or "/" in target:
            return _import_file(os.path.join(bundle, target))
        _search_early(bundle)
        return _import_module(target)
    except LoadError:
        raise
    except BaseException as error:  # SystemExit too: a plugin that exits while it is imported has failed
        raise LoadError(report(error, "import")) from error


def _import_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise load_error(
            "entry_point",
            f"the entry point {path} does not exist",
            hint='correct "entry_point" in plugin.json, or add the file to the bundle',
        )
    _search_early(os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules or name in sys.stdlib_module_names:
        # A plugin file called `types.py` must not stand in for the module of that name.
        name = f"mattermost_plugin_entry_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise load_error(
            "entry_point",
            f"the entry point {path} is not a Python file",
            hint='"entry_point" must name a .py file or a module',
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise load_error(
                "entry_point",
                f"the entry point {name} does not exist: there is no module {error.name} in the bundle",
                hint='correct "entry_point" in plugin.json, or add the module to the bundle',
            ) from error
        raise


def _search_early(directory: str) -> None:
    """Search a directory before all packages, but behind the standard library.

    A plugin's `types.py` or `random.py` must not stand in for the module of that name, which any library may import.
    """
    standard = [entry for entry in sys.path if _is_standard(entry)]
    others = [entry for entry in sys.path if entry not in standard and entry != directory]
    sys.path[:] = [*standard, directory, *others]


def _is_standard(entry: str) -> bool:
    library = os.path.dirname(os.path.abspath(os.__file__))
    archive = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return entry in (library, os.path.join(library, "lib-dynload")) or os.path.basename(entry) == archive


def _named_class(module: ModuleType, name: str) -> type[Plugin]:
    cls = getattr(module, name, None)
    if isinstance(cls, type) and issubclass(cls, Plugin) and cls is not Plugin:
        return cls
    raise load_error(
        "no_plugin",
        f"the module {module.__name__} has no Plugin subclass named {name}",
        hint=_BASE_CLASS_HINT,
        file=module.__file__ or "",
    )


def _only_class(module: ModuleType) -> type[Plugin]:
    found = _plugin_classes(module, own=True) or _plugin_classes(module, own=False)
    if len(found) == 1:
        return found[0]
    file = module.__file__ or ""
    if not found:
        problem = f"the module {module.__name__} has no Plugin subclass"
        raise load_error("no_plugin", problem, hint=_BASE_CLASS_HINT, file=file)
    names = ", ".join(sorted(cls.__name__ for cls in found))
    raise load_error(
        "several_plugins",
        f"the module {module.__name__} has {len(found)} Plugin subclasses ({names}), and a bundle is one plugin",
        hint=f'keep one, or name it in "entry_point": "{os.path.basename(file)}:{found[0].__name__}"',
        file=file,
    )


def _plugin_classes(module: ModuleType, *, own: bool) -> list[type[Plugin]]:
    """Return the plugin classes of a module that no other one there derives from."""
    candidates: list[type[Plugin]] = []
    for value in vars(module).values():
        if _is_plugin_class(value) and value not in candidates and (not own or value.__module__ == module.__name__):
            candidates.append(value)
    return [cls for cls in candidates if not any(other is not cls and issubclass(other, cls) for other in candidates)]


def _is_plugin_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Plugin) and value is not Plugin
