"""Facilities, units and staff in the agency's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from yaml.nodes import Node, SequenceNode

from backend.rules.lines import Page, Word

ROLES = ("peer", "coordinator", "clinician")
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Place:
    """A facility, and the cohort that its check-ins are counted under."""

    name: str
    cohort: str


@dataclass(frozen=True)
class Unit:
    """A unit of a facility: the unit that it stands `under`, if any, and who of the staff supervises it."""

    name: str
    facility: str
    under: Word | None
    supervisors: tuple[Word, ...]


@dataclass(frozen=True)
class Entry:
    """Somebody on staff. `units` are those that he belongs to."""

    first_name: str
    last_name: str
    roles: tuple[str, ...]
    facility: Word
    units: tuple[Word, ...]
    languages: tuple[str, ...]


def read_facilities(
    page: Page, node: Node | None, cohorts: Mapping[Word, Word]
) -> tuple[dict[str, Place], dict[str, Unit]]:
    """All facilities and all units, by slug."""
    facilities: dict[str, Place] = {}
    units: dict[str, Unit] = {}
    for cohort in cohorts:
        _slug(page, cohort)
    for slug, below in page.named(node).items():
        _slug(page, slug)
        found = page.keys(below, ["name"], ["cohort", "units"])
        cohort = page.word(found["cohort"]) if "cohort" in found else slug
        if "cohort" in found:
            page.known(cohort, cohorts, "cohort in this file")
        facilities[str(slug)] = Place(str(page.word(found.get("name"))), str(cohort))
        _read_units(page, found.get("units"), slug, units)
    return facilities, units


def _read_units(page: Page, node: Node | None, facility: Word, units: dict[str, Unit]) -> None:
    for slug, below in page.named(node).items():
        _slug(page, slug)
        if slug in units:
            page.wrong(slug.line, f"there is another unit “{slug}”: each needs a slug of its own")
        found = page.keys(below, ["name"], ["under", "supervisor"])
        units[str(slug)] = Unit(
            name=str(page.word(found.get("name"))),
            facility=str(facility),
            under=page.word(found["under"]) if "under" in found else None,
            supervisors=_one_or_more(page, found.get("supervisor")),
        )


def _one_or_more(page: Page, node: Node | None) -> tuple[Word, ...]:
    if isinstance(node, SequenceNode):
        return tuple(page.words(node))
    return (page.word(node),) if node else ()


def read_staff(page: Page, node: Node | None, languages: list[Word]) -> dict[str, Entry]:
    """Everybody on staff, by slug."""
    staff: dict[str, Entry] = {}
    for slug, below in page.named(node).items():
        _slug(page, slug)
        staff[str(slug)] = _entry(page, below, languages)
    return staff


def _entry(page: Page, node: Node, languages: list[Word]) -> Entry:
    found = page.keys(node, ["first name", "last name", "roles", "facility", "languages"], ["units"])
    roles, speaks = page.words(found.get("roles")), page.words(found.get("languages"))
    for role in roles:
        page.known(role, ROLES, "role")
    for language in speaks:
        page.known(language, languages, "language of this agency")
    for key, words in (("roles", roles), ("languages", speaks)):
        if key in found and not words:
            page.wrong(found[key].start_mark.line + 1, f"“{key}” needs at least one")
    return Entry(
        first_name=str(page.word(found.get("first name"))),
        last_name=str(page.word(found.get("last name"))),
        roles=tuple(str(role) for role in roles),
        facility=page.word(found.get("facility")),
        units=tuple(page.words(found.get("units"))),
        languages=tuple(str(language) for language in speaks),
    )


def _slug(page: Page, word: Word) -> None:
    if word and not _SLUG.fullmatch(word):
        page.wrong(word.line, f"“{word}” is no slug: small letters, digits and dashes, a letter first, 40 at most")
