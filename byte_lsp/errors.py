"""Every error that a user of byte-lsp is meant to read."""


class ByteLspError(Exception):
    """Base class: the message is one sentence on what is wrong, then what to do about it."""


class CatalogError(ByteLspError):
    """A model name, a catalogue entry or its source cannot be used."""


class ModelFileError(ByteLspError):
    """A model file is missing, truncated, altered, or not a GGUF file."""


class TokenizerError(ByteLspError):
    """The model's tokenizer is of a kind that byte-lsp cannot be exact for."""


class EngineError(ByteLspError):
    """The model cannot be loaded or evaluated (native failure, memory, settings)."""


class ContextFull(EngineError):
    """A text is longer than the model's context."""


class WorkerDied(EngineError):
    """The process that owns the model ended before it answered."""


class Cancelled(ByteLspError):
    """The caller gave the request up."""


class TransportError(ByteLspError):
    """The server cannot be reached or started in the way that was asked for."""


class SettingsError(ByteLspError):
    """A setting cannot be used."""


class PlaceError(ByteLspError):
    """A file cannot be read, or has no such line or column."""


class DemoError(ByteLspError):
    """The demo could not show what it is there to show."""


class EvaluationError(ByteLspError):
    """A benchmark cannot be run with what it was given."""


class TrainingError(ByteLspError):
    """A data set cannot be built or read, or a training run cannot go on."""


class DataSetError(ByteLspError):
    """The training set cannot be built from its manifest."""
