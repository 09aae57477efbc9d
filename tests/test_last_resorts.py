"""The end of the order: the clinician takes a request, or the coordinator offers it to somebody he chooses."""

from datetime import timedelta

from flask.testing import FlaskClient

from backend.jobs import Kind
from backend.models.agency.staff import Role
from tests.askers import (
    Asker,
    House,
    Time,
    do_what_is_due,
    hushed,
    jobs,
    set_availability,
    team,
)
from tests.builders import ZONE
from tests.phones import problem


def test_at_the_end_of_the_order_the_clinician_takes_it(client: FlaskClient, house: House, time: Time) -> None:
    team(client, house, 1, reachable=False)
    (clinician,), (other,) = (
        team(client, house, 1, Role.CLINICIAN),
        team(client, house, 1, Role.CLINICIAN, languages=["es"]),
    )
    asker = Asker(client, house, {"topics": ["grief"]}).ask()
    assert clinician.do("GET", "/support-requests").get_json()["support_requests"] == [
        {"id": str(asker.id), "urgency": "now", "topics": ["grief"], "languages": ["en"], "may_take": True,
         "choices": []}
    ]  # fmt: skip
    assert other.do("GET", "/support-requests").get_json() == {"support_requests": []}
    assert problem(other.do("POST", f"/support-requests/{asker.id}/take"), 404) == "not-found"
    taken = clinician.do("POST", f"/support-requests/{asker.id}/take")
    assert taken.status_code == 200
    assert asker.open(clinician.device).status_code == 201
    assert clinician.write(taken.get_json()["id"]).status_code == 201
    assert problem(clinician.do("POST", f"/support-requests/{asker.id}/take"), 409) == "no-longer-open"
    assert clinician.id in hushed("no peer left")


def test_nobody_takes_what_nobody_was_told_of(client: FlaskClient, house: House) -> None:
    team(client, house, 1)
    (clinician,), (coordinator,) = team(client, house, 1, Role.CLINICIAN), team(client, house, 1, Role.COORDINATOR)
    asker = Asker(client, house).ask()
    at = f"/support-requests/{asker.id}"
    assert problem(clinician.do("POST", f"{at}/take"), 404) == "not-found"
    assert problem(coordinator.do("POST", f"{at}/offers", staff_id=str(clinician.id)), 404) == "not-found"
    assert coordinator.do("GET", "/support-requests").get_json() == {"support_requests": []}


def test_at_the_end_of_the_order_a_coordinator_chooses(client: FlaskClient, house: House, time: Time) -> None:
    away, asleep = team(client, house, 2, reachable=False)
    (stranger,) = team(client, house, 1, languages=["es"])
    (coordinator,) = team(client, house, 1, Role.COORDINATOR)
    local = time.now.astimezone(ZONE)
    set_availability(asleep, quiet_from=local.time(), quiet_to=(local + timedelta(hours=1)).time())
    asker = Asker(client, house).ask()
    (seen,) = coordinator.do("GET", "/support-requests").get_json()["support_requests"]
    assert [choice["id"] for choice in seen["choices"]] == [str(away.id)]
    assert not seen["may_take"]
    at = f"/support-requests/{asker.id}/offers"
    for wrong in (asleep, stranger, coordinator):
        assert problem(coordinator.do("POST", at, staff_id=str(wrong.id)), 409) == "cannot-be-asked"
    for _ in range(2):
        assert coordinator.do("POST", at, staff_id=str(away.id)).status_code == 204
    before = tellings()
    time.pass_by(seconds=179)
    do_what_is_due(house.config)
    assert tellings() == before, "one has acted"
    time.pass_by(seconds=1)
    do_what_is_due(house.config)
    assert tellings() > before
    assert coordinator.do("POST", at, staff_id=str(away.id)).status_code == 204, "he may be asked again"
    assert away.accept()


def tellings() -> list[int]:
    """How often people were told."""
    return [job.generation for job in jobs(Kind.TELL) if job.args["notice"] == "no peer left"]
