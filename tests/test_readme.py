"""What the README shows is what the program says."""

import re
from pathlib import Path

from byte_lsp.settings import SettingDoc, describe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    found = re.search(rf"<!-- {name}[^>]*-->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert found, f"README.md has no block {name!r}"
    return found[1]


def row(setting: SettingDoc) -> str:
    default = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    return f"| `{setting.key}` | `{default}` | {setting.description} |\n"


def test_settings_table_is_the_settings_tree() -> None:
    expected = "| setting | default | |\n| --- | --- | --- |\n" + "".join(row(s) for s in describe())
    assert block("settings") == expected


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "python tests/check.py" in block("test command")
    assert "test command" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_local_link_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
