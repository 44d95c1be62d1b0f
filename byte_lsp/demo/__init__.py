"""The demo: a small project, places to stop typing in it, an editor's session with the real server."""
