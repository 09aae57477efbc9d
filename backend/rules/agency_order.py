"""Whether the names in the agency's file lead anywhere: units, supervisors, and a chain of command with a top."""

from collections.abc import Mapping

from yaml.nodes import Node

from backend.rules.agency_people import Entry, Place, Unit
from backend.rules.lines import Mistake, Page


def check_order(
    page: Page,
    found: Mapping[str, Node],
    facilities: Mapping[str, Place],
    units: Mapping[str, Unit],
    staff: Mapping[str, Entry],
) -> list[Mistake]:
    """Note what leads nowhere; the answer is what a person should know and may leave as it is."""
    for unit in units.values():
        if unit.under is not None:
            page.known(unit.under, units, "unit in this file")
        for supervisor in unit.supervisors:
            page.known(supervisor, staff, "member of staff in this file")
    for entry in staff.values():
        page.known(entry.facility, facilities, "facility in this file")
        for name in entry.units:
            page.known(name, units, "unit in this file")
    _check_circles(page, units)
    return _check_roles(page, found, facilities, staff)


def _check_circles(page: Page, units: Mapping[str, Unit]) -> None:
    """Every circle is one mistake, told where it is entered first."""
    settled: set[str] = set()
    for start in units:
        path = _path_up(units, start, settled)
        top = units[path[-1]].under if path else None
        if top is not None and top in path:
            circle = path[path.index(top) :]
            page.wrong(top.line, f"the chain of command runs in a circle: {' → '.join([*circle, top])}")
        settled.update(path)


def _path_up(units: Mapping[str, Unit], start: str, settled: set[str]) -> list[str]:
    """The units from `start` upward, until the top, or a unit that was passed already."""
    path: list[str] = []
    at: str | None = start
    while at is not None and at in units and at not in settled and at not in path:
        path.append(at)
        at = units[at].under
    return path


def _check_roles(
    page: Page, found: Mapping[str, Node], facilities: Mapping[str, Place], staff: Mapping[str, Entry]
) -> list[Mistake]:
    """Somebody must be there at the end of every order of peers."""
    line = found["staff"].start_mark.line + 1 if "staff" in found else 1
    roles = {role for entry in staff.values() for role in entry.roles}
    if "coordinator" not in roles and "staff" in found:
        page.wrong(line, "at least one coordinator is needed: somebody must be there when no peer is left")
    if not facilities and "facilities" in found:
        page.wrong(found["facilities"].start_mark.line + 1, "at least one facility is needed")
    warnings = [
        ("clinician", "there is no clinician: when no peer is left, the coordinators alone will be told"),
        ("peer", "there is no peer: whoever asks will be answered by a coordinator or a clinician"),
    ]
    return [Mistake(line, reason) for role, reason in warnings if role not in roles]
