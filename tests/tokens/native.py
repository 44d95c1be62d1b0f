"""llama.cpp's own tokenizer, loaded without weights: the reference for token ids."""

import ctypes
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as native


@native.llama_log_callback
def _drop_log(_level: int, _text: bytes, _data: object) -> None:
    """Tests judge by results."""


class NativeTokenizer:
    """The vocabulary of a GGUF file as llama.cpp has it."""

    def __init__(self, path: Path) -> None:
        native.llama_backend_init()
        native.llama_log_set(_drop_log, ctypes.c_void_p(0))
        params = native.llama_model_default_params()
        params.vocab_only = True
        self._model: Any = native.llama_model_load_from_file(str(path).encode(), params)
        assert self._model, f"llama.cpp does not load {path}"
        self._vocabulary = native.llama_model_get_vocab(self._model)

    def encode(self, text: bytes) -> list[int]:
        """Token ids without start token, end token or control tokens found in the text."""
        room = 2 * len(text) + 16
        tokens = (native.llama_token * room)()
        count = native.llama_tokenize(self._vocabulary, text, len(text), tokens, room, False, False)
        assert count >= 0
        return list(tokens[:count])

    def close(self) -> None:
        """Free the vocabulary."""
        native.llama_model_free(self._model)
