"""The agency's file: what it refuses, and what loading it again leaves alone."""

from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backend import db
from backend.actions.agency.agency_file import Changes, load
from backend.actions.agency.chain_of_command import ALWAYS
from backend.cli.agency import agency as command
from backend.db import PostgreSQL, Side, transaction
from backend.models.agency.jobs import Job
from backend.models.agency.places import Agency, Command, Facility, Unit
from backend.models.agency.staff import Availability, Device, Post, Staff, StaffAccount, StaffSession
from backend.rules.agency_file import read
from backend.rules.lines import Mistaken
from backend.rules.policy import read_policy
from tests import builders
from tests.conftest import RolledBack

EXAMPLE = Path(__file__).parent.parent / "agency.example.yaml"
TEXT = EXAMPLE.read_text()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def mistakes(text: str) -> list[str]:
    with pytest.raises(Mistaken) as caught:
        read(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def line(words: str) -> int:
    return TEXT[: TEXT.index(words)].count("\n") + 1


def test_the_example_is_without_mistake() -> None:
    found = read(TEXT)
    assert found.warnings == ()
    assert read_policy(found.policy) == read_policy(builders.POLICY)
    assert found.cohorts == {"north": "North Example Prison", "camps": "The two camps"}
    assert found.units["hill-dorms"].under == "river-command"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("time zone:", "time zoen:", "unknown key “time zoen” (“time zone” perhaps?)"),
        ("America/Chicago", "America/Chicagoo", "is no time zone"),
        ("America/Chicago", "America", "is no time zone"),
        ("languages: [en, es]\ntopics", "languages: [en, Spanish]\ntopics", "“Spanish” is no language tag"),
        ("river-yard: {", "north-a: {", "there is another unit “north-a”"),
        ("under: north-command, supervisor", "under: north-comand, supervisor", "is no unit in this file (“north-"),
        ("supervisor: lee-example", "supervisor: nobody-here", "“nobody-here” is no member of staff"),
        ("river-command: {name: Command}", "river-command: {name: Command, under: river-yard}", "runs in a circle"),
        ("facility: hill-camp", "facility: hil-camp", "“hil-camp” is no facility in this file"),
        ("units: [hill-dorms]", "units: [hill-dorms, hill-dorms]", "“hill-dorms” stands here twice"),
        ("roles: [coordinator]", "roles: [boss]", "“boss” is no role"),
        ("roles: [coordinator]", "roles: []", "“roles” needs at least one"),
        ("cohort: camps", "cohort: camp", "“camp” is no cohort"),
        ("casey-example:\n", "Casey Example:\n", "“Casey Example” is no slug"),
        ("answer within: 3 minutes", "answer within: soon", "here belongs a time like “3 minutes”"),
        ("answer within: 3 minutes", "answer within: 0 minutes", "here belongs a time like “3 minutes”"),
        ("delete after: 7 days", "delete after: 36 hours", "here belong whole days"),
        ("peers at a time: 3", "peers at a time: three", "here belongs a number from 1 to 20"),
        ("kind: EAP", "kind: bar", "“bar” is no kind of resource"),
        ('call: "988"', "call: nine", "“call” must be a phone number"),
        ("web: https://988", "web: http://988", "“web” must begin with https://"),
        ("    es: |", "    fr: |", "“fr” is no language of this agency"),
        ("first name: Kim", 'first name: "Ki\\0m"', "a character that can't be kept"),
        ("first name: Kim", "first name: !kim Kim", "have no place here"),
        ("first name: Kim", "first name: [Kim]", "here belongs a text"),
        ("first name: Kim", "first name:", "this is empty"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_line_and_reason(before: str, after: str, said: str) -> None:
    assert before in TEXT
    wrong = mistakes(TEXT.replace(before, after, 1))
    changed = line(before)
    assert any(f"line {changed + extra}: " in mistake and said in mistake for mistake in wrong for extra in (0, 1)), (
        wrong
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = TEXT.replace("America/Chicago", "Nowhere").replace("roles: [coordinator]", "roles: [peer]")
    text = text.replace("first name: Kim\n    ", "")
    assert [mistake.partition(": ")[2] for mistake in mistakes(text)] == [
        "“Nowhere” is no time zone",
        "at least one coordinator is needed: somebody must be there when no peer is left",
        "“first name” is missing",
    ]


def test_what_may_be_left_as_it_is_is_only_pointed_out() -> None:
    found = read(TEXT.replace("roles: [clinician]", "roles: [peer]"))
    assert ["there is no clinician" in warning.reason for warning in found.warnings] == [True]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_broken_in_a_file_is_a_clean_refusal(data: st.DataObject) -> None:
    lines = TEXT.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    spoiled = data.draw(
        st.sampled_from(
            [lines[at] + ":", lines[at].strip(), "", lines[at] * 2, "- " + lines[at], lines[at][:-3], "\t["]
        )
        | st.text(max_size=30)
    )
    try:
        read("\n".join([*lines[:at], spoiled, *lines[at + 1 :]]))
    except Mistaken as mistaken:
        assert mistaken.mistakes
        assert all(1 <= mistake.line <= len(lines) + 31 and mistake.reason for mistake in mistaken.mistakes)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60) | st.text(alphabet="abc:-[]{}&*!|>?%@`'\"\n #,\t", max_size=60))
def test_any_text_at_all_is_a_clean_refusal(text: str) -> None:
    assert mistakes(text)


def test_endless_files_are_refused() -> None:
    assert mistakes("[" * 3000 + "]" * 3000) == ["line 1: this is nested too deeply"]
    assert "longer than" in mistakes("#" * 1_000_001)[0]
    assert "have no place here" in mistakes("a: &a [x]\nb: [*a, *a]")[0]


def loaded(text: str, now: datetime = NOW) -> Changes:
    with transaction(Side.OWNER) as session:
        return load(session, read(text), now)


def snapshot() -> dict[str, list[str]]:
    """Every row of every table of the agency, with the transaction that wrote it."""
    with transaction(Side.OWNER) as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'agency' ORDER BY 1")).all()
        return {
            table: sorted(session.scalars(text(f"SELECT t.ctid || ' ' || t::text FROM agency.{table} t")))
            for table in tables
        }


def one(query: Callable[[Session], object]) -> object:
    with transaction(Side.OWNER) as session:
        return query(session)


def test_the_same_file_again_touches_no_row(database: RolledBack) -> None:
    assert loaded(TEXT)
    before = snapshot()
    assert not loaded(TEXT, NOW + timedelta(days=1))
    assert snapshot() == before
    assert len(before["staff"]) == 5


def test_loading_asks_for_public_files_and_keys_only_when_something_changed(database: RolledBack) -> None:
    def waiting(session: Session) -> list[str]:
        return sorted(str(key) for key in session.scalars(select(Job.key)))

    loaded(TEXT)
    assert one(waiting) == ["agency", "bulletin", "keep house"]
    one(lambda session: session.execute(text("DELETE FROM agency.job")))
    loaded(TEXT)
    assert one(waiting) == []
    loaded(TEXT.replace("Six free sessions", "Eight free sessions"))
    assert one(waiting) == ["agency", "bulletin", "keep house"]


def test_who_is_no_longer_in_the_file_is_signed_out_and_kept(database: RolledBack) -> None:
    loaded(TEXT)
    start = TEXT.index("  kim-example:")
    without = TEXT[:start] + TEXT[TEXT.index("\n# How a request") :]
    with transaction(Side.OWNER) as session:
        kim = session.scalars(select(Staff).where(Staff.slug == "kim-example")).one()
        builders.sign_in(session, kim)
        builders.device(session, kim)
        session.add(StaffAccount(staff_id=kim.id, passphrase_hash="-"))
    changes = loaded(without, NOW + timedelta(days=30))
    assert changes.left == [kim.id]
    with transaction(Side.OWNER) as session:
        assert session.scalar(select(Staff.active).where(Staff.id == kim.id)) is False
        for table in (StaffSession, StaffAccount, Device):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalar(select(Post.until).where(Post.staff_id == kim.id)) == NOW + timedelta(days=30)
        assert session.scalar(select(Job.args).where(Job.kind == "recheck")) == {"staff": str(kim.id)}
    loaded(TEXT, NOW + timedelta(days=60))
    with transaction(Side.OWNER) as session:
        assert session.scalar(select(Staff.active).where(Staff.id == kim.id)) is True
        since = session.scalars(select(Post.since).where(Post.staff_id == kim.id).order_by(Post.since)).all()
        assert since == [ALWAYS, NOW + timedelta(days=60)]


def test_what_staff_set_themselves_is_theirs(database: RolledBack) -> None:
    loaded(TEXT)
    own = {"topics": ["grief"], "profile": {"about": "Ask me anything."}, "shows": ["first_name"]}
    with transaction(Side.OWNER) as session:
        lee = session.scalars(select(Staff).where(Staff.slug == "lee-example")).one()
        for name, value in own.items():
            setattr(lee, name, value)
        availability = session.get_one(Availability, lee.id)
        availability.state, availability.cap = "reachable", 1
    loaded(TEXT.replace("first name: Lee", "first name: Leigh"))
    with transaction(Side.OWNER) as session:
        lee = session.get_one(Staff, lee.id)
        assert lee.first_name == "Leigh"
        assert {name: getattr(lee, name) for name in own} == own
        availability = session.get_one(Availability, lee.id)
        assert (availability.state, availability.cap) == ("reachable", 1)


def test_the_chain_of_command_keeps_its_history(database: RolledBack) -> None:
    loaded(TEXT)
    later = NOW + timedelta(days=10)
    loaded(TEXT.replace("river-yard: {name: Yard, under: river-command}", "river-yard: {name: Yard}"), later)
    again = NOW + timedelta(days=20)
    loaded(TEXT, again)
    with transaction(Side.OWNER) as session:
        yard = select(Unit.id).where(Unit.slug == "river-yard").scalar_subquery()
        spans = session.execute(
            select(Command.since, Command.until).where(Command.unit_id == yard).order_by(Command.since)
        ).all()
    assert [tuple(span) for span in spans] == [(ALWAYS, later), (again, None)]


def test_closed_places_stay_and_open_again(database: RolledBack) -> None:
    loaded(TEXT)
    start, end = TEXT.index("      river-yard"), TEXT.index("  hill-camp:\n    name")
    loaded(TEXT[:start] + TEXT[end:])
    closed = select(Unit.slug).where(Unit.closed)
    assert one(lambda session: session.scalars(closed).all()) == ["river-yard"]
    loaded(TEXT)
    assert one(lambda session: session.scalars(closed).all()) == []
    assert one(lambda session: session.scalar(select(func.count()).select_from(Facility))) == 3


def test_what_phones_are_told_is_what_the_file_says(database: RolledBack) -> None:
    loaded(TEXT)
    with transaction(Side.OWNER) as session:
        row = session.scalars(select(Agency)).one()
    assert (row.time_zone, row.languages) == ("America/Chicago", ["en", "es"])
    assert row.crisis_lines[0] == {
        "name": "988 Suicide & Crisis Lifeline", "call": "988", "text": "988", "web": "https://988lifeline.org",
    }  # fmt: skip
    assert row.resources[1] == {
        "name": "Chaplain's office", "kind": "chaplain", "call": "555-0101", "facility": "north",
    }  # fmt: skip
    assert row.notice["version"] == "2026-1"
    assert set(row.notice["text"]) == {"en", "es"}


def test_the_command_names_file_line_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "agency.yaml"
    file.write_text(TEXT.replace("America/Chicago", "Nowhere"))
    answer = CliRunner().invoke(command, ["check", str(file)])
    assert answer.exit_code == 1
    assert f"{file}:{line('America/Chicago')}: “Nowhere” is no time zone" in answer.output
    file.write_bytes(b"agency: a\nname: \xff\n")
    answer = CliRunner().invoke(command, ["check", str(file)])
    assert answer.exit_code == 1
    assert f"{file}:2: this is not UTF-8" in answer.output
    assert CliRunner().invoke(command, ["check", str(EXAMPLE)]).exit_code == 0


@pytest.mark.real
def test_the_command_loads_the_file_as_the_owner(clone: dict[Side, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", clone[Side.OWNER])
    monkeypatch.setenv("SEALING_KEY", b64encode(bytes(32)).decode())
    monkeypatch.setenv("PUBLIC_URL", "http://localhost")
    answer = CliRunner().invoke(command, ["load", str(EXAMPLE)], catch_exceptions=False)
    assert answer.output == (
        "Added: agency (1), chain of command (5), cohort (2), facility (3), post (5), staff (5), unit (7).\n"
    )
    answer = CliRunner().invoke(command, ["load", str(EXAMPLE)], catch_exceptions=False)
    assert answer.output == "Nothing has changed.\n"


@pytest.mark.real
def test_two_who_load_at_once_take_turns(clone: dict[Side, str]) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with ThreadPoolExecutor(4) as pool:
        changes = list(pool.map(loaded, [TEXT] * 4))
    database.close()
    print(f"{len(changes)} loads of one file at once: {sum(map(bool, changes))} of them changed something")
    assert sorted(map(bool, changes)) == [False, False, False, True]
