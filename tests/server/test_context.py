"""Which lines of open files are shown to the model, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.workspace import Workspace as PyglsWorkspace

from byte_lsp.server.app import build_server, did_change_workspace_folders
from byte_lsp.server.blocks import BLOCK_LINES, MOST_BYTES, read_blocks
from byte_lsp.server.context import MOVED_LINES, Neighbours, pose_context
from byte_lsp.server.documents import Document, DocumentStore
from byte_lsp.server.paths import Roots
from byte_lsp.settings import ContextSettings

ROOT = "file:///home/me/shop"
USUAL = ContextSettings(prefix_bytes=512, suffix_bytes=128, neighbour_bytes=1000)

CART = """class ShoppingCart:
    def __init__(self, currency):
        self.currency = currency
        self.articles = []

    def add_article(self, article, quantity):
        self.articles.append((article, quantity))

    def total_price(self):
        return sum(article.price * quantity for article, quantity in self.articles)
"""
TEXT_TOOLS = """def slugify(title):
    return "-".join(title.lower().split())


def shorten(sentence, width):
    return sentence[:width]
"""
CHECKOUT = """from shop.cart import ShoppingCart

cart = ShoppingCart(currency="EUR")
cart.add_article(article, quantity=2)
print(cart.total_price)
"""


class Workspace:
    """An editor with files open."""

    def __init__(self, roots: tuple[str, ...] = (ROOT,)) -> None:
        self.store = DocumentStore("utf-16")
        self.neighbours = Neighbours(Roots(roots))

    def open(self, path: str, text: str, language: str = "python") -> Document:
        uri = path if ":" in path else f"{ROOT}/{path}"
        self.store.open(types.TextDocumentItem(uri, language, 1, text))
        document = self.store.get(uri)
        assert document is not None
        self.neighbours.opened(document)
        return document

    def edit(self, document: Document, line: int, text: str, last_line: int | None = None) -> None:
        end = types.Position(line if last_line is None else last_line, 0)
        change = types.TextDocumentContentChangePartial(types.Range(types.Position(line, 0), end), text)
        self.change(document, change)

    def change(self, document: Document, change: types.TextDocumentContentChangeEvent) -> None:
        identifier = types.VersionedTextDocumentIdentifier(document.version + 1, document.uri)
        self.store.change(types.DidChangeTextDocumentParams(identifier, [change]))
        self.neighbours.changed(document.uri, [change])

    def close(self, document: Document) -> None:
        self.store.close(document.uri)
        self.neighbours.closed(document.uri)

    def shown(
        self, document: Document, cursor: int | None = None, settings: ContextSettings = USUAL
    ) -> list[tuple[str, str]]:
        cursor = len(document.text) if cursor is None else cursor
        chunks = pose_context(document, cursor, cursor, settings, self.neighbours).chunks
        return [(chunk.path.decode(), chunk.text.decode()) for chunk in chunks]

    def paths(self, document: Document, cursor: int | None = None) -> list[str]:
        return [path for path, _ in self.shown(document, cursor)]


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


def unrelated(seed: int, lines: int) -> str:
    return "".join(f"zebra_{seed}_{line} = giraffe_{seed}_{line}\n" for line in range(lines))


def test_the_file_whose_words_are_used_here_is_shown_whole_lines_at_a_time(workspace: Workspace) -> None:
    workspace.open("shop/text.py", TEXT_TOOLS)
    workspace.open("shop/cart.py", CART)
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.shown(here) == [("shop/cart.py", CART)]


def test_the_most_alike_comes_first(workspace: Workspace) -> None:
    workspace.open("some.py", unrelated(1, 6) + "ShoppingCart\nadd_article\ntotal_price\n")
    workspace.open("all.py", CART)
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.paths(here) == ["all.py", "some.py"]


def test_the_same_language_and_folder_come_first(workspace: Workspace) -> None:
    workspace.open("lib/near.py", CART + "# near\n")
    workspace.open("docs/far.md", CART + "# far\n", "markdown")
    here = workspace.open("lib/main.py", CHECKOUT)
    assert workspace.paths(here) == ["lib/near.py", "docs/far.md"]


def test_lines_edited_lately_come_first(workspace: Workspace) -> None:
    first = workspace.open("first.py", CART + "# one\n")
    second = workspace.open("second.py", CART + "# two\n")
    here = workspace.open("main.py", CHECKOUT)
    for document, other in [(first, second), (second, first)]:
        for _ in range(2):
            workspace.edit(other, 0, "\n")
            workspace.edit(document, 0, "\n")
        workspace.neighbours._known[here.uri].choice = None  # as if nothing had been chosen before
        assert workspace.paths(here)[0] == document.uri.removeprefix(f"{ROOT}/")


def test_an_edited_place_moves_with_its_lines(workspace: Workspace) -> None:
    far = BLOCK_LINES * 6
    other = workspace.open("other.py", unrelated(1, far) + unrelated(2, 40))
    workspace.edit(other, far + 2, "def changed():\n    pass\n")
    places = workspace.neighbours._known[other.uri].places
    assert [place.line for place in places] == [far + 2]
    workspace.edit(other, 0, "one\ntwo\nthree\n")
    assert [place.line for place in places[:0] + workspace.neighbours._known[other.uri].places] == [
        0,
        far + 5,
    ]
    workspace.edit(other, 10, "", 14)
    assert [place.line for place in workspace.neighbours._known[other.uri].places][-1] == far + 1


def test_the_window_around_the_cursor_is_never_shown_twice(workspace: Workspace) -> None:
    text = CHECKOUT + unrelated(1, 300) + CHECKOUT
    here = workspace.open("main.py", text)
    for cursor in range(0, len(text), 97):
        posed = pose_context(here, cursor, cursor, USUAL, workspace.neighbours)
        for chunk in posed.chunks:
            at = here.text.find(chunk.text)
            assert at + len(chunk.text) <= cursor - len(posed.prefix) or at >= cursor + len(posed.suffix)


def test_far_lines_of_the_same_file_are_shown(workspace: Workspace) -> None:
    here = workspace.open("main.py", CART + unrelated(1, 200) + CHECKOUT)
    assert workspace.shown(here) == [("main.py", CART)] or workspace.shown(here)[0][1].startswith(CART[:200])


def test_chunks_are_whole_lines_within_their_bytes_and_do_not_overlap(workspace: Workspace) -> None:
    words = CHECKOUT.split()
    alike = "".join(f"{words[n % len(words)]} {n}\n" for n in range(100))
    other = workspace.open("other.py", unrelated(1, 240) + alike + unrelated(2, 240))
    here = workspace.open("main.py", CHECKOUT)
    for limit in (0, 50, 400, 1000, 3000):
        settings = ContextSettings(neighbour_bytes=limit)
        shown = workspace.shown(here, settings=settings)
        assert sum(len(text) for _, text in shown) <= limit
        lines = [line for _, text in shown for line in text.splitlines(keepends=True)]
        assert len(lines) == len(set(lines))
        assert set(lines) <= set(other.text.decode().splitlines(keepends=True))
        assert bool(shown) == (limit >= 400)


def test_lines_that_follow_each_other_are_one_chunk(workspace: Workspace) -> None:
    workspace.open("other.py", CART + CART.replace("self", "this"))
    here = workspace.open("main.py", CHECKOUT)
    assert [path for path, _ in workspace.shown(here)] == ["other.py"]


def test_no_line_is_shown_without_a_reason(workspace: Workspace) -> None:
    for seed in range(4):
        workspace.open(f"{seed}.py", unrelated(seed, 60))
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.shown(here) == []


def test_neighbours_can_be_turned_off(workspace: Workspace) -> None:
    workspace.open("cart.py", CART)
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.shown(here, settings=ContextSettings(neighbours=False)) == []


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.local",
        "prod.env",
        "server.pem",
        "deep/Server.KEY",
        "id_rsa",
        "id_ed25519.bak",
        ".netrc",
        ".npmrc",
        "credentials.json",
        "secrets.yaml",
        "app-secrets.yaml",
        "terraform.tfvars",
        "deploy_rsa",
        "backup_ed25519",
        "mail.asc",
        "office.ovpn",
        "my-service-account-1.json",
        "passwords.txt",
        ".vault-token",
        ".s3cfg",
        ".git/config",
        ".aws/config",
        "home/.ssh/config",
        "output:extension-output",
        "git:/home/me/shop/cart.py?ref=HEAD",
    ],
)
def test_secrets_and_documents_that_are_no_files_are_not_shown(workspace: Workspace, path: str) -> None:
    workspace.open(path, CART)
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.shown(here) == []


@pytest.mark.parametrize(
    "path", ["environment.py", "keys.py", "secretary.py", "untitled:Untitled-1", "pem.md"]
)
def test_what_only_looks_like_a_secret_is_shown(workspace: Workspace, path: str) -> None:
    workspace.open(path, CART)
    here = workspace.open("main.py", CHECKOUT)
    assert len(workspace.shown(here)) == 1


def test_nothing_of_a_closed_document_is_shown(workspace: Workspace) -> None:
    cart = workspace.open("cart.py", CART)
    here = workspace.open("main.py", CHECKOUT)
    workspace.edit(cart, 0, "# edited\n")
    assert workspace.paths(here) == ["cart.py"]
    workspace.close(cart)
    assert workspace.shown(here) == []


def test_a_choice_stays_while_somebody_types(workspace: Workspace) -> None:
    for seed in range(5):
        workspace.open(f"{seed}.py", CART.replace("article", f"article_{seed}"))
    here = workspace.open("main.py", unrelated(9, 30) + CHECKOUT)
    line = here.line_at(len(here.text))
    before = workspace.shown(here)
    assert before
    for typed in "article_3.price, article_3, article_2 = article_1":
        workspace.change(
            here,
            types.TextDocumentContentChangePartial(
                types.Range(here.position(len(here.text)), here.position(len(here.text))), typed
            ),
        )
        assert workspace.shown(here) == before
    assert here.line_at(len(here.text)) == line


def test_a_choice_is_made_anew_where_its_reasons_are_gone(workspace: Workspace) -> None:
    cart = workspace.open("cart.py", CART)
    filler = "".join(f"line_{n} = {n}\n" for n in range(MOVED_LINES * 12))
    here = workspace.open("main.py", CHECKOUT + filler)
    assert workspace.paths(here, len(CHECKOUT)) == ["cart.py"]
    assert workspace.paths(here) == [], "the cursor is far from where it was"
    assert workspace.paths(here, len(CHECKOUT)) == ["cart.py"]
    workspace.edit(cart, 1, "    limit = 10\n")
    assert "limit = 10" in workspace.shown(here, len(CHECKOUT))[0][1], "the other document changed"
    assert workspace.shown(here, len(CHECKOUT), ContextSettings(neighbour_bytes=10)) == [], "settings changed"


def test_a_whole_new_text_is_read_anew(workspace: Workspace) -> None:
    cart = workspace.open("cart.py", CART)
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.paths(here) == ["cart.py"]
    workspace.change(cart, types.TextDocumentContentChangeWholeDocument(TEXT_TOOLS))
    assert workspace.shown(here) == []


def test_many_documents_are_read_a_few_at_a_time_until_all_are_known(workspace: Workspace) -> None:
    workspace.open("cart.py", CART)
    for seed in range(8):
        workspace.open(f"{seed}.py", unrelated(seed, MOST_BYTES // 30))
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.shown(here) == []
    for _ in range(10):
        shown = workspace.paths(here)
    assert shown == ["cart.py"]


def test_a_long_document_is_read_around_its_last_edit(workspace: Workspace) -> None:
    lines = [f"number_{n} = {n}\n" for n in range(20_000)]
    other = workspace.open("other.py", "".join(lines[:10_000]) + CART + "".join(lines[10_000:]))
    here = workspace.open("main.py", CHECKOUT)
    assert workspace.shown(here) == []
    workspace.edit(other, 10_003, "\n")
    assert any("ShoppingCart" in text for _, text in workspace.shown(here))


@given(st.text(st.sampled_from("ab_c \n\r😀"), max_size=600))
def test_blocks_are_the_lines_of_a_document(text: str) -> None:
    document = Document(types.TextDocumentItem("file:///a", "x", 1, text), "utf-16")
    blocks = read_blocks(document)
    for number, block in enumerate(blocks.blocks):
        assert bytes(document.text[document.line_starts[block.line] :]).startswith(block.text)
        assert block.line % BLOCK_LINES == 0
        assert blocks.number_at(block.line) == blocks.number_at(block.end_line - 1) == number
    for word, numbers in blocks.places.items():
        assert all(word in blocks.blocks[number].text for number in numbers)


def test_what_a_problem_is_told(workspace: Workspace) -> None:
    here = workspace.open("pkg/main.py", "a\r\n" + "x" * 40 + "\r\nb\r\nc" + "\r\nd" * 90)
    settings = ContextSettings(tokens=99, prefix_bytes=64, suffix_bytes=64, deadline_ms=250)
    posed = pose_context(here, 10, 12, settings, workspace.neighbours)
    assert (posed.path, posed.repo) == (b"pkg/main.py", b"shop")
    assert (posed.prompt_tokens, posed.deadline_ms) == (99, 250.0)
    assert posed.prefix == b"a\nxxxxxxx"
    assert posed.suffix.startswith(b"x" * 31 + b"\nb\nc\nd")
    assert posed.suffix_goes_on
    assert not pose_context(here, 10, len(here.text), settings, workspace.neighbours).suffix_goes_on


@pytest.mark.parametrize(
    ("roots", "uri", "named"),
    [
        ((ROOT,), f"{ROOT}/a/b%20c.py", (b"shop", b"a/b c.py")),
        ((ROOT, f"{ROOT}/a/"), f"{ROOT}/a/b.py", (b"a", b"b.py")),
        ((ROOT,), f"{ROOT}ping/b.py", (b"", b"b.py")),
        ((), f"{ROOT}/a/b.py", (b"", b"b.py")),
        ((ROOT,), "untitled:Untitled-1", (b"", b"Untitled-1")),
        (("file:///c%3A/me/Shop",), "file:///C:/me/Shop/a.py", (b"Shop", b"a.py")),
    ],
)
def test_files_are_named_as_in_the_workspace(
    roots: tuple[str, ...], uri: str, named: tuple[bytes, bytes]
) -> None:
    assert Roots(roots).name(uri) == named


def test_a_folder_that_is_added_later_names_its_files() -> None:
    server = build_server()
    added = types.WorkspaceFolder("file:///home/me/shop", "shop")
    server.protocol._workspace = PyglsWorkspace(None, workspace_folders=[added])
    event = types.WorkspaceFoldersChangeEvent(added=[added], removed=[])
    did_change_workspace_folders(server, types.DidChangeWorkspaceFoldersParams(event))
    assert server.neighbours.roots.name("file:///home/me/shop/src/a.py") == (b"shop", b"src/a.py")
