"""Training with a base of the gemma3 architecture: the same as llama.cpp, gradients, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from hub.config import Config  # noqa: E402
from hub.errors import ModelError  # noqa: E402
from hub.models.store import ModelStore  # noqa: E402
from hub.training.export import write_adapter  # noqa: E402
from hub.training.gemma import PERIOD, GemmaNetwork  # noqa: E402
from hub.training.lora import Adapter, Base, load  # noqa: E402
from hub.training.pack import Row, alone, pack  # noqa: E402
from hub.training.train import tokenizer  # noqa: E402
from tests.test_training import (  # noqa: E402
    NORMS,
    SAMPLE,
    SHAPE,
    assert_slope,
    expected_by_llama_cpp,
    write_base,
)

GEMMA = replace(
    SHAPE,
    layers=PERIOD + 1,  # the last but one sees everything
    shared_heads=1,
    architecture="gemma3",
    base=1_000_000.0,
    head_size=32,  # not the width divided by the heads
    window=512,
)
AFTER = {
    "post_attention_norm": GEMMA.width,
    "post_ffw_norm": GEMMA.width,
    "attn_q_norm": GEMMA.head,
    "attn_k_norm": GEMMA.head,
}


@pytest.fixture(scope="module")
def base_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of this architecture that knows nothing."""
    return write_base(tmp_path_factory.mktemp("gemma") / "base.gguf", GEMMA, NORMS | AFTER)


@pytest.fixture(scope="module")
def base(base_file: Path) -> Base:
    return load(base_file)


@pytest.fixture(scope="module")
def row(base_file: Path) -> Row:
    return pack(SAMPLE, tokenizer(base_file))


def network(base: Base, *, frozen: int = 0, much: float = 0.2, **more: Any) -> GemmaNetwork:
    """A network whose adapter does something."""
    adapter = Adapter(base.shape, 4, alpha=8.0, frozen=frozen)
    adapter.vector.normal_(0, much, generator=torch.Generator().manual_seed(1))
    return GemmaNetwork(base, adapter, **more)


def test_its_shape_is_read(base: Base) -> None:
    assert replace(base.shape, epsilon=SHAPE.epsilon) == GEMMA


def test_a_row_begins_with_the_start_token(base_file: Path, row: Row) -> None:
    assert row.tokens.tolist().count(256) == 1
    assert row.tokens[0] == 256


def test_llama_cpp_expects_the_same(tmp_path: Path, base: Base, base_file: Path, row: Row) -> None:
    """With an adapter beside it, as it is exported."""
    net = network(base)
    write_adapter(net.adapter, tmp_path / "adapter.gguf", kind="f32")
    for index in range(len(row.items)):
        mine = alone(row, index)
        expected = expected_by_llama_cpp(mine, base_file, tmp_path / "adapter.gguf")
        np.testing.assert_allclose(net.logits(mine)[-1].numpy(), expected, atol=2e-2)


@pytest.mark.parametrize("frozen", [0, PERIOD])
def test_the_gradient_is_the_slope_of_the_loss(base: Base, row: Row, frozen: int) -> None:
    assert_slope(network(base, frozen=frozen, much=0.05), row)


def test_gradients_through_short_numbers_are_nearly_the_same(base: Base, row: Row) -> None:
    exact, short = network(base), network(base, short=True)
    one, other = torch.zeros_like(exact.adapter.vector), torch.zeros_like(exact.adapter.vector)
    loss = exact.learn(row, exact.adapter.views(one), 1.0)
    assert short.learn(row, exact.adapter.views(other), 1.0) == pytest.approx(loss, rel=0.01)
    assert float(torch.cosine_similarity(one, other, 0)) > 0.99
    short.exactly()
    torch.testing.assert_close(short.logits(row), exact.logits(row))


def test_a_prompt_beyond_the_window_is_refused(base: Base, row: Row) -> None:
    narrow = replace(base, shape=replace(base.shape, window=20))
    with pytest.raises(ValueError, match="20 tokens"):
        network(narrow).logits(row)


@pytest.mark.models
def test_llama_cpp_expects_the_same_of_gemma_itself() -> None:
    """Its file has few bits, with which llama.cpp computes roughly: 0.9987 to 0.9994 of prompts;
    with 32 bits all numbers are the same to 0.01."""
    try:
        path = ModelStore(Config().models).file("language-model", "gemma3-270m")
    except ModelError:
        pytest.skip("the weights are not there")
    base = load(path)
    row = pack(SAMPLE, tokenizer(path))
    adapter = Adapter(base.shape, 4, alpha=8.0)
    net = GemmaNetwork(base, adapter)
    for index in range(len(row.items)):
        mine = alone(row, index)
        expected = expected_by_llama_cpp(mine, path)
        assert np.corrcoef(net.logits(mine)[-1].numpy(), expected)[0, 1] > 0.998
