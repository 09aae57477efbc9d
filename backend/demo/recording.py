"""Another system of the agency, which records incidents: its duty log, say. It holds an integration key and no more."""

from typing import Any

from backend.demo.line import Line


class RecordingSystem:
    """Records with an idempotency key, and repeats what was not answered."""

    def __init__(self, line: Line, key: str) -> None:
        self._line = line
        self._key = key

    def record(self, facts: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
        """The incident as the server has it; the same under the same key, however often it is sent."""
        headers = {"Idempotency-Key": idempotency_key}
        incident: dict[str, Any] = self._line.send("/v1/staff/incidents", facts, token=self._key, headers=headers)
        return incident
