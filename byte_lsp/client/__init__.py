"""A small LSP client: demo, bench and tests drive the real server with it."""

from byte_lsp.client.client import Client
from byte_lsp.client.connection import Pending, ServerError
from byte_lsp.client.document import ClientDocument

__all__ = ["Client", "ClientDocument", "Pending", "ServerError"]
