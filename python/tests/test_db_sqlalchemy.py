"""SQLAlchemy on the server's database: types, the ORM, reflection, isolation, and a lost connection."""

from __future__ import annotations

import datetime
import enum
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import QueuePool

from fake_driver import FakeDriver
from mattermost_plugin import PluginAPIClient, db
from mattermost_plugin.sqlalchemy import MattermostDialect, create_engine

UTC = datetime.timezone.utc
WHEN = datetime.datetime(2024, 2, 29, 12, 30, 15, 120000)


class Colour(enum.Enum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)
    created: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    people: Mapped[list[Person]] = relationship(back_populates="team", order_by="Person.name")


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    born: Mapped[datetime.date | None]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    team: Mapped[Team] = relationship(back_populates="people")


ENGINE_TYPES: list[tuple[Any, Any]] = [
    (sa.Integer, 5),
    (sa.BigInteger, 2**40),
    (sa.SmallInteger, -3),
    (sa.Boolean, False),
    (sa.String(20), "grüße % %s"),
    (sa.Text, ""),
    (sa.Numeric(10, 2), Decimal("1.50")),
    (sa.Numeric(10, 2, asdecimal=False), 1.5),
    (sa.Float, 0.1),
    (sa.Float(asdecimal=True), Decimal("0.1000000000")),
    (sa.LargeBinary, b"\x00\xff"),
    (sa.LargeBinary, b""),
    (sa.Uuid, uuid.UUID(int=7)),
    (sa.Uuid(as_uuid=False), "00000000-0000-0000-0000-000000000007"),
    (sa.Uuid(native_uuid=False), uuid.UUID(int=7)),
    (sa.UUID, uuid.UUID(int=7)),
    (sa.DateTime, WHEN),
    (sa.DateTime, WHEN.replace(microsecond=0)),
    (sa.DateTime(timezone=True), WHEN.replace(tzinfo=UTC)),
    (pg.TIMESTAMP(precision=3), WHEN),
    (sa.Date, datetime.date(24, 2, 29)),
    (sa.Time, datetime.time(1, 2, 3, 4)),
    (sa.Time(timezone=True), datetime.time(1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))),
    (sa.Interval, datetime.timedelta(days=-3, seconds=5, microseconds=7)),
    (pg.INTERVAL, datetime.timedelta(days=40)),
    (sa.Enum(Colour, name="colour"), Colour.DARK_BLUE),
    (sa.JSON, {"a": [1, None, "x"]}),
    (pg.JSONB, [1, {"b": "%"}]),
    (pg.ARRAY(sa.Text), ["a", 'quote " back \\ slash', "", "NULL", None, "{,}"]),
    (pg.ARRAY(sa.Integer), [[1, 2], [3, None]]),
    (sa.ARRAY(sa.Boolean), [True, False]),
    (pg.ARRAY(sa.Float), [1.5, 2.0]),
    (pg.ARRAY(sa.Numeric(10, 1)), [Decimal("1.5")]),
    (pg.ARRAY(sa.LargeBinary), [b"\x01\x02"]),
    (pg.ARRAY(sa.DateTime), [WHEN]),
    (pg.ARRAY(sa.Uuid), [uuid.UUID(int=1)]),
    (pg.ARRAY(sa.Enum(Colour, name="colour")), [Colour.RED, Colour.DARK_BLUE]),
    (pg.ARRAY(sa.Text, as_tuple=True), ("x",)),
    (pg.ARRAY(sa.Text), []),
    (pg.INET, "10.0.0.1"),
    (pg.OID, 1259),
]


@pytest.fixture
def engine(api: PluginAPIClient) -> Iterator[sa.Engine]:
    engine = create_engine(api)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
    yield engine
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
    engine.dispose()


@pytest.fixture
def bare(api: PluginAPIClient) -> sa.Engine:
    return create_engine(api)


# Types


@pytest.mark.parametrize(("type", "value"), ENGINE_TYPES, ids=lambda value: repr(value)[:40])
def test_a_value_of_every_type_goes_in_and_out(bare: sa.Engine, type: Any, value: Any) -> None:
    metadata = sa.MetaData()
    table = sa.Table("value", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", type))
    with bare.connect() as connection:
        connection.execute(sa.text("SET LOCAL timezone = 'UTC'"))
        metadata.create_all(connection)
        (key,) = connection.execute(table.insert().values(v=value)).inserted_primary_key or ()
        connection.execute(table.insert(), [{"v": value}, {"v": None}])
        got = connection.scalar(sa.select(table.c.v).where(table.c.id == key))
        assert got == value
        assert got.__class__ is value.__class__
        assert connection.scalar(sa.select(sa.literal(value, type))) == value
        values = connection.scalars(sa.select(table.c.v).order_by(table.c.id)).all()
        assert values == [value, value, None]
        if not isinstance(value, dict | list) or isinstance(table.c.v.type, sa.ARRAY):
            found = sa.select(sa.func.count()).where(table.c.v == value)
            assert connection.scalar(found) == (2 if not isinstance(table.c.v.type, sa.JSON) else 0)
        returned = connection.execute(table.insert().values(v=value).returning(table.c.v)).scalar_one()
        assert returned == value
        connection.rollback()


def test_json_paths(bare: sa.Engine) -> None:
    for kind in (sa.JSON, pg.JSONB):
        values = sa.values(sa.column("document", kind), name="v").data([({"a": [10, {"b": "x"}]},)])
        document = sa.select(values.c.document).subquery().c.document
        with bare.connect() as connection:
            assert connection.scalar(sa.select(document["a"][0].as_integer())) == 10
            assert connection.scalar(sa.select(document[("a", "1", "b")].as_string())) == "x"
            assert connection.scalar(sa.select(document["a"])) == [10, {"b": "x"}]


def test_times_in_expressions(bare: sa.Engine) -> None:
    with bare.connect() as connection:
        now = connection.scalar(sa.select(sa.func.now()))
        assert now is not None
        assert now.tzinfo is not None
        values = sa.values(sa.column("at", sa.DateTime), name="v").data(
            [(WHEN,), (WHEN.replace(year=1996),), (WHEN.replace(microsecond=0),)]
        )
        inner = sa.select(values.c.at).subquery()
        ordered = sa.select(inner.c.at.label("x")).order_by(sa.desc("x"))
        assert connection.scalars(ordered).all() == [WHEN, WHEN.replace(microsecond=0), WHEN.replace(year=1996)]
        assert connection.scalar(sa.select(sa.func.max(inner.c.at))) == WHEN
        both = sa.union_all(sa.select(inner.c.at), sa.select(inner.c.at))
        assert len(connection.scalars(both).all()) == 6
        difference = connection.scalar(sa.select(inner.c.at - datetime.datetime(1996, 1, 1)).limit(1))
        assert difference == WHEN - datetime.datetime(1996, 1, 1)
        with pytest.raises(sa.exc.NotSupportedError, match=r"CAST\(\"at\" AS text\)"):
            connection.execute(sa.text("SELECT now() AS at"))
        connection.rollback()
        infinite = sa.select(sa.cast("infinity", sa.DateTime))
        with pytest.raises(ValueError, match="Python has no datetime for PostgreSQL's 'infinity'"):
            connection.scalar(infinite)


# Statements


def test_percent_signs_and_parameters(bare: sa.Engine) -> None:
    with bare.connect() as connection:
        assert connection.scalar(sa.text("SELECT '100%' || :x"), {"x": "%s"}) == "100%%s"
        assert connection.scalar(sa.text("SELECT '100%'")) == "100%"
        assert connection.scalar(sa.select(sa.literal(7) % 4)) == 3
        found = connection.exec_driver_sql("SELECT %s::int + %s", (1, 2)).scalar()
        assert found == 3


def test_many_rows_go_in_few_statements(engine: sa.Engine, driver: FakeDriver) -> None:
    with engine.begin() as connection:
        before = driver.counts["ConnExec"] + driver.counts["StmtExec"]
        connection.execute(sa.insert(Team), [{"name": f"t{number}"} for number in range(500)])
        assert driver.counts["ConnExec"] + driver.counts["StmtExec"] == before + 1
        assert connection.scalar(sa.select(sa.func.count()).select_from(Team)) == 500
        changed = connection.execute(sa.update(Team).where(Team.name.like("t1%")).values(name=Team.name + "x"))
        assert changed.rowcount == 111
        changed = connection.execute(
            sa.update(Team).where(Team.name == sa.bindparam("old")).values(name=sa.bindparam("new")),
            [{"old": "t2", "new": "a"}, {"old": "t3", "new": "b"}, {"old": "nobody", "new": "c"}],
        )
        assert changed.rowcount == 2


# The ORM


def test_the_orm(engine: sa.Engine) -> None:
    with Session(engine) as session:
        team = Team(name="core", people=[Person(name="Zoe"), Person(name="Ann", born=datetime.date(1990, 1, 2))])
        session.add(team)
        session.commit()
        assert team.created.tzinfo is not None
        assert abs(datetime.datetime.now(UTC) - team.created) < datetime.timedelta(hours=1)
    with Session(engine) as session:
        team = session.scalars(sa.select(Team).where(Team.name == "core")).one()
        assert [(person.name, person.born) for person in team.people] == [
            ("Ann", datetime.date(1990, 1, 2)),
            ("Zoe", None),
        ]
        joined = sa.select(Person.name, Team.created).join(Person.team).where(Person.born < datetime.date(2000, 1, 1))
        assert session.execute(joined).all() == [("Ann", team.created)]
        team.people[0].name = "Anna"
        team.people.append(Person(name="Bob"))
        session.commit()
        assert [person.name for person in team.people] == ["Anna", "Bob", "Zoe"]
        session.delete(team.people[1])
        session.rollback()
        assert len(team.people) == 3
        session.delete(team.people[1])
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 2


def test_lazy_loading_while_rows_are_unread(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add_all([Team(name=f"t{n}", people=[Person(name=f"p{n}")]) for n in range(6)])
        session.commit()
        teams = session.scalars(sa.select(Team).order_by(Team.name).execution_options(yield_per=2))
        assert [team.people[0].name for team in teams] == [f"p{n}" for n in range(6)]


def test_a_unique_violation(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add(Team(name="core"))
        session.commit()
        session.add(Team(name="core"))
        with pytest.raises(sa.exc.IntegrityError, match="duplicate key") as caught:
            session.commit()
        assert isinstance(caught.value.orig, db.IntegrityError)
        assert caught.value.orig.sqlstate == "23505"
        session.rollback()
        with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
            session.execute(sa.insert(Team).values(name="core"))
        session.add(Team(name="other"))
        session.commit()
        assert session.scalars(sa.select(Team.name).order_by(Team.id)).all() == ["core", "other"]


def test_on_conflict(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        insert = pg.insert(Team).values(id=1, name="a")
        upsert = insert.on_conflict_do_update(index_elements=[Team.id], set_={"name": insert.excluded.name + "!"})
        assert connection.execute(upsert.returning(Team.name)).scalar() == "a"
        assert connection.execute(upsert.returning(Team.name, Team.created)).one().name == "a!"


# Reflection


def test_reflection(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE INDEX person_born ON person (born DESC, lower(name))"))
        connection.execute(sa.text("CREATE VIEW names AS SELECT name FROM person"))
        connection.execute(sa.text("CREATE TYPE mood AS ENUM ('sad', 'glad')"))
        connection.execute(sa.text("COMMENT ON TABLE person IS 'People'"))
    try:
        check_reflection(engine)
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("DROP VIEW names; DROP TYPE mood"))


def check_reflection(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert set(inspector.get_table_names()) == {"person", "team"}
    assert inspector.get_view_names() == ["names"]
    assert "person" in str(inspector.get_view_definition("names"))
    assert inspector.has_table("person")
    assert "public" in inspector.get_schema_names()
    columns = {column["name"]: column for column in inspector.get_columns("team")}
    assert isinstance(columns["created"]["type"], pg.TIMESTAMP)
    assert columns["created"]["type"].timezone
    assert columns["name"]["type"].length == 40  # type: ignore[attr-defined]
    assert not columns["name"]["nullable"]
    assert columns["id"]["autoincrement"]
    assert inspector.get_pk_constraint("person") == {
        **inspector.get_pk_constraint("person"),
        "constrained_columns": ["id"],
        "name": "person_pkey",
    }
    (foreign,) = inspector.get_foreign_keys("person")
    assert (foreign["constrained_columns"], foreign["referred_table"]) == (["team_id"], "team")
    assert [unique["column_names"] for unique in inspector.get_unique_constraints("team")] == [["name"]]
    (index,) = inspector.get_indexes("person")
    assert index["name"] == "person_born"
    assert index["column_names"] == ["born", None]
    assert inspector.get_check_constraints("person") == []
    assert inspector.get_table_comment("person")["text"] == "People"
    assert inspector.get_enums()[0]["labels"] == ["sad", "glad"]  # type: ignore[attr-defined]
    assert sorted(inspector.get_sequence_names()) == ["person_id_seq", "team_id_seq"]
    reflected = sa.MetaData()
    reflected.reflect(engine)
    assert [column.name for column in reflected.tables["person"].c] == ["id", "name", "born", "team_id"]


# Engines and connections


def test_the_url_and_the_entry_point(api: PluginAPIClient) -> None:
    engine = sa.create_engine("postgresql+mattermost://", connect_args={"api": api})
    assert isinstance(engine.dialect, MattermostDialect)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
        assert connection.dialect.server_version_info is not None
        assert connection.dialect.server_version_info >= (12,)
        assert connection.dialect.default_schema_name == "public"
    engine.dispose()
    with pytest.raises(sa.exc.ArgumentError, match="without anything behind it"):
        sa.create_engine("postgresql+mattermost://somewhere/db").connect()
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert '"postgresql.mattermost" = "mattermost_plugin.sqlalchemy:MattermostDialect"' in project


def test_connections_go_back_to_the_server(bare: sa.Engine, driver: FakeDriver) -> None:
    with bare.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
        assert driver.open == {"connections": 1, "transactions": 1}
    assert driver.open == {}


def test_isolation_levels(bare: sa.Engine, driver: FakeDriver) -> None:
    with bare.connect() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"
        assert connection.default_isolation_level == "READ COMMITTED"
    show = sa.text("SHOW transaction_isolation")
    for level in ("READ UNCOMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        with bare.connect().execution_options(isolation_level=level) as connection:
            assert connection.scalar(show) == level.lower()
    before = driver.counts["Tx"]
    with bare.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM"))
    assert driver.counts["Tx"] == before
    with bare.connect().execution_options(postgresql_readonly=True) as connection:
        assert connection.scalar(sa.text("SHOW transaction_read_only")) == "on"


def test_replicas(api: PluginAPIClient, driver: FakeDriver) -> None:
    engine = create_engine(api, replica=True, isolation_level="SERIALIZABLE")
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SHOW transaction_read_only")) == "on"
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "serializable"
    assert set(driver.primary) == {False}


def test_a_lost_connection(api: PluginAPIClient, driver: FakeDriver) -> None:
    engine = create_engine(api, poolclass=QueuePool, pool_pre_ping=True)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        driver.breaks = {"ConnQuery"}
        with pytest.raises(sa.exc.OperationalError) as caught:
            connection.execute(sa.text("SELECT 2"))
        assert caught.value.connection_invalidated
        connection.rollback()
        assert connection.scalar(sa.text("SELECT 3")) == 3
    assert driver.counts["ConnPing"] == 0
    driver.breaks = {"ConnPing"}
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 4")) == 4
    assert driver.counts["ConnPing"] == 1
    engine.dispose()
    assert driver.open == {}


def test_two_phase_commit_is_refused(bare: sa.Engine) -> None:
    with bare.connect() as connection:
        transaction = connection.begin_twophase()
        connection.execute(sa.text("SELECT 1"))
        with pytest.raises((sa.exc.NotSupportedError, db.NotSupportedError)):
            transaction.prepare()
        connection.invalidate()
