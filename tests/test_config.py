"""Settings: good defaults, and a clear word about what cannot be meant."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import config
from hub.errors import ConfigError


def test_without_a_file_everything_has_a_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEARTH_CONFIG", raising=False)
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    assert config.load().wake.micro == "hey_jarvis"


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file"):
        config.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n[wake]\nsensitivty = 0.3", r"x:3: \[wake\] sensitivty: .* did you mean 'sensitivity'"),
        ("[listen]\nsilence = 'long'", r"x:2: \[listen\] silence: .*number.*'long'.* Seconds of"),
        ("[wake]\nsensitivity = 7", r"x:2: \[wake\] sensitivity: .*less than or equal to 1"),
        ("[hub]\nlanguages = []", r"x:2: \[hub\] languages: .*at least 1"),
        ("[wakee]\nmicro = ''", r"x:1: \[wakee\]: there is no such setting; did you mean 'wake'"),
        ("wake = 3", r"x:1: \[wake\]: "),
        ("[wake\n", r"x:1: not TOML: .*line 1"),
        ("[wake]\nmicro = 'a\n", r"x:2: not TOML: "),
        ("[hub]\ndata = ''", r"x:2: \[hub\] data: a path in quotes is expected .*models, states"),
        ('[hub]\ndata = "a\\u0000b"', r"x:2: \[hub\] data: a path in quotes is expected"),
        ("[skills]\nfolders = 'mine'", r"x:2: \[skills\] folders: a list is expected"),
        ("[[hub]]\narea = 'x'", r"x:1: \[hub\]: this is a table: write \[hub\]"),
        ("[router]\nthreads = true", r"x:2: \[router\] threads: "),
        ("[listen]\nsilence = nan", r"x:2: \[listen\] silence: "),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.parse(text, "x")


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse("[wake]\nsensitivity = 2\n[listen]\nlongest = 'x'\nshortest = 1", "x")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["2", "4", "5"]


def test_whole_numbers_serve_where_broken_ones_are_meant() -> None:
    assert config.parse("[listen]\nsilence = 1").listen.silence == 1.0


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = config.parse('[home]\nfile = "flat.yaml"', relative_to=tmp_path)
    assert settings.home.file == tmp_path / "flat.yaml"


def test_what_is_printed_can_be_taken_as_it_is() -> None:
    lines = config.template().splitlines()
    live = "\n".join(re.sub(r"^#(\w+ = )", r"\1", line) for line in lines)
    assert config.parse(live, relative_to=Path("/somewhere")) == config.Config()


def test_the_mark_that_some_editors_begin_a_file_with_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    file.write_bytes(b"\xef\xbb\xbf[hub]\r\narea = 'Kitchen'\r\n")
    assert config.load(file).hub.area == "Kitchen"


def test_an_empty_name_leaves_a_part_out() -> None:
    settings = config.parse('[wake]\nverifier = ""\n[router]\nmodel = ""')
    assert settings.wake.verifier is None
    assert settings.router.model is None


def test_the_printed_settings_are_the_defaults_and_explain_each() -> None:
    lines = config.template().splitlines()
    live = "\n".join(re.sub(r"^#(\w+ = )", r"\1", line) for line in lines)
    tables = tomllib.loads(live)
    assert set(tables) == set(config.Config.model_fields)
    assert all(
        lines[i - 1].startswith("# ")
        for i, x in enumerate(lines)
        if x.startswith("#") and " = " in x and not x.startswith("# ")
    )
    assert config.parse(config.template()) == config.Config()


@given(st.text(max_size=200))
def test_no_text_is_more_than_a_config_error(text: str) -> None:
    try:
        config.parse(text, "x")
    except ConfigError as error:
        assert str(error).startswith("x:")


@given(
    st.dictionaries(
        st.sampled_from(["wake", "listen", "hub", "router", "voice", "other"]),
        st.dictionaries(
            st.sampled_from(["sensitivity", "silence", "name", "volume", "model", "zzz"]),
            st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.just("text")),
            max_size=3,
        ),
        max_size=4,
    )
)
def test_any_keys_and_values_are_taken_or_named(tables: dict[str, dict[str, object]]) -> None:
    text = ""
    for table, content in tables.items():
        text += f"[{table}]\n"
        for key, value in content.items():
            written = f'"{value}"' if isinstance(value, str) else str(value).lower()
            text += f"{key} = {written}\n"
    try:
        config.parse(text, "x")
    except ConfigError as error:
        assert all(line.startswith("x:") for line in str(error).splitlines())
