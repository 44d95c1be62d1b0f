"""A language server that completes nothing: what eglot runs in a buffer beside byte-lsp."""

from pygls.lsp.server import LanguageServer

if __name__ == "__main__":
    LanguageServer("other", "1").start_io()
