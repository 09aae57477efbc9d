"""Whatever happens in whatever order: no offer breaks a hard rule, and no open request is left without a next step.

Random agencies, with a history of their chain of command; random requests, answers, absences, corrections and delays.
After each step the database is looked at by rules that are said here once more, slowly.
"""

from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection

from backend.config import Config
from tests.conftest import RolledBack
from tests.programme import Programme


def test_no_conflict_passes_and_nobody_is_left_alone(
    database: RolledBack, connection: Connection, client: FlaskClient, config: Config
) -> None:
    class Here(Programme):
        def __init__(self) -> None:
            super().__init__(connection, client, config)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print(f"over random agencies: {Programme.tally}")
    assert all(Programme.tally.values())
