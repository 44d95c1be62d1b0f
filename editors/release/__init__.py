"""How a release of byte-lsp is made: the wheel, the source archive and what each editor installs.

    python -m editors.release version                       the version, and every place that names it
    python -m editors.release set-version 0.2.0             write it everywhere
    python -m editors.release build --out DIST              make everything, with SHA256SUMS
    python -m editors.release check DIST                    install each into an empty environment
    python -m editors.release make --out DIST               both

Run it from the repository, with what ``pip install ".[release]"`` brings. A step that needs a program that is
missing (npm, Neovim, Emacs, code-server, pipx, uv) is skipped with a message; with ``--all`` it fails.
"""
