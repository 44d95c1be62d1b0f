"""A repository with 200 planted secrets of ten formats, half of them in files that stay out."""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

EACH = 20
PART = 8
"""So many characters in a row of a secret's random part are a leak."""

ALPHANUMERIC = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret: ``value`` stands in the file at ``path``, ``random`` is what nobody can guess of it."""

    kind: str
    name: str
    value: str
    random: str
    path: Path
    is_excluded: bool

    @property
    def parts(self) -> Iterator[str]:
        """Every run of ``PART`` characters of the random part, line by line."""
        for line in self.random.split("\n"):
            yield from (line[at : at + PART] for at in range(len(line) - PART + 1))

    def is_in(self, text: str) -> bool:
        """Whether a part of the secret is in a text."""
        return any(part in text for part in self.parts)


class Minter:
    """Makes secrets of each format: the value, and its random part."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def draw(self, length: int, alphabet: str = ALPHANUMERIC) -> str:
        return "".join(self._random.choices(alphabet, k=length))

    def aws(self) -> tuple[str, str]:
        drawn = self.draw(16, string.ascii_uppercase + string.digits)
        return "AKIA" + drawn, drawn

    def github(self) -> tuple[str, str]:
        drawn = self.draw(36)
        return "ghp_" + drawn, drawn

    def slack(self) -> tuple[str, str]:
        drawn = self.draw(24)
        return f"xoxb-{self.draw(12, string.digits)}-{self.draw(12, string.digits)}-{drawn}", drawn

    def private_key(self) -> tuple[str, str]:
        encoded = base64.b64encode(self._random.randbytes(144)).decode()
        lines = "\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64))
        edge = "RSA PRIVATE KEY-----"
        return f"-----BEGIN {edge}\n{lines}\n-----END {edge}", lines

    def jwt(self) -> tuple[str, str]:
        signature = self.draw(43)
        head, claims = (
            base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
            for each in ({"alg": "HS256", "typ": "JWT"}, {"sub": self.draw(10)})
        )
        return f"{head}.{claims}.{signature}", signature

    def basic_auth(self) -> tuple[str, str]:
        drawn = self.draw(16)
        return f"https://{self.draw(6, string.ascii_lowercase)}:{drawn}@db.example.com/main", drawn

    def stripe(self) -> tuple[str, str]:
        drawn = self.draw(24)
        return "sk_live_" + drawn, drawn

    def npm(self) -> tuple[str, str]:
        drawn = self.draw(36)
        return "npm_" + drawn, drawn

    def password(self) -> tuple[str, str]:
        drawn = self.draw(14)
        return drawn, drawn

    def google(self) -> tuple[str, str]:
        drawn = self.draw(35)
        return "AIza" + drawn, drawn


NAMES = {
    "aws": "aws_access_key_id",
    "github": "github_token",
    "slack": "slack_bot_token",
    "private_key": "signing_key",
    "jwt": "session_token",
    "basic_auth": "database_url",
    "stripe": "stripe_api_key",
    "npm": "npm_auth_token",
    "password": "admin_password",
    "google": "maps_api_key",
}
GITIGNORE = "/local/\n*.dump\n"
SOURCE = '''"""Client number {number} of the shop."""

import requests

{lines}

class Client:
    def __init__(self, session):
        self.session = session

    def fetch_orders(self, customer):
        return self.session.get(f"/orders/{{customer}}").json()
'''


def plant(folder: Path, seed: int = 6) -> list[Planted]:
    """Write the repository and return its secrets: of each format ten in files that stay out, ten in code."""
    minter = Minter(seed)
    makers: dict[str, Callable[[], tuple[str, str]]] = {kind: getattr(minter, kind) for kind in NAMES}
    (folder / ".git").mkdir(parents=True)
    (folder / ".gitignore").write_text(GITIGNORE)
    planted: list[Planted] = []
    for number in range(EACH):
        is_excluded = number % 2 == 0
        made = {kind: make() for kind, make in makers.items()}
        for kind, path in _places(folder, number, is_excluded).items():
            value, unguessable = made[kind]
            planted.append(Planted(kind, NAMES[kind], value, unguessable, path, is_excluded))
    for path in {each.path for each in planted}:
        _write(path, [each for each in planted if each.path == path])
    return planted


def _places(folder: Path, number: int, is_excluded: bool) -> dict[str, Path]:
    """The file for each format."""
    if not is_excluded:
        return dict.fromkeys(NAMES, folder / "shop" / f"client_{number}.py")
    top = folder / f"service_{number}"
    places = dict.fromkeys(NAMES, top / ".env")
    places |= {"private_key": top / "server.pem", "npm": top / ".npmrc", "aws": top / ".aws" / "credentials"}
    return places | {"password": folder / "local" / f"config_{number}.py", "jwt": top / "secrets.yaml"}


def _write(path: Path, secrets: list[Planted]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(path, secrets))


def _text(path: Path, secrets: list[Planted]) -> str:
    if path.suffix == ".py":
        quoted = (
            f'{each.name} = """{each.value}"""' if "\n" in each.value else _line(each) for each in secrets
        )
        return SOURCE.format(number=path.stem, lines="\n".join(quoted))
    if path.suffix == ".pem":
        return secrets[0].value + "\n"
    if path.name == ".npmrc":
        return f"//registry.example.com/:_authToken={secrets[0].value}\n"
    if path.name == "secrets.yaml":
        return f"{secrets[0].name}: {secrets[0].value}\n"
    return "".join(f"{each.name.upper()}={each.value}\n" for each in secrets)


def _line(secret: Planted) -> str:
    return f'{secret.name} = "{secret.value}"'
