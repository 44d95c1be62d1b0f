"""Raw llama.cpp beside the server: as many tokens, from the same cache, on the same machine, at the same
time.

Now and then, when the model was asked, the server is left alone until it has nothing to do. Then the greedy
loop that every llama.cpp program has runs in this process, on a model of its own: its cache holds the same
prompt as the server's did, up to where the text of the last request and what was suggested there still agree
with the text now. It reads the rest of the prompt and takes as many tokens as the server's model did, by the
server's counters. The server's time is the client's, from the request to its answer, over LSP.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, takewhile

from lsprotocol import types

from byte_lsp.client import ClientDocument
from byte_lsp.engines.llama_cpp import raw_decode
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.typing_replay import Asked
from byte_lsp.infill.prompts import Prompter
from byte_lsp.server.context import Neighbours
from byte_lsp.server.documents import Document
from byte_lsp.server.paths import Roots
from byte_lsp.server.suggestions import Slot, pose
from byte_lsp.settings import Settings


@dataclass(frozen=True, slots=True)
class RawPair:
    """One request, answered by the server and by raw llama.cpp, in milliseconds.

    ``tokens`` were taken. ``prompt_tokens`` were new to raw llama.cpp, ``server_prompt_tokens`` to the
    server.
    """

    file: str
    server_ms: float
    raw_ms: float
    tokens: int
    prompt_tokens: int
    server_prompt_tokens: int

    @property
    def ratio(self) -> float:
        return self.server_ms / self.raw_ms


class RawPeer:
    """Answers what the server was asked, with ``model`` and the prompts that ``settings`` make."""

    def __init__(self, model: LocalModel, settings: Settings) -> None:
        self._model = model
        self._settings = settings
        self._prompter = Prompter(model.engine, model.tokenizer, model.framing, model.form)
        self._cached: tuple[int, ...] = ()

    def forget(self) -> None:
        """Another file: the server's cache has nothing of it."""
        self._cached = ()

    def follow(self, document: ClientDocument, cursor: int, suggested: str) -> None:
        """The server's model was asked here, and its cache holds the prompt and what it wrote."""
        self._cached = self._path(document, cursor, suggested)

    def measure(self, file: str, asked: Asked, document: ClientDocument, cursor: int) -> RawPair | None:
        """Answer the same request; None for one that the model did not answer, or not alone."""
        counts = asked.counts
        if asked.waited_ms is None or counts.asked != 1 or counts.ahead or counts.tokens_drawn < 1:
            return None
        path = self._path(document, cursor)
        agree = takewhile(lambda pair: pair[0] == pair[1], zip(path[:-1], self._cached, strict=False))
        kept = sum(1 for _ in agree)
        with closing(raw_decode(self._model.engine.inner, path[:kept], path[kept:])) as tokens:
            started = time.perf_counter()
            taken = sum(1 for _ in islice(tokens, counts.tokens_drawn))
            raw_ms = (time.perf_counter() - started) * 1e3
        prompt = counts.prompt_tokens_evaluated
        return RawPair(file, asked.waited_ms, raw_ms, taken, len(path) - kept, prompt)

    def _path(self, document: ClientDocument, cursor: int, suggested: str = "") -> tuple[int, ...]:
        """The prompt's tokens, and those of what is suggested, as plain tokenization has them."""
        item = types.TextDocumentItem(document.uri, document.language, 0, document.text)
        at = len(document.text[:cursor].encode())
        nobody = Neighbours(Roots([]))
        problem = pose(Document(item, "utf-8"), Slot(at, at), self._settings, nobody, invoked=False)
        posed = self._prompter.choose(problem, problem.prompt_tokens)
        return (*posed.framing.head, *self._model.tokenizer.encode(posed.prefix + suggested.encode()))
