"""What is checked through SQLAlchemy, on the real path."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from checks import expect
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from mattermost_plugin import PluginAPIClient
from mattermost_plugin.sqlalchemy import create_engine

WHEN = datetime.datetime(2024, 2, 29, 12, 30, 15, 120000, datetime.timezone.utc)


class Base(DeclarativeBase):
    """The tables."""


class Team(Base):
    """A team, with a column of nearly every type."""

    __tablename__ = "orm_team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2), default=Decimal("1.50"))
    props: Mapped[Any] = mapped_column(pg.JSONB, default=dict)
    tags: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.Text), default=list)
    picture: Mapped[bytes] = mapped_column(default=b"")
    lasts: Mapped[datetime.timedelta] = mapped_column(default=datetime.timedelta(hours=1))
    people: Mapped[list[Person]] = relationship(back_populates="team", order_by="Person.name")


class Person(Base):
    """A person of a team."""

    __tablename__ = "orm_person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    born: Mapped[datetime.date | None]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("orm_team.id"))
    team: Mapped[Team] = relationship(back_populates="people")


def the_orm(api: PluginAPIClient) -> None:
    """Insert, query over a relationship, update, roll back, violate a constraint, reflect."""
    engine = create_engine(api)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
    try:
        _work(engine)
        _reflect(engine)
    finally:
        with engine.begin() as connection:
            Base.metadata.drop_all(connection)


def _work(engine: sa.Engine) -> None:
    with Session(engine) as session:
        people = [Person(name="Zoe"), Person(name="Ann", born=datetime.date(1990, 1, 2))]
        session.add(Team(name="core", created=WHEN, tags=["a b", "c"], props={"x": [1]}, picture=b"\0", people=people))
        session.add(Team(name="other"))
        session.commit()
    with Session(engine) as session:
        team = session.scalars(sa.select(Team).where(Team.created == WHEN)).one()
        expect((team.created, team.price, team.props), (WHEN, Decimal("1.50"), {"x": [1]}))
        expect((team.tags, team.picture, team.lasts), (["a b", "c"], b"\0", datetime.timedelta(hours=1)))
        expect((team.people[0].name, team.people[0].born), ("Ann", datetime.date(1990, 1, 2)))
        team.people[0].name = "Anna"
        session.commit()
        session.delete(team.people[0])
        session.rollback()
        expect([person.name for person in team.people], ["Anna", "Zoe"])
        session.add(Team(name="core"))
        try:
            session.commit()
        except sa.exc.IntegrityError:
            session.rollback()
        else:
            raise AssertionError("no IntegrityError")
        expect(session.scalar(sa.select(sa.func.count()).select_from(Team)), 2)
        other = session.scalars(sa.select(Team).where(Team.name == "other")).one()
        expect(abs(datetime.datetime.now(datetime.timezone.utc) - other.created) < datetime.timedelta(hours=1), True)


def _reflect(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    expect(inspector.has_table("orm_team"), True)
    expect([column["name"] for column in inspector.get_columns("orm_person")], ["id", "name", "born", "team_id"])
    expect(inspector.get_pk_constraint("orm_person")["constrained_columns"], ["id"])
    expect(inspector.get_foreign_keys("orm_person")[0]["referred_table"], "orm_team")
    expect(inspector.get_unique_constraints("orm_team")[0]["column_names"], ["name"])


ORM_CHECKS = [the_orm]
