"""What passes are good for, and when: weeks, months and quarters in agency time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

LEAD = timedelta(days=1)
"""How long before it can be drawn from a key is made, so that the list that names it is out in time."""
AHEAD = timedelta(weeks=4)
AFTER = timedelta(weeks=4)
CLOSING = timedelta(weeks=1)


class Purpose(StrEnum):
    """What a pass is good for."""

    CHECK_IN = "check-in"
    """One a week; drawn up to four weeks ahead and until the week ends, spent in the week after it."""
    ASSESSMENT = "assessment"
    """One a month; drawn from the month before on, spent within the month."""
    SUPPORT = "support"
    """Twenty a quarter; drawn from four weeks ahead on, spent until four weeks after it."""


QUOTA = {Purpose.CHECK_IN: 1, Purpose.ASSESSMENT: 1, Purpose.SUPPORT: 20}
"""How many passes an account may draw in one period."""


@dataclass(frozen=True)
class Period:
    """One period of a purpose: `2026-W48`, `2026-11` or `2026-Q4`. Ends are exclusive, moments in UTC.

    For check-ins, drawing ends where spending begins: nobody draws a pass and uses it at once.
    """

    purpose: Purpose
    name: str
    draws_from: datetime
    draws_until: datetime
    spends_from: datetime
    spends_until: datetime


def period(purpose: Purpose, day: date, zone: ZoneInfo) -> Period:
    """The period that `day` lies in."""
    first, end, name = _LIMITS[purpose](day)
    start, stop = _midnight(first, zone), _midnight(end, zone)
    match purpose:
        case Purpose.CHECK_IN:
            ahead = _midnight(first - AHEAD, zone)
            return Period(purpose, name, ahead, stop, stop, _midnight(end + CLOSING, zone))
        case Purpose.ASSESSMENT:
            ahead = _midnight(_month(first - timedelta(days=1))[0], zone)
            return Period(purpose, name, ahead, stop, start, stop)
        case Purpose.SUPPORT:
            ahead = _midnight(first - AHEAD, zone)
            return Period(purpose, name, ahead, stop, start, _midnight(end + AFTER, zone))


def due(purpose: Purpose, now: datetime, zone: ZoneInfo) -> Iterator[Period]:
    """The periods that must have keys by now: the present one, and each that can soon be drawn from."""
    day = now.astimezone(zone).date()
    while (found := period(purpose, day, zone)).draws_from <= now + LEAD:
        yield found
        day = _LIMITS[purpose](day)[1]


def _week(day: date) -> tuple[date, date, str]:
    year, week, weekday = day.isocalendar()
    monday = day - timedelta(days=weekday - 1)
    return monday, monday + timedelta(weeks=1), f"{year}-W{week:02}"


def _month(day: date) -> tuple[date, date, str]:
    first = day.replace(day=1)
    return first, _months_after(first, 1), f"{day.year}-{day.month:02}"


def _quarter(day: date) -> tuple[date, date, str]:
    number = (day.month + 2) // 3
    first = date(day.year, 3 * number - 2, 1)
    return first, _months_after(first, 3), f"{day.year}-Q{number}"


_LIMITS = {Purpose.CHECK_IN: _week, Purpose.ASSESSMENT: _month, Purpose.SUPPORT: _quarter}


def _months_after(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
