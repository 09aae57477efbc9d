"""Every table, imported once: for migrations, and for tests about the whole."""

from backend.models.agency import incidents, jobs, places, record, staff
from backend.models.anonymous import conversations, passes, requests
from backend.models.identified import accounts, draws
from backend.models.tables import Table

METADATA = Table.metadata

__all__ = [
    "METADATA",
    "accounts",
    "conversations",
    "draws",
    "incidents",
    "jobs",
    "passes",
    "places",
    "record",
    "requests",
    "staff",
]
