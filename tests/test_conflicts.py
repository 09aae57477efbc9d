"""The hard rules: whoever may never be asked isn't, and nobody else is left out."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.rules.conflicts import Colleague, Command, HardFacts, Link, Posting, Span, without_conflict

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
THEN = NOW - timedelta(days=5)
MOMENTS = [THEN - timedelta(days=9), THEN, THEN + timedelta(days=2), NOW, NOW + timedelta(days=1)]
OWN, ABOVE, TOP, BELOW, BESIDE = (uuid.UUID(int=number) for number in range(1, 6))
UNITS = [OWN, ABOVE, TOP, BELOW, BESIDE]
ALWAYS = Span(MOMENTS[0], None)
BEFORE, SINCE = Span(MOMENTS[0], THEN + timedelta(days=1)), Span(THEN + timedelta(days=1), None)
TREE = [Link(OWN, ABOVE, ALWAYS), Link(ABOVE, TOP, ALWAYS), Link(BELOW, OWN, ALWAYS), Link(BESIDE, ABOVE, ALWAYS)]


def colleague(number: int = 100, languages: frozenset[str] = frozenset({"en"})) -> Colleague:
    return Colleague(uuid.UUID(int=number), uuid.UUID(int=0), languages, frozenset(), 0, 3)


def facts(
    unit: uuid.UUID | None = OWN,
    moments: Sequence[datetime] = (THEN, NOW),
    involved: frozenset[uuid.UUID] = frozenset(),
    keep_away: frozenset[uuid.UUID] = frozenset(),
) -> HardFacts:
    return HardFacts(unit, moments, involved, keep_away, frozenset({"en"}))


def is_free(
    posted: uuid.UUID, span: Span, links: Sequence[Link] = TREE, moments: Sequence[datetime] = (THEN, NOW)
) -> bool:
    one = colleague()
    return bool(without_conflict(facts(moments=moments), [one], Command(links, [Posting(one.id, posted, span)])))


@pytest.mark.parametrize(("unit", "free"), [(OWN, False), (ABOVE, False), (TOP, False), (BELOW, False), (BESIDE, True)])
def test_the_whole_chain_of_command_is_out_and_what_stands_beside_is_not(unit: uuid.UUID, free: bool) -> None:
    assert is_free(unit, ALWAYS) is free


def test_who_supervised_then_is_out_though_he_has_left() -> None:
    assert not is_free(ABOVE, BEFORE)
    assert is_free(ABOVE, BEFORE, moments=[NOW]), "without an incident only today counts"


def test_who_came_later_is_out_too() -> None:
    assert not is_free(ABOVE, SINCE)


def test_who_came_and_went_before_is_free() -> None:
    assert is_free(OWN, Span(MOMENTS[0], THEN))


def test_a_chain_of_then_counts_for_who_stands_there_today() -> None:
    moved = [Link(OWN, ABOVE, BEFORE), Link(OWN, BESIDE, SINCE)]
    assert not is_free(ABOVE, SINCE, moved)
    assert not is_free(BESIDE, BEFORE, moved)


def test_a_circle_in_the_data_ends() -> None:
    circle = [Link(OWN, ABOVE, ALWAYS), Link(ABOVE, OWN, ALWAYS)]
    assert not is_free(ABOVE, ALWAYS, circle)


def test_facts_never_show_themselves() -> None:
    shown = repr(facts(keep_away=frozenset({uuid.UUID(int=7)})))
    assert shown == "HardFacts()"


spans = st.tuples(st.sampled_from(MOMENTS), st.none() | st.sampled_from(MOMENTS)).map(
    lambda pair: Span(pair[0], pair[1] if pair[1] and pair[1] > pair[0] else None)
)
links = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), spans)
    .filter(lambda one: one[0] < one[1])
    .map(lambda one: Link(UNITS[one[1]], UNITS[one[0]], one[2])),
    max_size=6,
)
staff = st.lists(st.frozensets(st.sampled_from(["en", "es", "fr"]), max_size=2), min_size=1, max_size=5).map(
    lambda spoken: [colleague(100 + number, languages) for number, languages in enumerate(spoken)]
)
postings = st.lists(
    st.tuples(st.integers(100, 104), st.sampled_from(UNITS), spans).map(
        lambda one: Posting(uuid.UUID(int=one[0]), one[1], one[2])
    ),
    max_size=6,
)
some_staff = st.frozensets(st.integers(100, 104).map(lambda number: uuid.UUID(int=number)), max_size=1)


@settings(max_examples=300, deadline=None)
@given(links, staff, postings, st.none() | st.sampled_from(UNITS), st.booleans(), some_staff, some_staff)
def test_no_conflict_passes_and_nobody_else_is_out(
    links: list[Link],
    colleagues: list[Colleague],
    postings: list[Posting],
    unit: uuid.UUID | None,
    after_incident: bool,
    involved: frozenset[uuid.UUID],
    keep_away: frozenset[uuid.UUID],
) -> None:
    moments = [THEN, NOW] if after_incident else [NOW]
    found = without_conflict(facts(unit, moments, involved, keep_away), colleagues, Command(links, postings))
    expected = [
        one
        for one in colleagues
        if one.id not in involved
        and one.id not in keep_away
        and "en" in one.languages
        and not (unit and stands_in_chain(one.id, unit, moments, links, postings))
    ]
    assert found == expected


def stands_in_chain(
    who: uuid.UUID, unit: uuid.UUID, moments: list[datetime], links: list[Link], postings: list[Posting]
) -> bool:
    """The rule said once more, slowly: every posting at every moment against every path at every moment."""
    return any(
        posting.staff == who
        and held(posting.span, posted_at)
        and (leads(posting.unit, unit, seen_at, links) or leads(unit, posting.unit, seen_at, links))
        for posting, posted_at, seen_at in product(postings, moments, moments)
    )


def leads(low: uuid.UUID, high: uuid.UUID, moment: datetime, links: list[Link]) -> bool:
    """Whether there is a way up from `low` to `high`."""
    return low == high or any(
        link.unit == low and held(link.span, moment) and leads(link.parent, high, moment, links) for link in links
    )


def held(span: Span, moment: datetime) -> bool:
    return not (moment < span.since or (span.until is not None and span.until <= moment))
