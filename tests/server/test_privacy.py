"""Which documents stay out, and what that means: no context, no suggestions, and a word about it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types

from byte_lsp.client import Client
from byte_lsp.server import privacy as privacy_module
from byte_lsp.server.paths import Roots
from byte_lsp.server.privacy import BY_NAME, IN_GITIGNORE, IN_SETTING, Exclusion, Privacy
from byte_lsp.settings import PrivacySettings

StartServer = Callable[..., Awaitable[Client]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a ``.gitignore``."""
    (tmp_path / "shop" / "build").mkdir(parents=True)
    (tmp_path / "shop" / ".gitignore").write_text("build/\n*.log\n")
    return tmp_path / "shop"


def judge(folder: Path, path: str, **settings: object) -> Exclusion | None:
    privacy = Privacy(Roots([folder.as_uri()]), PrivacySettings(**settings))  # type: ignore[arg-type]
    return privacy.exclusion((folder / path).as_uri())


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env",
            ".env.local",
            "prod.env",
            "a/.envrc",
            "server.pem",
            "tls/SERVER.KEY",
            "id_rsa",
            "id_rsa.pub",
        ),
        *(
            "id_ed25519.bak",
            ".netrc",
            "_netrc",
            ".npmrc",
            ".pypirc",
            "credentials",
            "credentials.json",
            "a.kdbx",
        ),
        *(
            ".aws/config",
            ".ssh/config",
            ".docker/config.json",
            "terraform.tfstate",
            "terraform.tfstate.backup",
        ),
        *(
            "secrets.yaml",
            "secrets.py",
            "Secrets.toml",
            "app-secrets.json",
            "x.secret",
            "prod.tfvars",
            ".pgpass",
        ),
        *(
            "my-service-account-1.json",
            "client_secret_12.json",
            "wp-config.php",
            ".git/config",
            ".bash_history",
        ),
        *(
            "deploy_rsa",
            "release.keystore",
            "auth.json",
            ".vault-token",
            "passwords.txt",
            ".config/gh/hosts.yml",
        ),
    ],
)
def test_files_whose_names_say_secret_stay_out(folder: Path, path: str) -> None:
    assert judge(folder, path) is BY_NAME
    assert judge(folder, path, respect_gitignore=False) is BY_NAME


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env.example",
            "prod.env.sample",
            "prod.tfvars.example",
            "environment.py",
            "keys.py",
            "secretary.py",
        ),
        *("credentials.py", "credentials_test.go", "user_credentials.ts", "keyboard.c", "token.py", "pem.md"),
        *(".git/COMMIT_EDITMSG", "config.json", "gradle.properties", "docker/config.json", "monkey.keyboard"),
    ],
)
def test_files_that_are_merely_about_them_do_not(folder: Path, path: str) -> None:
    assert judge(folder, path) is None


def test_names_count_wherever_the_file_lies(tmp_path: Path) -> None:
    privacy = Privacy()
    assert privacy.exclusion((tmp_path / ".ssh" / "config").as_uri()) is BY_NAME
    assert privacy.exclusion("file:///c%3A/Users/me/.aws/config") is BY_NAME
    assert privacy.exclusion("vscode-remote://host/home/me/.env") is BY_NAME
    assert judge(tmp_path / ".aws", "config") is BY_NAME  # the workspace is the folder itself


def test_what_git_ignores_stays_out_if_so_wanted(folder: Path) -> None:
    assert judge(folder, "build/made.py") is IN_GITIGNORE
    assert judge(folder, "src/x.log") is IN_GITIGNORE
    assert judge(folder, "src/x.py") is None
    assert judge(folder, "build/made.py", respect_gitignore=False) is None


def test_the_users_patterns_keep_out_and_let_in(folder: Path) -> None:
    assert judge(folder, "a/data.sql", exclude="*.sql, !schema.sql") is IN_SETTING
    assert judge(folder, "a/schema.sql", exclude="*.sql, !schema.sql") is None
    assert judge(folder, "data/x.py", exclude="/data/") is IN_SETTING
    assert judge(folder, "src/data/x.py", exclude="/data/") is None
    assert judge(folder, "build/made.py", allow="build/*.py") is None
    assert judge(folder, ".env", allow=".env") is None
    assert judge(folder, ".env", allow=".env", exclude=".env") is IN_SETTING


def test_outside_of_the_workspace_the_users_patterns_hold_on_the_whole_path(tmp_path: Path) -> None:
    privacy = Privacy(Roots(), PrivacySettings(exclude="clients/"))
    assert privacy.exclusion((tmp_path / "clients" / "a.py").as_uri()) is IN_SETTING
    assert privacy.exclusion((tmp_path / "a.py").as_uri()) is None


def test_a_pattern_may_begin_at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    assert judge(folder, "a.py", exclude="~/shop/") is IN_SETTING
    assert judge(folder, "a.py", exclude="~/garden/") is None


def test_documents_that_are_not_saved_are_in() -> None:
    assert Privacy().exclusion("untitled:.env") is None
    assert Privacy().exclusion("untitled:Untitled-1") is None


@pytest.mark.skipif(sys.platform == "win32", reason="making links takes a privilege on Windows")
def test_a_link_is_what_it_leads_to(folder: Path) -> None:
    (folder / ".env").write_text("A=1\n")
    (folder / "harmless.txt").symlink_to(folder / ".env")
    assert judge(folder, "harmless.txt") is BY_NAME


@pytest.mark.parametrize(
    "uri", ["", "file:", "file:///", "file://[", "nonsense", "file:///a%00b", "file:///\udc80"]
)
def test_a_uri_that_is_none_is_judged_all_the_same(uri: str) -> None:
    assert Privacy(Roots(["file:///a"])).exclusion(uri) is None


async def test_a_changed_ignore_file_is_noticed_beside_the_event_loop(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    privacy = Privacy(Roots([folder.as_uri()]))
    changed = asyncio.Event()
    privacy.on_change = changed.set
    uri = (folder / "notes.py").as_uri()
    assert privacy.exclusion(uri) is None
    (folder / ".gitignore").write_text("notes.py\n")
    privacy.recheck()
    await asyncio.sleep(0)
    assert privacy._check is None, "it looked again at once"
    monkeypatch.setattr(privacy_module, "RECHECK_SECONDS", 0.0)
    privacy.recheck()
    await asyncio.wait_for(changed.wait(), 20)
    assert privacy.exclusion(uri) is IN_GITIGNORE


def test_a_second_look_at_a_document_touches_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    privacy = Privacy(Roots([folder.as_uri()]))
    uri = (folder / "build" / "x.py").as_uri()
    privacy.exclusion(uri)
    touched: list[str] = []
    for name in ("stat", "lstat", "readlink"):
        monkeypatch.setattr(os, name, lambda *_, name=name, **__: touched.append(name))
    assert privacy.exclusion(uri) is IN_GITIGNORE
    assert touched == []


async def test_in_a_document_that_stays_out_nothing_is_suggested_and_the_status_says_why(
    start_server: StartServer, model_path: str, folder: Path, stack: str
) -> None:
    options = {"model": model_path, "suggest": {"confidence": 0, "deadline_ms": 0}}
    client = await start_server(options=options, folders=[folder.as_uri()])
    await client.wait_for_ready()
    ignored = client.open((folder / "build" / "made.py").as_uri(), stack)
    assert await client.inline_completion(ignored, len(stack)) == []
    answer = await client.status()
    assert answer["counters"]["excluded"] == 1
    assert answer["state"] == "ready"
    status = answer["status"]
    assert (status["state"], status["kind"]) == ("excluded", "Inactive")
    assert status["message"] == "off for this file: it is in .gitignore"
    assert "privacy.allow" in status["action"]
    assert client.statuses[-1] == status

    kept = client.open((folder / "kept.py").as_uri(), stack)
    assert await client.inline_completion(kept, len(stack))
    assert client.statuses[-1]["state"] in ("ready", "busy", "degraded")

    allow = types.DidChangeConfigurationParams({"byteLsp": {"privacy": {"allow": "build/"}}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, allow)
    assert await client.inline_completion(ignored, len(stack))


async def test_an_editor_that_watches_files_is_asked_to_watch_ignore_files(
    start_server: StartServer, model_path: str, folder: Path, stack: str
) -> None:
    options = {"model": model_path, "suggest": {"confidence": 0, "deadline_ms": 0}}
    client = await start_server(options=options, folders=[folder.as_uri()])
    await client.wait_for_ready()
    document = client.open((folder / "notes.py").as_uri(), stack)
    assert await client.inline_completion(document, len(stack))
    (folder / ".gitignore").write_text("notes.py\n")
    event = types.FileEvent((folder / ".gitignore").as_uri(), types.FileChangeType.Changed)
    client.notify(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, types.DidChangeWatchedFilesParams([event]))
    async with asyncio.timeout(20):
        while client.statuses[-1]["state"] != "excluded":
            await asyncio.sleep(0.02)
    assert await client.inline_completion(document, len(stack)) == []
    registered = {each.method for each in client.registrations}
    assert types.WORKSPACE_DID_CHANGE_WATCHED_FILES in registered
