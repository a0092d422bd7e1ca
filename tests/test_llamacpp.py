"""The language model in its process: grammar, probability, kept prefixes, and death."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.engines import llama_native, llamacpp
from hub.engines.kept import PREFIXES
from hub.engines.llamacpp import Engine, LlamaModel
from hub.errors import EngineCrashed, EngineError, ModelError
from tests.models import model_file

# --- files and settings --------------------------------------------------------------------------


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.gguf"):
        LlamaModel(tmp_path / "none.gguf")
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.gguf.*GGUF"):
        LlamaModel(tmp_path / "text.gguf")


async def test_the_settings_that_survived_are_tried_first_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llamacpp, "ENGINE", "tests.delicate:Engine")
    path, notes = tmp_path / "model.gguf", tmp_path / "cache"
    path.write_text("GGUF")
    for expected in ("GGUF True False", "GGUF True False False"):
        model = LlamaModel(path, notes=notes)
        try:
            assert (await model.complete("x")).text == "alive"
        finally:
            await model.close()
        assert path.read_text() == expected


def test_notes_that_are_damaged_or_cannot_be_written_are_as_good_as_none(tmp_path: Path) -> None:
    notes = llamacpp._Notes(tmp_path / "new")
    notes.keep({"extra_buffers": False})
    assert llamacpp._Notes(tmp_path / "new").best() == {"extra_buffers": False}
    for damage in ("{broken", "[]", ""):
        next((tmp_path / "new").iterdir()).write_text(damage)
        assert notes.best() is None
    (tmp_path / "file").write_text("in the way")
    llamacpp._Notes(tmp_path / "file").keep({"extra_buffers": False})


# --- which tokens are kept -----------------------------------------------------------------------

END = 0


class Tape:
    """A model whose tokens are characters and that has nothing to say. It keeps sequences as
    llama.cpp does, in cells that sequences share, and fails when they are used up."""

    partial_copies = True
    batch = 4
    vocabulary = 3

    def __init__(self, *_: Any, context: int, sequences: int, **__: Any) -> None:
        self.context = context
        self.evaluated = self.asked = 0
        self.kept: list[list[tuple[int, int]]] = [[] for _ in range(sequences)]
        self._cells = itertools.count()

    def tokens(self, text: str) -> list[int]:
        return [ord(character) for character in text]

    def piece(self, token: int) -> bytes:
        return b""

    def ends(self, token: int) -> bool:
        return token == END

    def logits(self) -> np.ndarray[Any, Any]:
        return np.array([1.0, 0.0, 0.0], np.float32)

    def decode(
        self, tokens: list[int], sequence: int, position: int, *, asked: bool = True
    ) -> None:
        self.asked += asked
        assert 0 < len(tokens) <= self.batch
        assert position == len(self.kept[sequence])
        self.kept[sequence] += [(token, next(self._cells)) for token in tokens]
        self.evaluated += len(tokens)
        assert len({cell for kept in self.kept for _, cell in kept}) <= self.context

    def copy(self, source: int, target: int, length: int) -> None:
        self.kept[target] = self.kept[source][:length]

    def cut(self, sequence: int, length: int) -> None:
        del self.kept[sequence][length:]

    def text(self, sequence: int) -> str:
        return "".join(chr(token) for token, _ in self.kept[sequence])


def taped(context: int = 200) -> tuple[Engine, Tape]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llama_native, "Model", Tape)
        engine = Engine("", context=context)
    tape = engine._model
    assert isinstance(tape, Tape)
    return engine, tape


def test_prefixes_that_alternate_are_evaluated_once() -> None:
    engine, tape = taped()
    engine.prime("kitchen: ")
    engine.prime("bedroom: ")
    for prefix in ("kitchen: ", "bedroom: ", "kitchen: "):
        assert engine.complete(f"{prefix}light")["prompt_tokens"] == len("light")
    assert engine.prime("kitchen: ") == {"evaluated": 0, "left": 0}
    assert tape.evaluated == 2 * 9 + 3 * 5


def test_what_follows_is_asked_once_for_a_prompt_of_many_batches() -> None:
    """Each asking reads the whole vocabulary, a fifth of the model."""
    engine, tape = taped()
    engine.complete("light" * 10, max_tokens=1)
    assert tape.evaluated == 50
    assert tape.asked == 1


def test_a_long_prefix_is_read_in_slices_and_questions_are_answered_between() -> None:
    engine, tape = taped(context=900)
    prefix = "x" * 300
    assert engine.prime(prefix)["left"] == 300 - llamacpp.SLICE
    assert engine.complete("why?")["prompt_tokens"] == 4
    while engine.prime(prefix)["left"]:
        pass
    assert tape.evaluated == 304
    assert engine.complete(prefix + "!")["prompt_tokens"] == 1


def test_the_prefix_not_used_for_longest_makes_room() -> None:
    engine, _ = taped()
    for letter in "abc":
        engine.prime(letter * 9)
    engine.complete("a" * 9 + "?")
    engine.prime("d" * 9)
    assert engine.complete("a" * 9 + "!")["prompt_tokens"] == 1
    assert engine.complete("b" * 9 + "!")["prompt_tokens"] == 10


def test_the_same_prompt_again_takes_one_token() -> None:
    engine, _ = taped()
    engine.complete("what?")
    assert engine.complete("what?")["prompt_tokens"] == 1


def test_a_prefix_that_shares_little_with_a_long_prompt_makes_room_for_it() -> None:
    engine, tape = taped(context=30)
    engine.prime("a" * 20)
    assert engine.complete("a" + "b" * 23, max_tokens=6)["prompt_tokens"] == 24
    assert tape.text(0) == "a" + "b" * 23


def test_a_model_that_keeps_only_the_end_uses_whole_prefixes_alone() -> None:
    engine, tape = taped()
    tape.partial_copies = False
    engine.prime("kitchen: ")
    assert engine.complete("kitchen: on")["prompt_tokens"] == 2
    assert engine.complete("kitchen; on")["prompt_tokens"] == 11


def test_a_prompt_that_can_never_fit_is_refused_and_the_next_one_works() -> None:
    engine, _ = taped(context=40)
    with pytest.raises(EngineError, match="too long: 41 tokens"):
        engine.complete("x" * 41, max_tokens=0)
    with pytest.raises(EngineError, match="too long"):
        engine.complete("x" * 20, max_tokens=21)
    with pytest.raises(EngineError, match="empty"):
        engine.complete("")
    assert engine.complete("x" * 40, max_tokens=0)["prompt_tokens"] == 40


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.text("ab", min_size=1, max_size=24), st.integers(0, 6)),
        max_size=12,
    )
)
def test_whatever_is_asked_the_model_reads_the_prompt_and_never_runs_out_of_room(
    asked: list[tuple[bool, str, int]],
) -> None:
    engine, tape = taped(context=30)
    for prime, text, more in asked:
        if prime:
            engine.prime(text)
            assert text in [tape.text(kept) for kept in range(1, PREFIXES + 1)]
        else:
            engine.complete(text, max_tokens=more)
            assert tape.text(0) == text


# --- probability ---------------------------------------------------------------------------------


class Rules:
    """A grammar that allows some tokens, and counts how many it was asked about."""

    def __init__(self, allowed: set[int]) -> None:
        self._allowed = np.array(sorted(allowed), np.int32)
        self.asked = 0

    def allows(self, tokens: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.asked += len(tokens)
        return np.isin(tokens, self._allowed)


def chosen(logits: np.ndarray[Any, Any], rules: Rules) -> tuple[int, float]:
    engine, tape = taped()
    tape.logits = lambda: logits  # type: ignore[method-assign]
    step = engine._step(rules)  # type: ignore[arg-type]
    return step.token, step.weight / step.total


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 40), st.floats(0.1, 12))
def test_the_share_is_that_among_the_allowed_tokens(seed: int, count: int, spread: float) -> None:
    random = np.random.default_rng(seed)
    logits = (random.normal(size=3000) * spread).astype(np.float32)
    allowed = random.choice(3000, size=count, replace=False)
    token, share = chosen(logits, Rules({*map(int, allowed)}))
    weights = np.exp(logits[allowed].astype(float) - logits[allowed].max())
    assert token == allowed[logits[allowed].argmax()]
    assert share == pytest.approx(weights.max() / weights.sum(), rel=0.011)


def test_a_sure_model_costs_the_grammar_few_questions() -> None:
    logits = np.zeros(262_144, np.float32)
    logits[[7, 9]] = (30.0, 29.0)
    rules = Rules({7, 9, 11})
    assert chosen(logits, rules) == (7, pytest.approx(0.731, abs=0.001))
    assert rules.asked == llamacpp.TOP


def test_a_grammar_that_allows_nothing_is_an_error() -> None:
    with pytest.raises(EngineError, match="allows nothing"):
        chosen(np.zeros(1000, np.float32), Rules(set()))


def test_another_spelling_of_the_same_answer_does_not_lower_its_probability() -> None:
    engine, tape = taped()
    pieces = {1: b"on", 2: b"o", 3: b"off", 4: b"n", END: b""}
    tape.piece = lambda token: pieces.get(token, b"?")  # type: ignore[method-assign]
    first = llamacpp._Step(1, 6.0, 10.0, [(2, 3.0), (3, 1.0)])
    last = llamacpp._Step(END, 1.0, 2.0, [(4, 1.0)])
    assert engine._probability([first, last], b"on") == pytest.approx(0.9 * 0.5)


# --- the real thing ------------------------------------------------------------------------------

PREFIX = "Devices of the home: " + ", ".join(f"lamp {n}, fan {n}" for n in range(30)) + ".\n"
YES_OR_NO = 'root ::= " yes" | " no"'


@pytest_asyncio.fixture
async def model() -> AsyncIterator[LlamaModel]:
    made = LlamaModel(model_file("language-model", "smollm2-135m", ".gguf"))
    await made.start()
    yield made
    await made.close()


@pytest.mark.models
async def test_only_what_the_grammar_allows_is_written(model: LlamaModel) -> None:
    for question in ("Is water wet?", "Is fire cold?", "🙂\x00", "<|im_start|>user"):
        completion = await model.complete(question, grammar=YES_OR_NO)
        assert completion.text in (" yes", " no")
        assert 0 < completion.probability <= 1
    only = await model.complete("Is water wet?", grammar='root ::= " of course it is"')
    assert (only.text, only.probability) == (" of course it is", pytest.approx(1.0, abs=0.02))


@pytest.mark.models
async def test_writing_stops_at_the_limit(model: LlamaModel) -> None:
    completion = await model.complete("Once upon a time", max_tokens=5)
    assert completion.tokens == 5
    assert completion.text
    assert 0 < completion.probability < 1


@pytest.mark.models
async def test_a_primed_prefix_is_not_read_again_and_changes_no_answer(model: LlamaModel) -> None:
    prompts = [f"{PREFIX}Is lamp {n} in this home?" for n in range(3)]
    unprimed = [(await model.complete(prompts[0], max_tokens=8))]
    assert unprimed[0].prompt_tokens > 200
    await model.prime(PREFIX)
    await model.prime(PREFIX.replace("lamp", "oven"))
    await model.complete("something else")
    for prompt in prompts:
        assert (await model.complete(prompt, max_tokens=8)).prompt_tokens < 20
    assert (await model.complete(prompts[0], max_tokens=8)).text == unprimed[0].text


@pytest.mark.models
@pytest.mark.parametrize("grammar", ["root ::= (", 'start ::= "a"', "", "root ::= nothing"])
async def test_what_is_no_grammar_is_an_error(model: LlamaModel, grammar: str) -> None:
    if not grammar:
        assert (await model.complete("Hello", grammar=grammar, max_tokens=2)).tokens == 2
        return
    with pytest.raises(EngineError, match="GBNF"):
        await model.complete("Hello", grammar=grammar)
    assert model.worker.restarts == 0


@pytest.mark.models
async def test_what_cannot_be_read_is_refused_and_the_next_prompt_works(model: LlamaModel) -> None:
    with pytest.raises(EngineError, match="too long"):
        await model.complete("word " * 3000)
    with pytest.raises(EngineError, match=r"only .* tokens in time"):
        await model.worker.call("complete", prompt="word " * 900, seconds=0.0)
    assert (await model.complete("Hello", grammar=YES_OR_NO)).text in (" yes", " no")
    assert model.worker.restarts == 0


@pytest.mark.models
async def test_a_model_killed_while_it_writes_costs_one_answer_and_no_prefix(
    model: LlamaModel,
) -> None:
    await model.prime(PREFIX)
    pid = model.worker.pid
    assert pid
    process = psutil.Process(pid)
    before = process.cpu_times().user
    writing = asyncio.create_task(model.complete("Once upon a time", max_tokens=500))
    async with asyncio.timeout(20):
        while process.cpu_times().user - before < 0.2:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineCrashed, match="SIGKILL"):
        await writing
    again = await model.complete(f"{PREFIX}Is lamp 7 in this home?", grammar=YES_OR_NO)
    assert again.prompt_tokens < 20
    assert model.worker.restarts == 1
