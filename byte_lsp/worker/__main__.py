"""``python -m byte_lsp.worker``: the process that owns a model. Started by ``byte_lsp.worker.handle``."""

from byte_lsp.worker.process import main

if __name__ == "__main__":
    main()
