"""What can go wrong with a release."""


class ReleaseError(Exception):
    """The message says what is wrong and what to do."""


class Missing(ReleaseError):
    """A program that this machine does not have. Its step is skipped, unless everything was asked for."""
