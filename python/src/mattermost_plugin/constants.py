"""Constants of Mattermost: permissions, post types, statuses, roles and the like."""

from __future__ import annotations

from ._gen import constants as _constants
from ._gen.constants import *
from ._gen.hooks import DISMISS_POST_ERROR

__all__: list[str] = []
__all__ += _constants.__all__
__all__ += ["DISMISS_POST_ERROR"]
