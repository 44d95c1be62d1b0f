"""Write the settings into package.json, from the server's own tree of settings.

python scripts/settings.py [--check]

``--check`` writes nothing and fails where package.json is not what would be written.
"""

import json
import sys
from pathlib import Path
from typing import Any

from byte_lsp.settings import SettingDoc, Settings, describe

MANIFEST = Path(__file__).resolve().parents[1] / "package.json"
SECTION = "byteLsp"
TITLES = {
    "": "byte-lsp",
    "suggest": "Suggestions",
    "context": "Context",
    "engine": "Engine",
    "ensemble": "Ensemble",
    "privacy": "Privacy",
    "log": "Log",
    "server": "Server",
}

RESTRICTED_GROUPS = ("server", "ensemble", "privacy", "log")
RESTRICTED = ("model",)
"""What a folder that is not trusted must not set: programs to start, files to load, what is kept private."""

OWN: dict[str, dict[str, Any]] = {
    "server.command": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "scope": "machine-overridable",
        "markdownDescription": "The command that starts the server, program and arguments, for instance "
        '`["/opt/venv/bin/python", "-m", "byte_lsp"]`. Empty is `byte-lsp` on PATH, else the '
        "extension's own.",
    },
    "server.python": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "markdownDescription": "The Python, 3.11 or newer, that the extension's own server is installed "
        "with. Empty looks for one.",
    },
    "trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "scope": "window",
        "markdownDescription": "Write the messages between editor and server to the log. `verbose` shows "
        "text of your documents.",
    },
}
"""Settings of the extension alone: the server does not know them."""


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: settings.py [--check]", file=sys.stderr)
        return 2
    old = MANIFEST.read_text(encoding="utf-8")
    new = write_settings(old)
    if arguments and new != old:
        print(f"{MANIFEST} is out of date; run: python {Path(__file__).name}", file=sys.stderr)
        return 1
    if not arguments:
        MANIFEST.write_text(new, encoding="utf-8", newline="\n")
    return 0


def write_settings(manifest: str) -> str:
    """The manifest with the settings in it."""
    tree = json.loads(manifest)
    properties = {f"{SECTION}.{key}": value for key, value in all_settings().items()}
    tree["contributes"]["configuration"] = categories(properties)
    restricted = [key for key in properties if is_restricted(key.removeprefix(f"{SECTION}."))]
    tree["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = restricted
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"


def all_settings() -> dict[str, dict[str, Any]]:
    """A JSON schema for each setting, by its key."""
    return {doc.key: schema(doc) for doc in describe(Settings)} | OWN


def schema(doc: SettingDoc) -> dict[str, Any]:
    limits = {"minimum": doc.minimum, "maximum": doc.maximum}
    return {
        "type": doc.type,
        "default": doc.default,
        **({"enum": list(doc.choices)} if doc.choices else {}),
        **{name: value for name, value in limits.items() if value is not None},
        "scope": "window",
        "markdownDescription": doc.description,
    }


def categories(properties: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings in groups, as the settings editor shows them, each in the order of the tree."""
    groups: dict[str, dict[str, Any]] = {title: {} for title in TITLES.values()}
    for key, value in properties.items():
        group = key.removeprefix(f"{SECTION}.").rpartition(".")[0]
        title = TITLES["server" if group == "trace" else group]
        groups[title][key] = {**value, "order": len(groups[title])}
    return [{"title": title, "properties": group} for title, group in groups.items() if group]


def is_restricted(key: str) -> bool:
    return key in RESTRICTED or key.partition(".")[0] in RESTRICTED_GROUPS


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
