"""Answers are chosen among those that are allowed, and what is certain is not computed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.engines import llama_native
from hub.engines.kept import EARLIER, Memory
from hub.engines.llama_native import Token
from hub.engines.llamacpp import Engine, LlamaModel
from hub.errors import EngineError, ModelError
from hub.ports import Options
from tests.gguf_files import lora, write_gguf
from tests.models import model_file

END = 0
VOCABULARY = 128


class Chancy:
    """A model whose tokens are characters, with an opinion on what follows any text. It keeps
    sequences as llama.cpp does, and notices what is read at a wrong place."""

    partial_copies = True
    batch = 8
    vocabulary = VOCABULARY

    def __init__(self, *_: Any, context: int, sequences: int, **__: Any) -> None:
        self.context = context
        self.kept = [""] * sequences
        self.evaluated = 0
        self._asked: dict[int, str] = {}

    def plain_tokens(self, text: str, *, begins: bool) -> list[int]:
        return [ord(character) for character in text]

    tokens = plain_tokens

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token else b""

    def ends(self, token: int) -> bool:
        return token == END

    def decode(
        self, tokens: list[int], sequence: int, position: int, *, asked: bool = True
    ) -> None:
        last = len(tokens) - 1 if asked else None
        self.evaluate(
            [Token(t, position + i, (sequence,), i == last) for i, t in enumerate(tokens)]
        )

    def evaluate(self, tokens: list[Token]) -> None:
        assert 0 < len(tokens) <= self.batch
        self.evaluated += len(tokens)
        self._asked = {}
        for index, each in enumerate(tokens):
            before = {self.kept[sequence] for sequence in each.sequences}
            assert len(before) == 1, "sequences that share a token have all before it in common"
            [text] = before
            assert each.position == len(text)
            for sequence in each.sequences:
                self.kept[sequence] = text + chr(each.token)
            if each.asked:
                self._asked[index] = text + chr(each.token)

    def logits(self, index: int = -1) -> Any:
        text = self._asked[max(self._asked) if index < 0 else index]
        return opinion(text)

    def copy(self, source: int, target: int, length: int) -> None:
        assert len(self.kept[source]) >= length
        self.kept[target] = self.kept[source][:length]

    def saved(self, sequence: int) -> bytes:
        return self.kept[sequence].encode()

    def restore(self, sequence: int, state: bytes) -> None:
        self.kept[sequence] = state.decode()

    def cut(self, sequence: int, length: int) -> None:
        self.kept[sequence] = self.kept[sequence][:length]


def opinion(text: str) -> Any:
    random = np.random.default_rng(zlib.crc32(text.encode()))
    return random.normal(size=VOCABULARY).astype(np.float32) * 2


def chancy() -> tuple[Engine, Chancy]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llama_native, "Model", Chancy)
        engine = Engine("", context=2000)
    model = engine._model
    assert isinstance(model, Chancy)
    return engine, model


ANSWERS: Options = [
    [(" dim", 1), (" on", 2), (" open", 2), (" none", 3)],
    [(" A", 4), (" B", 4)],
    [(" A", 3), (" B", 3), (" C", 3)],
    [("\n", -1), (";", 0)],
    [(" 4", 3), (" 40", 3), ("", 3)],
]


def spelt(options: Options, most: int, state: int = 0) -> Iterator[str]:
    """All texts of at most so many letters."""
    if state == -1:
        yield ""
        return
    for text, target in options[state]:
        if len(text) <= most:
            yield from (text + rest for rest in spelt(options, most - len(text), target))


def sayable(text: str, options: Options, state: int = 0) -> bool:
    """Whether a text is one of those."""
    if state == -1:
        return not text
    return any(
        text.startswith(begun) and sayable(text[len(begun) :], options, target)
        for begun, target in options[state]
    )


def share(prompt: str, answer: str, texts: list[str]) -> float:
    """Probability of an answer among these texts, letter by letter."""
    product = 1.0
    for place, letter in enumerate(answer):
        allowed = {text[place] for text in texts if text.startswith(answer[:place])}
        weights = np.exp(opinion(prompt + answer[:place]).astype(float))
        product *= weights[ord(letter)] / sum(weights[ord(other)] for other in allowed)
    return product


@settings(deadline=None, max_examples=40)
@given(st.text("abc", min_size=1, max_size=20))
def test_the_best_answer_comes_first_with_its_probability(prompt: str) -> None:
    once: Options = [*ANSWERS[:3], [("\n", -1)], ANSWERS[4]]
    texts = [*spelt(once, 20)]
    wanted = {text: share(prompt, text, texts) for text in texts}
    found = chancy()[0].choose(prompt, once, width=12)["answers"]
    best = max(wanted, key=lambda text: wanted[text])
    assert found[0]["text"] == best
    for answer in found:
        assert answer["probability"] == pytest.approx(wanted[answer["text"]], rel=1e-4)
        assert answer["raw"] <= answer["probability"]
    assert [a["probability"] for a in found] == sorted(
        (a["probability"] for a in found), reverse=True
    )


@settings(deadline=None, max_examples=40)
@given(st.text("abc", min_size=1, max_size=30), st.integers(1, 6))
def test_only_allowed_answers_are_given_and_nothing_of_them_is_kept(
    prompt: str, width: int
) -> None:
    engine, model = chancy()
    for said in (prompt, prompt + "!"):
        try:
            found = engine.choose(said, ANSWERS, width=width, most=40)["answers"]
        except EngineError as error:  # it liked to say more and more
            assert "more than 40 tokens" in str(error)
            continue
        assert 0 < len(found) <= width
        assert all(sayable(answer["text"], ANSWERS) for answer in found)
        assert model.kept[0].startswith(said)
        assert not any(model.kept[sequence] for sequence in Memory.answers)


def test_what_cannot_matter_is_not_followed_and_nothing_is_decided_otherwise() -> None:
    saved, sure = 0, 0
    for prompt in map(str, range(60)):
        full = chancy()[0].choose(prompt, SETTLED, width=6)
        fast = chancy()[0].choose(prompt, SETTLED, width=6, enough=0.8, idle=(" none", "\n"))
        assert decided(fast["answers"]) == decided(full["answers"])
        assert fast["tokens"] <= full["tokens"]
        saved += full["tokens"] - fast["tokens"]
        sure += decided(full["answers"]) is not None
    assert sure >= 3 and saved >= 60 * 4


SETTLED: Options = [
    [(" dim", 1), (" on", 2), (" none", 3)],
    [(" A", 4), (" B", 4)],
    [(" A", 3), (" B", 3), (" C", 3)],
    [("\n", -1)],
    [(" 4", 5), (" 40", 5)],
    [(" now", 3), (" later", 3)],
]


def decided(answers: Sequence[dict[str, Any]]) -> str | None:
    """The answer that is surer than 0.8, if it does something."""
    sure = [a["text"] for a in answers if a["probability"] >= 0.8 and "none" not in a["text"]]
    return sure[0] if sure else None


def test_what_is_certain_is_not_computed() -> None:
    engine, model = chancy()
    only = engine.choose("whatever", [[(" none", 1)], [("\n", -1)]])
    assert only["answers"] == [{"text": " none\n", "probability": 1.0, "raw": 1.0, "steps": []}]
    assert model.evaluated == 0
    answers = engine.choose("x", [[(" turn", 1)], [(" A", 2), (" B", 2)], [(" please\n", -1)]])
    # The prompt with ' turn ' is read at once, and behind the letter nothing is open.
    assert (answers["prompt_tokens"], answers["tokens"]) == (len("x turn "), 0)
    assert {a["text"] for a in answers["answers"]} == {" turn A please\n", " turn B please\n"}


def test_the_same_prompt_again_is_not_read_again() -> None:
    engine, _ = chancy()
    options: Options = [[("A", -1), ("B", -1)]]
    assert engine.choose("turn on", options)["prompt_tokens"] == 7
    assert engine.choose("turn on", options)["prompt_tokens"] == 1


def test_what_was_read_some_sentences_ago_is_not_read_again() -> None:
    engine, _ = chancy()
    options: Options = [[("A", -1), ("B", -1)]]
    homes = [f"{room}: light {room} Lamp A\n" for room in ("Kitchen", "Bedroom", "Hall")]
    for home in homes:
        engine.choose(f"{home}turn on", options)
    for home in homes:
        assert engine.choose(f"{home}dim it", options)["prompt_tokens"] == len("dim it")
    for number in range(EARLIER + 1):  # so many others later it is forgotten
        engine.choose(f"{number}: nothing", options)
    whole = f"{homes[0]}turn on"
    assert engine.choose(whole, options)["prompt_tokens"] == len(whole)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text("ab", min_size=1, max_size=40), min_size=2, max_size=14))
def test_whatever_was_asked_before_the_answers_are_the_same(prompts: list[str]) -> None:
    engine, model = chancy()
    model.context = 40 + 2 * 40 + 30  # few of them fit in
    for prompt in prompts:
        alone = chancy()[0].choose(prompt, SETTLED, width=2, most=40)
        among = engine.choose(prompt, SETTLED, width=2, most=40)
        assert among["answers"] == alone["answers"]


def test_an_answer_may_end_where_a_longer_one_goes_on() -> None:
    found = chancy()[0].choose("list", [[("A", 1), ("B", 1)], [("", -1), ("!", -1)]], width=8)
    assert {answer["text"] for answer in found["answers"]} <= {"A", "B", "A!", "B!"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([[]], "lead nowhere"),
        ([[("A", 7)]], "state 7"),
        ([[("A", 0)]], "more than 64 tokens"),
        ([[("", 0)]], "lead nowhere"),
    ],
)
def test_options_without_an_end_are_refused(options: Options, reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        chancy()[0].choose("x", options)


@settings(deadline=None, max_examples=30)
@given(st.sets(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=40))
def test_answers_are_ranked_by_what_the_model_would_write(answers: set[str]) -> None:
    engine, model = chancy()
    listed = sorted(answers)
    found = engine.rank("prompt ", listed)["likelihoods"]
    for answer, likelihood in zip(listed, found, strict=True):
        wanted = 0.0
        for place, letter in enumerate(answer):
            logits = opinion("prompt " + answer[:place]).astype(float)
            wanted += logits[ord(letter)] - math.log(np.exp(logits).sum())
        assert likelihood == pytest.approx(wanted, rel=1e-4)
    assert model.kept[0] == "prompt "
    assert not any(model.kept[1:])


# --- the real thing ------------------------------------------------------------------------------

SHAPES = {"blk.0.attn_q.weight": (576, 576), "blk.29.ffn_down.weight": (576, 1536)}
ROOM = "Kitchen A: light Strip B, cover Blinds C\n[Kitchen] turn on the strip\n=>"
REAL: Options = [[(" on", 1), (" off", 1), (" none", 2)], [(" B", 2), (" C", 2)], [("\n", -1)]]


def smollm2() -> Path:
    return model_file("language-model", "smollm2-135m", ".gguf")


@pytest.mark.models
async def test_a_real_model_ranks_and_chooses_alike() -> None:
    model = LlamaModel(smollm2())
    try:
        found = await model.choose(ROOM, REAL, width=8)
        texts = [*spelt(REAL, 20)]
        ranked = dict(zip(texts, await model.rank(ROOM, texts), strict=True))
        again = await model.choose(ROOM, REAL, width=8)
    finally:
        await model.close()
    assert [a.text for a in again] == [a.text for a in found]
    assert {a.text for a in found} <= set(texts)
    for answer in found:
        # Ranking counts the forced end, too.
        assert math.log(answer.raw) >= ranked[answer.text] - 0.01
        assert math.log(answer.probability) >= math.log(answer.raw)


@pytest.mark.models
async def test_an_adapter_changes_what_is_chosen(tmp_path: Path) -> None:
    write_gguf(tmp_path / "nothing.gguf", *lora(4, 8.0, SHAPES))
    write_gguf(tmp_path / "much.gguf", *lora(4, 64.0, SHAPES, seed=1))
    shares = []
    for adapter in (None, tmp_path / "nothing.gguf", tmp_path / "much.gguf"):
        model = LlamaModel(smollm2(), adapter=adapter)
        try:
            found = await model.choose(ROOM, REAL, width=8)
        finally:
            await model.close()
        shares.append({answer.text: answer.raw for answer in found})
    assert shares[1] == pytest.approx(shares[0], rel=0.02)
    assert shares[2] != pytest.approx(shares[0], rel=0.5)


@pytest.mark.models
@pytest.mark.parametrize("damage", ["cut", "shape", "kind"])
async def test_an_adapter_that_does_not_fit_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "adapter.gguf"
    metadata, tensors = lora(4, 8.0, SHAPES if damage != "shape" else {**SHAPES, **WRONG})
    write_gguf(path, metadata if damage != "kind" else {}, tensors)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    model = LlamaModel(smollm2(), adapter=path)
    try:
        with pytest.raises(EngineError, match=r"adapter\.gguf: not an adapter for this model"):
            await model.start()
    finally:
        await model.close()


WRONG = {"blk.1.attn_q.weight": (512, 512)}


def test_an_adapter_that_is_missing_or_no_adapter_is_named(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"none\.gguf: cannot be read as an adapter"):
        LlamaModel(model, adapter=tmp_path / "none.gguf")
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.gguf: not an adapter"):
        LlamaModel(model, adapter=tmp_path / "text.gguf")
