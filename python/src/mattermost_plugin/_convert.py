"""Forms of arguments that API methods take beside Mattermost's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import msgspec

from ._errors import ValidationError

if TYPE_CHECKING:
    from ._gen.models.channels import ChannelMemberIdentifier
    from ._gen.models.posts import SearchParameter, SearchParams
    from ._gen.models.users import Permission

T = TypeVar("T")


def permission(value: str | Permission) -> Permission:
    """Return a permission for its id."""
    from ._gen.models.users import Permission

    return Permission(id=value) if isinstance(value, str) else value


def member_identifiers(
    members: Sequence[ChannelMemberIdentifier | tuple[str, str]],
) -> list[ChannelMemberIdentifier]:
    """Return identifiers of channel members for pairs of channel id and user id."""
    from ._gen.models.channels import ChannelMemberIdentifier

    return [
        ChannelMemberIdentifier(channel_id=member[0], user_id=member[1]) if isinstance(member, tuple) else member
        for member in members
    ]


def search_params(terms: str | list[SearchParams]) -> list[SearchParams]:
    """Return search parameters for plain terms."""
    from ._gen.models.posts import SearchParams

    return [SearchParams(terms=terms)] if isinstance(terms, str) else terms


def search_parameter(terms: str | SearchParameter) -> SearchParameter:
    """Return the search parameter for plain terms."""
    from ._gen.models.posts import SearchParameter

    return SearchParameter(terms=terms) if isinstance(terms, str) else terms


def key_values(fields: dict[str, Any]) -> list[Any]:
    """Return keyword arguments as the alternating keys and values of a log line."""
    return [part for pair in fields.items() for part in pair]


@overload
def settings(value: Any, wanted: None) -> dict[str, Any]: ...
@overload
def settings(value: Any, wanted: type[T]) -> T: ...
def settings(value: Any, wanted: Any) -> Any:
    """Return a plugin's settings as a dict, or as the wanted Struct or dataclass.

    The server gives every key in lower case, so a field matches whatever its own case, with or without underscores.

    Raises:
        ValidationError: The settings do not fit the wanted type.
    """
    found = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if wanted is None:
        return found
    try:
        return msgspec.convert(_with_field_names(found, wanted), wanted, strict=False)
    except msgspec.ValidationError as error:
        name = getattr(wanted, "__name__", wanted)
        raise ValidationError(
            f"the plugin's settings do not fit {name}: {error}", where="LoadPluginConfiguration"
        ) from error


def _with_field_names(found: dict[str, Any], wanted: Any) -> dict[str, Any]:
    names: Any = getattr(wanted, "__struct_encode_fields__", None) or getattr(wanted, "__annotations__", ())
    by_plain_name = {_plain(name): name for name in names}
    return {by_plain_name.get(_plain(key), key): value for key, value in found.items()}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
