"""The base of the generated models."""

from __future__ import annotations

import msgspec


class Model(msgspec.Struct, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """A piece of Mattermost's data: built with keywords, compared by value, changed in place.

    A field that is not given has Go's zero value: an empty text, 0, False, an empty list or dict, None for a pointer.
    """
