"""200 planted secrets, the real server, the real model: none leaves a file that stays out, none is shown.

What the worker is sent and says is written down by ``recording_server``, so that the tests also see that the
model would have repeated secrets, and that files that stay out would have become context.
"""

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from byte_lsp.client import Client, ClientDocument, ServerError
from tests.server.planted import EACH, NAMES, PART, Planted, plant

SERVER = (sys.executable, "-P", str(Path(__file__).with_name("recording_server.py")))
QUICK = {
    "alternatives": 1,
    "max_bytes": 32,
    "confidence": 0,
    "ahead": False,
    "memory": False,
    "debounce_ms": 0,
}
WHOLE = {"deadline_ms": 0, "prefix_bytes": 8192, "tokens": 4000}
"""The model shall see all that stands above, also where that takes its time."""

LANGUAGES = {".py": "python", ".yaml": "yaml", ".pem": "plaintext", "": "properties"}
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(900)


class Session:
    """One server over the planted repository, all of its files open, and all that it said."""

    def __init__(self, client: Client, folder: Path, planted: list[Planted]) -> None:
        self.client = client
        self.planted = planted
        self.documents: dict[Path, ClientDocument] = {}
        self.shown: list[str] = []
        self._records = folder

    def open(self, path: Path) -> ClientDocument:
        language = LANGUAGES.get(path.suffix, "properties")
        document = self.documents[path] = self.client.open(path.as_uri(), path.read_text(), language)
        return document

    async def ask_behind(self, path: Path, text: str) -> list[str]:
        """What is suggested where ``text`` was typed at the end of a document; then it is removed again."""
        document = self.documents[path]
        end = len(document.text)
        self.client.replace(document, end, end, text)
        items = await self.client.inline_completion(document, len(document.text))
        texts = [str(item.insert_text) for item in items]
        self.shown += [text + each for each in texts]
        self.client.replace(document, end, len(document.text), "")
        return texts

    @property
    def sent(self) -> str:
        """Everything that the worker was sent."""
        return self._record("sent")

    @property
    def said(self) -> list[str]:
        """The texts of all candidates that came from the worker."""
        return self._record("said").split("\0")[:-1]

    @property
    def log(self) -> str:
        return "\n".join(self.client.log)

    def _record(self, name: str) -> str:
        path = self._records / name
        return path.read_bytes().decode(errors="replace") if path.exists() else ""


@asynccontextmanager
async def serving(
    tmp_path: Path, model_path: str, inject: Path | None = None, **settings: object
) -> AsyncIterator[Session]:
    repository = tmp_path / "repository"
    planted = plant(repository)
    env = {
        "RECORD_SENT": str(tmp_path / "sent"),
        "RECORD_SAID": str(tmp_path / "said"),
        "PYTHONPATH": str(ROOT),
    }
    env |= {"INJECT": str(inject)} if inject else {}
    client = await Client.start(SERVER, env=env)
    client.log = deque()
    options = {"model": model_path, "suggest": QUICK, "context": WHOLE, "log": {"level": "debug"}, **settings}
    await client.initialize(options=options, folders=[repository.as_uri()])
    await client.wait_for_ready()
    session = Session(client, tmp_path, planted)
    for path in sorted({each.path for each in planted}):
        session.open(path)
    try:
        yield session
    finally:
        await client.stop()


def leaked(secrets: list[Planted], text: str) -> list[Planted]:
    return [each for each in secrets if each.is_in(text)]


def kept_out(session: Session) -> list[Planted]:
    return [each for each in session.planted if each.is_excluded]


def in_code(session: Session) -> list[Planted]:
    return [each for each in session.planted if not each.is_excluded]


def test_the_repository_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    planted = plant(tmp_path)
    assert len(planted) == EACH * len(NAMES) == 200
    assert len({each.random for each in planted}) == 200
    assert sum(each.is_excluded for each in planted) == 100
    assert all(each.is_in(each.path.read_text()) for each in planted)
    assert all(len(line) >= PART for each in planted for line in each.random.split("\n"))


async def test_no_secret_of_200_is_suggested_or_logged_or_leaves_a_file_that_stays_out(
    tmp_path: Path, model_path: str
) -> None:
    async with serving(tmp_path, model_path) as session:
        for secret in kept_out(session):
            assert await session.ask_behind(secret.path, secret.value[:4]) == []
        assert session.sent.count("InfillProblem") == 0
        for number, secret in enumerate(in_code(session)):
            begun = secret.value[: secret.value.index(secret.random[:4]) + 4]
            await session.ask_behind(secret.path, f'\n\n{secret.name} = "{begun}')
            if number % 5 == 0:
                await session.ask_behind(secret.path, '\n\npassword = "')
        counters = (await session.client.status())["counters"]
        assert counters["excluded"] == len(kept_out(session))
        assert counters["secrets_dropped"] >= 70

        assert leaked(session.planted, "\0".join(session.shown)) == []
        assert leaked(kept_out(session), session.sent) == []
        assert leaked(session.planted, session.log) == []
    assert leaked(session.planted, session.log) == []

    # So that nothing above is true for want of anything to leak:
    assert leaked(in_code(session), session.sent) == in_code(session)
    assert len(leaked(in_code(session), "\0".join(session.said))) >= 70
    assert any("DEBUG" in line or "INFO" in line for line in session.client.log)


async def test_files_that_stay_out_would_be_context_if_they_were_let_in(
    tmp_path: Path, model_path: str
) -> None:
    privacy = {"allow": "*", "respect_gitignore": False}
    async with serving(
        tmp_path, model_path, privacy=privacy, context={**WHOLE, "neighbour_bytes": 4096}
    ) as session:
        source = in_code(session)[0].path
        await session.ask_behind(source, "\nGITHUB_TOKEN, STRIPE_API_KEY, MAPS_API_KEY = os.env")
        assert leaked(kept_out(session), session.sent)
        other = kept_out(session)[0].path
        await session.ask_behind(other, "\n# the end of this")
        assert session.said


async def test_no_secret_is_logged_when_things_go_wrong(tmp_path: Path, model_path: str) -> None:
    inject = tmp_path / "message.txt"
    plant(tmp_path / "first")
    secrets = [each for each in plant(tmp_path / "second") if not each.is_excluded]
    inject.write_text("\n".join(f"{each.name} = {each.value}" for each in secrets))
    async with serving(tmp_path, model_path, inject=inject) as session:
        path = in_code(session)[0].path
        with pytest.raises(ServerError):
            await session.ask_behind(path, f'\nAGAIN = "{secrets[0].value}')
        await send_what_cannot_be_read(session.client, session.documents[path], secrets[0].value)
        pid = (await session.client.status())["worker_pid"]
        psutil.Process(pid).kill()
        await session.client.wait_for_ready()
        await session.client.status()
    assert leaked(session.planted, session.log) == []
    assert "Exception in callback" in session.log
    for witness in (
        "nobody caught an exception in the thread faulty",
        "KeyError",
        "RuntimeError",
        "as we would",
    ):
        assert witness in session.log
    for witness in ("a log record from recording_server.py", "an exception could not be raised", "[secret]"):
        assert witness in session.log


async def send_what_cannot_be_read(client: Client, document: ClientDocument, secret: str) -> None:
    """Edits of the wrong shape that quote a secret."""
    wrong: list[Callable[[], object]] = [
        lambda: client.notify(types.TEXT_DOCUMENT_DID_CHANGE, {"contentChanges": secret}),
        lambda: client.notify(types.TEXT_DOCUMENT_DID_OPEN, {"textDocument": {"text": [secret]}}),
        lambda: client.notify(secret, {"text": secret}),
    ]
    for send in wrong:
        send()
    pending = client.connection.send(types.TEXT_DOCUMENT_INLINE_COMPLETION, {"position": secret})
    with pytest.raises(ServerError):
        await pending.answer


async def test_with_text_allowed_the_log_has_text_and_still_no_secret(
    tmp_path: Path, model_path: str
) -> None:
    inject = tmp_path / "message.txt"
    secret = next(each for each in plant(tmp_path / "first") if each.kind == "github")
    inject.write_text(f"the text of a document with {secret.value}")
    log = {"level": "debug", "text": True}
    async with serving(tmp_path, model_path, inject=inject, log=log) as session:
        with pytest.raises(ServerError):
            await session.ask_behind(in_code(session)[0].path, "\n")
    assert "the text of a document with [secret]" in session.log
    assert not secret.is_in(session.log)
    assert os.linesep not in secret.value
