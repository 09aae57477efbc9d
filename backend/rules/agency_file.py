"""The agency's file: what may stand in it, and what it means. `docs/agency-file.md` tells it to those who write one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

from yaml.nodes import Node

from backend.rules.agency_order import check_order
from backend.rules.agency_people import Entry, Place, Unit, read_facilities, read_staff
from backend.rules.agency_policy import read_policy
from backend.rules.lines import Mistake, Mistaken, Page, Word

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{1,30}")
_REQUIRED = (
    "agency", "time zone", "languages", "topics", "crisis lines", "confidentiality notice", "facilities", "staff",
    "when somebody asks",
)  # fmt: skip
RESOURCES = ("EAP", "chaplain", "clinic", "union", "other")


@dataclass(frozen=True)
class AgencyFile:
    """An agency as its file describes it; everything that it names is in it.

    `crisis_lines`, `resources`, `notice` and `policy` have the shapes in which `agency.agency` keeps them. `warnings`
    are what a person should know and may leave as it is.
    """

    name: str
    time_zone: str
    languages: list[str]
    topics: list[str]
    crisis_lines: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    notice: dict[str, Any]
    policy: dict[str, Any]
    cohorts: Mapping[str, str]
    facilities: Mapping[str, Place]
    units: Mapping[str, Unit]
    staff: Mapping[str, Entry]
    warnings: tuple[Mistake, ...] = field(default=())


def read(text: str) -> AgencyFile:
    """The agency that a file describes; raises Mistaken with everything that is wrong with it."""
    page = Page()
    root = page.open(text)
    file, warnings = _agency(page, root) if root else (None, [])
    if file is None or page.mistakes:
        raise Mistaken(page.mistakes)
    return AgencyFile(**vars(file) | {"warnings": tuple(sorted(warnings))})


def _agency(page: Page, root: Node) -> tuple[AgencyFile, list[Mistake]]:
    found = page.keys(root, _REQUIRED, ("resources", "cohorts"))
    languages = _languages(page, found.get("languages"))
    cohorts = {slug: page.word(below) for slug, below in page.named(found.get("cohorts")).items()}
    facilities, units = read_facilities(page, found.get("facilities"), cohorts)
    staff = read_staff(page, found.get("staff"), languages)
    file = AgencyFile(
        name=page.word(found.get("agency")),
        time_zone=_time_zone(page, found.get("time zone")),
        languages=list(languages),
        topics=list(page.words(found.get("topics"))),
        crisis_lines=_crisis_lines(page, found.get("crisis lines")),
        resources=[_resource(page, item, facilities) for item in page.items(found.get("resources"))],
        notice=_notice(page, found.get("confidentiality notice"), languages),
        policy=read_policy(page, found.get("when somebody asks")),
        cohorts={p.cohort: p.name for p in facilities.values()} | cohorts,
        facilities=facilities,
        units=units,
        staff=staff,
    )
    warnings = check_order(page, found, facilities, units, staff)
    return file, warnings + _untold(file, found)


def _languages(page: Page, node: Node | None) -> list[Word]:
    words = page.words(node)
    for word in words:
        if not _LANGUAGE.fullmatch(word):
            page.wrong(word.line, f"“{word}” is no language tag: write “en”, “es” or “zh-Hant” (BCP 47)")
    if isinstance(node, Node) and not words:
        page.wrong(node.start_mark.line + 1, "at least one language is needed")
    return words


def _time_zone(page: Page, node: Node | None) -> str:
    word = page.word(node)
    page.known(word, available_timezones(), "time zone")
    return word


def _crisis_lines(page: Page, node: Node | None) -> list[dict[str, Any]]:
    lines = [_reachable(page, item, page.keys(item, ["name"], ["call", "text", "web"])) for item in page.items(node)]
    if isinstance(node, Node) and not lines:
        page.wrong(node.start_mark.line + 1, "at least one crisis line is needed")
    return lines


def _resource(page: Page, node: Node, facilities: Mapping[str, Place]) -> dict[str, Any]:
    found = page.keys(node, ["name", "kind"], ["call", "text", "web", "note", "facility"])
    resource = _reachable(page, node, found)
    kind = page.word(found.get("kind"))
    page.known(kind, RESOURCES, "kind of resource")
    resource["kind"] = str(kind)
    if "note" in found:
        resource["note"] = str(page.prose(found["note"], 1000))
    if "facility" in found:
        facility = page.word(found["facility"])
        page.known(facility, facilities, "facility in this file")
        resource["facility"] = str(facility)
    return resource


def _reachable(page: Page, node: Node, found: Mapping[str, Node]) -> dict[str, Any]:
    """Its name, and the ways in which it is reached: at least one."""
    ways = {key: page.word(found[key]) for key in ("call", "text", "web") if key in found}
    if not ways and found:
        page.wrong(node.start_mark.line + 1, "say how it is reached: “call”, “text” or “web”")
    if "call" in ways and ways["call"] and not _NUMBER.fullmatch(ways["call"]):
        page.wrong(ways["call"].line, "“call” must be a phone number")
    if "web" in ways and ways["web"] and not ways["web"].startswith("https://"):
        page.wrong(ways["web"].line, "“web” must begin with https://")
    return {"name": str(page.word(found.get("name")))} | {key: str(way) for key, way in ways.items()}


def _notice(page: Page, node: Node | None, languages: list[Word]) -> dict[str, Any]:
    found = page.keys(node, ["version", "text"])
    texts: dict[str, str] = {}
    for language, below in page.named(found.get("text")).items():
        page.known(language, languages, "language of this agency")
        texts[str(language)] = str(page.prose(below))
    if "text" in found and not texts:
        page.wrong(found["text"].start_mark.line + 1, "the notice has no text")
    return {"version": str(page.word(found.get("version"), 40)), "text": texts}


def _untold(file: AgencyFile, found: Mapping[str, Node]) -> list[Mistake]:
    """Languages in which nobody can read the limits of confidentiality before he asks."""
    node = found.get("confidentiality notice")
    line = node.start_mark.line + 1 if node else 1
    missing = [language for language in file.languages if language not in file.notice["text"]]
    return [Mistake(line, f"the confidentiality notice has no text in “{language}”") for language in missing]
