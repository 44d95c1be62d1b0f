"""What looks like a secret, what does not, and what of it is never suggested."""

import subprocess
import sys
from pathlib import Path

import pytest

from byte_lsp.infill.problem import Candidate, Chunk, InfillProblem, InfillResult
from byte_lsp.server.secret_guard import without_secrets
from byte_lsp.server.secret_text import LONGEST_LINE, ends_in_key, find_secrets
from tests.server.planted import NAMES, Planted, plant


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> list[Planted]:
    return plant(tmp_path_factory.mktemp("planted"), seed=7)


def values(text: str, language: str = "python") -> list[str]:
    return [each.value for each in find_secrets(text, language)]


def result(*texts: str) -> InfillResult:
    return InfillResult(tuple(Candidate(text.encode(), None, "stop", 1) for text in texts), 1.0, 1)


def shown(problem: InfillProblem, *texts: str) -> list[str]:
    return [each.text.decode() for each in without_secrets(problem, result(*texts)).candidates]


@pytest.mark.parametrize("kind", NAMES)
def test_secrets_of_every_format_are_found_in_code(planted: list[Planted], kind: str) -> None:
    for secret in (each for each in planted if each.kind == kind):
        quote = '"' * (3 if "\n" in secret.value else 1)
        found = values(f"{secret.name} = {quote}{secret.value}{quote}")
        assert all(any(line in value for value in found) for line in secret.random.split("\n")), secret


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "password"])
def test_those_with_a_format_are_found_without_quotes_and_names(planted: list[Planted], kind: str) -> None:
    for secret in (each for each in planted if each.kind == kind):
        found = values(f"see {secret.value} here")
        assert all(any(line in value for value in found) for line in secret.random.split("\n")), secret


@pytest.mark.parametrize(
    "line",
    [
        *(
            'password = getpass("Password: ")',
            "password: str = ''",
            'url = f"https://{user}:{password}@{host}"',
        ),
        *(
            'letters = "abcdefghijklmnopqrstuvwxyz"',
            'digits = "0123456789abcdef"',
            "secret = os.environ['X']",
        ),
        *("api_key = None", 'password = "${PASSWORD}"', 'password = "{{ vault }}"', 'password = "********"'),
        *(
            "class PasswordField(forms.CharField):",
            "import secrets",
            'path = "/usr/lib/python3.11/secrets.py"',
        ),
        *(
            "def test_that_a_long_name_with_many_words_is_no_secret_at_all(password):",
            "x = 10**40 + 12345678901",
        ),
        *("see https://example.com/a/path?query=1#fragment", "git@github.com:owner/repository.git"),
    ],
)
def test_what_only_looks_like_one_is_none(line: str) -> None:
    assert values(line) == []


def test_values_without_quotes_count_where_languages_have_none() -> None:
    assert values("admin_password: hunter2x", "yaml") == ["hunter2x"]
    assert values("export ADMIN_PASSWORD=hunter2x", "shellscript") == ["hunter2x"]
    assert values("admin_password: hunter2x", "python") == []
    assert values("password=$1", "shellscript") == []


def test_where_they_stand_is_told(planted: list[Planted]) -> None:
    for secret in planted:
        text = f'first = 1\n{secret.name} = """{secret.value}"""\nlast = 1\n'
        found = find_secrets(text, "python")
        assert all(text[each.start : each.end] == each.value for each in found)


def test_a_secret_far_into_a_long_line_is_found() -> None:
    token = "ghp_" + "aB3dE5gH7j" * 3 + "kL9mN1"
    for pad in range(LONGEST_LINE - 60, LONGEST_LINE + 60, 7):
        line = "x " * (pad // 2) + token + " y" * LONGEST_LINE
        (found,) = {each.start for each in find_secrets(line) if each.value == token}
        assert line[found:].startswith(token)


def test_nothing_is_suggested_inside_a_private_key(planted: list[Planted]) -> None:
    key = next(each.value for each in planted if each.kind == "private_key")
    head, body, *_ = key.split("\n")
    for before in (f"{head}\n", f"{head}\n{body}\n", f'KEY = (\n    "{head}\\n"\n    "{body}\\n"\n    "'):
        assert ends_in_key(before)
        assert shown(InfillProblem(before.encode(), language="python"), "x", "MIIB") == []
    for before in (f"{key}\n", f'MARK = "{head}"\n\ndef read(path):\n    return open(path)\n'):
        assert not ends_in_key(before)
        assert shown(InfillProblem(before.encode(), language="python"), "x = 1") == ["x = 1"]


def test_a_secret_that_begins_before_the_cursor_is_not_completed() -> None:
    problem = InfillProblem(b'password = "hun', language="python")
    assert shown(problem, 'ter2"', "ter2", 'ter2")\nx = 1') == []
    assert shown(problem, '"') == ['"']
    quoted = InfillProblem(b'password = "', suffix=b'"\nx = 1\n', language="python")
    assert shown(quoted, "hunter2", "hunter2\\") == []
    assert shown(InfillProblem(b"password = ", language="python"), 'read("a")', 'input("Password: ")') == [
        'read("a")',
        'input("Password: ")',
    ]


def test_what_stands_before_the_cursor_already_does_not_count_against_what_follows() -> None:
    problem = InfillProblem(b'login("admin", password="hunter2x"', language="python")
    assert shown(problem, ")", ", timeout=3)") == [")", ", timeout=3)"]


@pytest.mark.parametrize("where", ["above", "below", "another file"])
def test_a_part_of_a_secret_that_the_model_was_shown_is_not_repeated(where: str) -> None:
    line = b'admin_password = "Zt7kq9Lw2xVb"\n'
    problem = InfillProblem(
        prefix=(line if where == "above" else b"") + b"login('admin', 'Zt7k",
        suffix=b"\n" + (line if where == "below" else b""),
        chunks=(Chunk(b"settings.py", line),) if where == "another file" else (),
        language="python",
    )
    assert shown(problem, "q9Lw2xVb')", "q9Lw", "x')", "other')") == ["x')", "other')"]


def test_a_value_of_a_yaml_file_is_not_repeated_in_code() -> None:
    chunk = Chunk(b"config.yaml", b"admin_password: Zt7kq9Lw2xVb\n")
    problem = InfillProblem(b"login('admin', '", chunks=(chunk,), language="python")
    assert shown(problem, "Zt7kq9Lw2xVb')", "guest')") == ["guest')"]


def test_short_and_wordy_values_forbid_no_common_words() -> None:
    text = b'PWD_STATE = "yes"\nerrors = {"password": "Please enter your password"}\n'
    problem = InfillProblem(text + b"x = ", language="python")
    assert shown(problem, '"yes, your name"', '"Please"') == ['"yes, your name"', '"Please"']


def test_the_others_of_a_result_stay_as_they_are() -> None:
    given = result("one", "two")
    assert without_secrets(InfillProblem(b"x = "), given) is given


def test_the_detectors_come_without_what_could_speak_to_the_net() -> None:
    program = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and opened.append(event))\n"
        "import byte_lsp.server.app\n"
        "assert not {'detect_secrets', 'pathspec'} & set(sys.modules), 'imported before they are needed'\n"
        "from byte_lsp.server.secret_text import load\n"
        "load()\n"
        "assert not {'requests', 'urllib3'} & set(sys.modules)\n"
        "assert not [event for event in opened if event != 'socket.gethostname'], opened\n"
        "import requests\n"
        "assert requests.get, 'the stand-in stays'\n"
        "assert any(event == 'socket.bind' for event in opened), 'the stand-in is not needed any more'\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_real_requests_is_left_alone() -> None:
    program = (
        "import sys, requests\n"
        "from byte_lsp.server.secret_text import load\n"
        "load()\n"
        "assert sys.modules['requests'] is requests and requests.get\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
