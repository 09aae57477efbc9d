"""What kinds of critical incident there are: data with a source and a version, in `incident_types.json`."""

import json
from pathlib import Path

_SAID = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

INCIDENT_TYPES: dict[str, str] = {kind["slug"]: kind["name"] for kind in _SAID["types"]}
"""Names by slug."""
OTHERS_FIRST = frozenset(kind["slug"] for kind in _SAID["types"] if kind.get("others_first"))
"""After these the peers of a facility are affected themselves, and those of other facilities come first."""
SEVERITIES = ("moderate", "serious", "severe")
