"""Alpaca's published OpenAPI documents, and what an answer has that they do not allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
    "object": (dict,),
}  # fmt: skip


class Document:
    """One API's document with the corrections that belong to it."""

    def __init__(self, path: Path) -> None:
        self.root: dict[str, Any] = json.loads(path.read_text())
        for change in json.loads(path.with_suffix(".prism-overlay.json").read_text()):
            *above, last = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]]
            node: Any = self.root
            for part in above:
                node = node[int(part)] if isinstance(node, list) else node[part]
            if isinstance(node, list):
                node[int(last)] = change["value"]
            else:
                node[last] = change["value"]

    def faults(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """Name every place where an answer breaks the document's schema of it; nothing if it has none."""
        responses = self.root["paths"][path][method.lower()]["responses"]
        content = self._real(responses[str(status)]).get("content")
        if content is None:
            return []
        return self._check(content["application/json"]["schema"], answer, path)

    def _real(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self.root
            for part in node["$ref"].split("/")[1:]:
                found = found[part.replace("~1", "/")]
            node = found
        return node

    def _check(self, schema: dict[str, Any], value: Any, where: str) -> list[str]:
        schema = self._real(schema)
        if value is None:
            return [] if schema.get("nullable") or not schema else [f"{where}: null"]
        for key in ("anyOf", "oneOf"):
            tries = [self._check(one, value, where) for one in schema.get(key, [])]
            if tries and all(tries):
                return min(tries, key=len)
        faults = [fault for one in schema.get("allOf", []) for fault in self._check(one, value, where)]
        kind = schema.get("type")
        if kind and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
            return [*faults, f"{where}: {value!r} is no {kind}"]
        if "enum" in schema and value not in schema["enum"]:
            faults.append(f"{where}: {value!r} is not in {schema['enum']}")
        if isinstance(value, dict):
            faults += self._check_object(schema, value, where)
        if isinstance(value, list):
            faults += [f for n, one in enumerate(value) for f in self._check(schema["items"], one, f"{where}[{n}]")]
        return faults

    def _check_object(self, schema: dict[str, Any], value: dict[str, Any], where: str) -> list[str]:
        faults = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
        known, other = schema.get("properties", {}), schema.get("additionalProperties")
        for name, one in value.items():
            if name in known:
                faults += self._check(known[name], one, f"{where}.{name}")
            elif isinstance(other, dict):
                faults += self._check(other, one, f"{where}.{name}")
        return faults
