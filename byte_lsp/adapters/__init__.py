"""LoRA adapters in GGUF files: reading them, and merging one into a model file.

A process of its own does this (``python -m byte_lsp.adapters``): the server loads no numpy.
"""
