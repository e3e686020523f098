"""SQLAlchemy's types as the server's driver needs them.

Parameters travel as text without a type, so nearly every one is cast in the statement (`render_bind_cast`). Columns of
dates and times are selected as text (`column_expression`), since the server cannot send them in any other form.
"""

# SQLAlchemy does not annotate what these methods take and return.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportIncompatibleMethodOverride=false
from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import cast, type_coerce
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT, INTERVAL, OID, REGCONFIG
from sqlalchemy.dialects.postgresql.pg_catalog import INT2VECTOR, OIDVECTOR

from ._text import (
    format_array,
    item_converter,
    parse_array,
    parse_date,
    parse_interval,
    parse_time,
    parse_timestamp,
)

Processor = Callable[[Any], Any]

_FLOATS = frozenset({"FLOAT4", "FLOAT8", "_FLOAT4", "_FLOAT8"})


def _unless_none(convert: Processor) -> Processor:
    def process(value: Any) -> Any:
        return None if value is None else convert(value)

    return process


class _String(sqltypes.String):
    render_bind_cast = True


class _RegConfig(REGCONFIG):
    render_bind_cast = True


class _Oid(OID):
    render_bind_cast = True


class _Integer(sqltypes.Integer):
    render_bind_cast = True


class _SmallInteger(sqltypes.SmallInteger):
    render_bind_cast = True


class _BigInteger(sqltypes.BigInteger):
    render_bind_cast = True


class _Boolean(sqltypes.Boolean):
    render_bind_cast = True


class _LargeBinary(sqltypes.LargeBinary):
    render_bind_cast = True


class _Numeric(sqltypes.Numeric[Any]):
    render_bind_cast = True

    def bind_processor(self, dialect: Any) -> Processor | None:
        del dialect
        return None

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        del dialect
        return _number_processor(self, coltype)


class _Float(sqltypes.Float[Any]):
    render_bind_cast = True

    def bind_processor(self, dialect: Any) -> Processor | None:
        del dialect
        return None

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        del dialect
        return _number_processor(self, coltype)


def _number_processor(kind: Any, coltype: object) -> Processor | None:
    """Return what makes a number of the class that the type promises; the driver gives that of the column."""
    is_float = coltype in _FLOATS
    if kind.asdecimal and is_float:
        scale: int = kind._effective_decimal_return_scale  # what SQLAlchemy's own dialects use
        return _unless_none(lambda value: Decimal(f"{value:.{scale}f}"))
    return _unless_none(float) if not kind.asdecimal and not is_float else None


class _Uuid(sqltypes.UUID[Any]):
    render_bind_cast = True

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        # A column that is no native UUID has 32 hexadecimal digits, which the class reads as well.
        if self.as_uuid:
            return _unless_none(uuid.UUID)
        return None if self.native_uuid else _unless_none(lambda value: str(uuid.UUID(value)))


def _as_text(expression: Any, kind: Any) -> Any:
    """Return a column's expression as text whose result is still processed as the column's type."""
    return type_coerce(cast(expression, sqltypes.Text), kind)


class _DateTime(sqltypes.DateTime):
    render_bind_cast = True

    def column_expression(self, colexpr: Any) -> Any:
        return _as_text(colexpr, self)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        return _unless_none(parse_timestamp)


class _Date(sqltypes.Date):
    render_bind_cast = True

    def column_expression(self, colexpr: Any) -> Any:
        return _as_text(colexpr, self)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        return _unless_none(parse_date)


class _Time(sqltypes.Time):
    render_bind_cast = True

    def column_expression(self, colexpr: Any) -> Any:
        return _as_text(colexpr, self)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        return _unless_none(parse_time)


class _Interval(INTERVAL):
    render_bind_cast = True

    @classmethod
    def adapt_emulated_to_native(cls, impl: Any, **kw: Any) -> INTERVAL:  # type: ignore[override]  # so does SQLAlchemy
        del kw
        return cls(precision=impl.second_precision)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        return _unless_none(parse_interval)


class _JSONIntIndex(sqltypes.JSON.JSONIntIndexType):
    __visit_name__ = "json_int_index"
    render_bind_cast = True


class _JSONStrIndex(sqltypes.JSON.JSONStrIndexType):
    __visit_name__ = "json_str_index"
    render_bind_cast = True


class _Array(ARRAY):  # type: ignore[type-arg]  # not generic in SQLAlchemy 2.0
    render_bind_cast = True

    def bind_processor(self, dialect: Any) -> Processor | None:
        process = super().bind_processor(dialect)
        return _unless_none(lambda value: format_array(process(value) if process else value))

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        convert = item_converter(coltype)
        process_item = self.item_type.dialect_impl(dialect).result_processor(dialect, coltype)
        collection: Any = tuple if self.as_tuple else list

        def finish(value: Any) -> Any:
            if isinstance(value, list):
                return collection(map(finish, value))
            return value if value is None or process_item is None else process_item(value)

        return _unless_none(lambda value: finish(parse_array(value, convert)))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split()]


class _Int2Vector(INT2VECTOR):
    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        return _unless_none(_numbers)


class _OidVector(OIDVECTOR):
    def result_processor(self, dialect: Any, coltype: Any) -> Processor | None:
        return _unless_none(_numbers)


COLSPECS: dict[Any, Any] = {
    sqltypes.String: _String,
    sqltypes.Integer: _Integer,
    sqltypes.SmallInteger: _SmallInteger,
    sqltypes.BigInteger: _BigInteger,
    sqltypes.Boolean: _Boolean,
    sqltypes.LargeBinary: _LargeBinary,
    sqltypes.Numeric: _Numeric,
    sqltypes.Float: _Float,
    sqltypes.Uuid: _Uuid,
    sqltypes.DateTime: _DateTime,
    sqltypes.Date: _Date,
    sqltypes.Time: _Time,
    sqltypes.Interval: _Interval,
    sqltypes.ARRAY: _Array,
    sqltypes.JSON.JSONIntIndexType: _JSONIntIndex,
    sqltypes.JSON.JSONStrIndexType: _JSONStrIndex,
    INTERVAL: _Interval,
    CITEXT: CITEXT,
    OID: _Oid,
    REGCONFIG: _RegConfig,
    INT2VECTOR: _Int2Vector,
    OIDVECTOR: _OidVector,
}
"""SQLAlchemy's types, and what the dialect has in their place."""
