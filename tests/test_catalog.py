"""The catalogue: what ships, what users add, and the faults that are named by file and key."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import byte_lsp.catalog
from byte_lsp.catalog import (
    AdaptedSource,
    Adapter,
    HubSource,
    Infill,
    MergedSource,
    PathSource,
    PyPiSource,
    load_catalog,
    resolve,
)
from byte_lsp.errors import CatalogError
from byte_lsp.settings import Settings

ENTRY = """
[[model]]
name = "mine"
title = "My model"
licence = "MIT"
infill = "none"
context_tokens = 2048
start_token = ""
end_tokens = ["</s>"]
"""
FILLS = """
[infill.x]
layout = "psm"
prefix = "<P>"
suffix = "<S>"
middle = "<M>"
"""
PATH = """
[model.source]
kind = "path"
path = "mine.gguf"
"""
HUB = """
[model.source]
kind = "hub"
repo = "me/mine"
revision = "main"
file = "mine.gguf"
"""
PYPI = """
[model.source]
kind = "pypi"
package = "mine"
version = "1"
file = "mine/mine.gguf"
"""
BASE = ENTRY.replace('"mine"', '"ground"') + f'sha256 = "{"a" * 64}"' + PATH.replace("mine", "ground")
ADAPTER = f"""
[model.adapter]
file = "fim/mine.gguf"
size_bytes = 7
sha256 = "{"b" * 64}"
"""
MERGED = """
[model.source]
kind = "merged"
base = "ground"
type = "q8_0"
"""
ADAPTED = MERGED.replace("merged", "adapted").replace('type = "q8_0"', "")


def write(folder: Path, content: str) -> Path:
    path = folder / "models.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_embedded_default_is_made_of_a_pinned_file_of_pypi(tmp_path: Path) -> None:
    catalog = load_catalog(tmp_path / "none.toml")
    model = catalog.get(catalog.default)
    assert model.name == Settings().model == "smollm2-135m-fim"
    assert isinstance(model.source, MergedSource)
    assert model.layout == "spm"
    assert model.source.adapter.size_bytes <= 16_000_000
    base = model.source.base
    assert isinstance(base.source, PyPiSource)
    assert base.size_bytes == 98_362_432
    assert base.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert base.start_token == "<|endoftext|>"
    assert base.file_name == "SmolLM2-135M-Instruct.Q4_1.gguf"


def test_every_family_of_the_issue_is_listed(tmp_path: Path) -> None:
    assert list(load_catalog(tmp_path / "none.toml").models) == [
        "smollm2-135m",
        "smollm2-135m-fim",
        "gemma3-270m",
        "qwen2.5-coder-0.5b",
        "qwen2.5-coder-1.5b",
        "qwen2.5-coder-3b",
        "qwen2.5-coder-7b",
        "starcoder2-3b",
        "codellama-7b",
        "deepseek-coder-1.3b",
        "granite-code-3b",
    ]


def test_models_of_the_hub_are_untried_and_carry_no_hash(tmp_path: Path) -> None:
    from_hub = [
        model for model in load_catalog(tmp_path / "none.toml") if isinstance(model.source, HubSource)
    ]
    assert len(from_hub) == 8
    for model in from_hub:
        assert not model.tried
        assert (model.size_bytes, model.sha256) == (None, None)
        assert model.infill is not None
        assert model.layout in ("psm", "spm")
        assert len({model.infill.prefix, model.infill.suffix, model.infill.middle}) == 3


def test_a_wrong_name_lists_the_near_ones(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r'"qwen-coder-3b"; did you mean .*qwen2\.5-coder-3b'):
        load_catalog(tmp_path / "none.toml").get("qwen-coder-3b")
    with pytest.raises(CatalogError, match="known names: smollm2-135m, smollm2-135m-fim, gemma3-270m"):
        load_catalog(tmp_path / "none.toml").get("zzz")


def test_a_path_is_taken_where_a_name_is(tmp_path: Path) -> None:
    model = resolve(tmp_path / "some.gguf")
    assert model.source == PathSource(tmp_path / "some.gguf")
    assert (model.infill, model.layout, model.start_token) == (None, "prefix", "")


def test_a_path_with_a_known_file_name_takes_that_models_tokens() -> None:
    model = resolve("downloads/Qwen2.5-Coder-3B-Q8_0.gguf")
    assert model.source == PathSource(Path("downloads/Qwen2.5-Coder-3B-Q8_0.gguf"))
    assert model.infill is not None
    assert model.infill.suffix == "<|fim_suffix|>"


def test_the_users_models_are_added_and_replace_ours(tmp_path: Path) -> None:
    ours = ENTRY.replace('"mine"', '"codellama-7b"') + HUB
    families = '[infill.own]\nlayout = "psm"\nprefix = "<P>"\nsuffix = "<S>"\nmiddle = "<M>"\n'
    entry = ENTRY.replace('"none"', '"own"') + PATH
    catalog = load_catalog(write(tmp_path, 'default = "mine"\n' + families + ours + entry))
    assert catalog.default == "mine"
    assert catalog.get("mine").source == PathSource(tmp_path / "mine.gguf")
    assert catalog.get("mine").infill == Infill("psm", "<P>", "<S>", "<M>")
    assert catalog.get("codellama-7b").licence == "MIT"
    assert catalog.get("gemma3-270m").licence == "Gemma Terms of Use"


def test_a_family_of_the_user_may_say_everything_that_ours_do(tmp_path: Path) -> None:
    keys = (
        'pad = "<A>"\nrepo = "<R>"\nfile_sep = "<F>"\nends = ["<E>"]\nrewind = "none"\nlead = " "\n'
        'gap = ""\npath_inside = true\n'
    )
    content = FILLS + keys + ENTRY.replace('"none"', '"x"') + PATH
    assert load_catalog(write(tmp_path, content)).get("mine").infill == Infill(
        "psm", "<P>", "<S>", "<M>", "<A>", "<R>", "<F>", ("<E>",), "none", " ", "", True
    )


def test_a_family_may_have_no_token_for_the_prefix_in_spm(tmp_path: Path) -> None:
    content = (
        FILLS.replace("psm", "spm").replace('prefix = "<P>"', "") + ENTRY.replace('"none"', '"x"') + PATH
    )
    assert load_catalog(write(tmp_path, content)).get("mine").infill == Infill("spm", "", "<S>", "<M>")


def test_a_model_may_be_another_one_with_an_adapter(tmp_path: Path) -> None:
    adapter = Adapter(tmp_path / "fim" / "mine.gguf", 7, "b" * 64)
    merged = load_catalog(write(tmp_path, BASE + ENTRY + MERGED + ADAPTER)).get("mine")
    assert isinstance(merged.source, MergedSource)
    assert (merged.source.base.name, merged.source.adapter, merged.source.type) == ("ground", adapter, "q8_0")
    assert (merged.file_name, merged.adapter) == ("mine.q8_0.gguf", None)
    catalog = load_catalog(write(tmp_path, BASE + ENTRY + ADAPTED + ADAPTER + "scale = 0.5"))
    adapted = catalog.get("mine")
    assert isinstance(adapted.source, AdaptedSource)
    assert (adapted.file_name, adapted.adapter) == ("ground.gguf", replace(adapter, scale=0.5))
    assert catalog.resolve("elsewhere/ground.gguf").adapter is None


def test_what_a_merged_file_is_made_of_decides_whether_it_is_the_same(tmp_path: Path) -> None:
    def recipe(content: str) -> str:
        source = load_catalog(write(tmp_path, content)).get("mine").source
        assert isinstance(source, MergedSource)
        return source.recipe

    whole = BASE + ENTRY + MERGED + ADAPTER
    others = [
        whole.replace("a" * 64, "c" * 64),
        whole.replace("b" * 64, "c" * 64),
        whole.replace("q8_0", "q4_1"),
        whole + "scale = 0.5",
    ]
    recipes = [recipe(content) for content in (whole, *others)]
    assert len(set(recipes)) == 5
    assert recipe(whole.replace("fim/", "elsewhere/")) == recipes[0]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("default = 3", "default must be a string, not a whole number"),
        ('default = "nobody"', 'default names no model: "nobody"'),
        ("modle = []", "modle is an unknown key; did you mean model?"),
        ("model = 1", "model must be a list, not a whole number"),
        ("model = [1]", r"model\[0\] must be a table, not a whole number"),
        (ENTRY, r"model\[0\].source is missing; give a table"),
        (ENTRY + "licens = 1\n" + PATH, r"model\[0\].licens is an unknown key; did you mean licence?"),
        (ENTRY.replace("2048", "0") + PATH, r"model\[0\].context_tokens must be above zero, not 0"),
        (ENTRY.replace("2048", "true") + PATH, r"context_tokens must be a whole number, not true or false"),
        (
            ENTRY.replace('["</s>"]', '["a", 2]') + PATH,
            r"end_tokens\[1\] must be a string, not a whole number",
        ),
        (ENTRY.replace('"none"', '"fim"') + PATH, r'model\[0\].infill names no \[infill\] table: "fim"'),
        (
            ENTRY.replace('"mine"', '"../up"') + PATH,
            r'model\[0\].name must be lower-case letters.*, not "../up"',
        ),
        (ENTRY + PATH + ENTRY + PATH, r'model\[1\].name is given twice: "mine"'),
        (
            ENTRY + PATH.replace('"path"', '"ftp"'),
            r"source.kind must be one of pypi, hub, path, adapted, merged",
        ),
        (ENTRY + PATH + ADAPTER, r"model\[0\].adapter is for sources of kind adapted and merged, not path"),
        (BASE + ENTRY + MERGED, r"model\[1\].adapter is missing; give a table"),
        (ENTRY + MERGED + ADAPTER, r'source.base names no model that stands above: "ground"'),
        (BASE + ENTRY + MERGED.replace("q8_0", "q6_k") + ADAPTER, r'source.type must be one of q8_0.*"q6_k"'),
        (
            BASE.replace("sha256", "#") + ENTRY + MERGED + ADAPTER,
            r'source.base names a model without sha256: "ground"; a merge needs it',
        ),
        (
            BASE
            + ENTRY
            + ADAPTED
            + ADAPTER
            + ENTRY.replace("mine", "third")
            + MERGED.replace("ground", "mine")
            + ADAPTER,
            r'model\[2\].source.base must name a model with a file of its own; "mine" has another base',
        ),
        (BASE + ENTRY + "size_bytes = 1" + ADAPTED + ADAPTER, "size_bytes is that of the base"),
        (BASE + ENTRY + MERGED + ADAPTER.replace("7", "0"), r"adapter.size_bytes must be above zero"),
        (
            BASE + ENTRY + MERGED + ADAPTER + "sclae = 1",
            r"adapter.sclae is an unknown key; did you mean scale",
        ),
        (ENTRY + HUB.replace("mine.gguf", ".."), r'source.file must name a file, not ".."'),
        (ENTRY + PYPI, r'model\[0\].size_bytes is missing; a source of kind "pypi" needs it'),
        (ENTRY + "size_bytes = 1\n" + PYPI, r"model\[0\].sha256 is missing"),
        (ENTRY + 'sha256 = "12"\n' + PATH, r'sha256 must be 64 lower-case hexadecimal digits, not "12"'),
        (ENTRY + '[model.source]\nkind = "pypi"\nfile = "a"\nparts = []', r"source.parts is empty"),
        ('[infill.x]\nlayout = "fim"', 'infill.x.layout must be one of prefix, psm, spm, not "fim"'),
        (
            '[infill.x]\nlayout = "spm"\nprefix = "<P>"',
            'infill.x.suffix is missing; the layout "spm" needs it',
        ),
        (FILLS + 'rewind = "word"', 'infill.x.rewind must be one of line, none, not "word"'),
        (
            FILLS.replace("psm", "spm") + 'rewind = "none"',
            'infill.x.rewind is for the layout "psm"; this one is "spm"',
        ),
        (FILLS + 'repo = "<R>"', 'infill.x.file_sep is missing; a family with a token for "repo" needs it'),
        (FILLS + 'ends = "<E>"', "infill.x.ends must be a list, not a string"),
        (FILLS + "path_inside = 1", "infill.x.path_inside must be true or false, not a whole number"),
        (FILLS + 'rewinds = "none"', "infill.x.rewinds is an unknown key; did you mean rewind?"),
        ("= 1", "not a TOML file: Invalid statement"),
    ],
)
def test_faults_name_the_file_and_the_key(tmp_path: Path, content: str, fault: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(CatalogError, match=f"^{re.escape(str(path))}: .*{fault}") as caught:
        load_catalog(path)
    assert "\n" not in str(caught.value)


def test_an_installed_package_reads_the_catalogue_it_carries(tmp_path: Path) -> None:
    package = Path(byte_lsp.catalog.__file__).parent
    installed = tmp_path / "byte_lsp"
    shutil.copytree(package, installed, ignore=shutil.ignore_patterns("_models", "__pycache__"))
    installed.joinpath("_models").mkdir()
    installed.joinpath("_models", "catalog.toml").write_text(
        'default = "mine"\n[infill.none]\nlayout = "prefix"\n' + ENTRY + HUB, encoding="utf-8"
    )
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"from pathlib import Path; from byte_lsp.catalog import load_catalog\n"
        f"print(*load_catalog(Path('none.toml')).models)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "mine"
