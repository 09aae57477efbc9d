"""The migrations, and the models they must agree with."""

import psycopg
from alembic import command
from sqlalchemy import create_engine, text

from backend.db import Side, sqlalchemy_url
from backend.migrate import configuration, migrate


def test_the_models_are_what_the_migrations_make(clone: dict[Side, str]) -> None:
    engine = create_engine(sqlalchemy_url(clone[Side.OWNER]))
    with engine.begin() as connection:
        settings = configuration()
        settings.attributes["connection"] = connection
        command.check(settings)
    engine.dispose()


def test_migrations_go_down_and_up_again(clone: dict[Side, str]) -> None:
    engine = create_engine(sqlalchemy_url(clone[Side.OWNER]))
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE relief_owner"))
        settings = configuration()
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
    engine.dispose()
    migrate(clone)
    with psycopg.connect(clone[Side.ANONYMOUS]) as anonymous:
        assert anonymous.execute("SELECT count(*) FROM anonymous.offer").fetchone() == (0,)
