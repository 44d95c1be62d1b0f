"""Where the settings in force come from: what the editor said at the start, and what it says now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byte_lsp.server.editor import Editor
from byte_lsp.server.logs import allow_text, set_level
from byte_lsp.settings import Settings, merge, read_settings

SECTION = "byteLsp"

COPILOT_KEYS = frozenset(
    {"editorInfo", "editorPluginInfo", "editorConfiguration", "copilotCapabilities", "copilotIntegrationId"}
    | {"editorConfig", "name", "version"}  # of lsp-mode's lsp-copilot
    | {"http", "telemetry", "github", "github-enterprise", "nextEditSuggestions", "selectedCompletionModel"}
    | {"enableAutoCompletions", "disabledLanguages", "advanced"}
)
"""What clients of GitHub's copilot-language-server say at the start and set: meant for it, and no mistake."""


class Configuration:
    """``settings`` are in force; what is wrong in them was shown to the user once, when they came.

    ``defaults`` lie below all that the editor says: they came from the command line.
    """

    def __init__(self, editor: Editor) -> None:
        self.settings = Settings()
        self.defaults: Mapping[str, Any] = {}
        self._editor = editor
        self._initial: Mapping[str, Any] = {}
        self._latest: Mapping[str, Any] = {}
        self._in_force: Mapping[str, Any] | None = None

    def begin(self, options: object) -> None:
        """Take ``initializationOptions``. Nothing is shown before the editor is initialized."""
        self._initial = _section(options)
        self.settings, _ = read_settings(merge(self.defaults, self._initial))

    async def refresh(self, pushed: object = None) -> None:
        """Ask the editor for its section, or take the ``pushed`` one where it cannot be asked."""
        pulled = await self._editor.settings()
        told = _section(pushed) if pulled is None else _section(pulled)
        if told or pulled is not None:
            self._latest = told
        self._apply(merge(self.defaults, self._initial, self._latest))

    def _apply(self, tree: Mapping[str, Any]) -> None:
        if tree == self._in_force:
            return
        self._in_force = tree
        self.settings, problems = read_settings(tree)
        set_level(self.settings.log.level)
        allow_text(self.settings.log.text)
        if problems:
            self._editor.warn("these settings cannot be used, the rest applies:\n" + "\n".join(problems))


def _section(value: object) -> Mapping[str, Any]:
    """The tree in ``value``, which may hold it under the section's name, as pushed settings do."""
    if not isinstance(value, Mapping):
        return {}
    if SECTION in value:
        inner = value[SECTION]
        return inner if isinstance(inner, Mapping) else {SECTION: inner}
    return {key: each for key, each in value.items() if key not in COPILOT_KEYS}
