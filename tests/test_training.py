"""Training of the fine-tuned model: gradients, packing, resuming, export.

Needs what `pip install hearth-hub[train]` brings; skipped without.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")

from hub.engines.llama_native import Model  # noqa: E402
from hub.models.merge import Kind, merge  # noqa: E402
from hub.training import importance  # noqa: E402
from hub.training.bytewise import ByteNetwork  # noqa: E402
from hub.training.export import trained, write_adapter  # noqa: E402
from hub.training.lora import GROUPS, Adapter, Base, Network, Shape, load  # noqa: E402
from hub.training.pack import Row, alone, pack  # noqa: E402
from hub.training.samples import Item, Sample  # noqa: E402
from hub.training.score import answered, engine, held_out, tallied  # noqa: E402
from hub.training.train import Settings, Trainer, checkpoints, drawn, stage, tokenizer  # noqa: E402

SHAPE = Shape(
    layers=2,
    width=64,
    inner=96,
    heads=4,
    shared_heads=2,
    base=10_000.0,
    epsilon=1e-5,
    vocabulary=258,
)
NORMS = {"attn_norm": SHAPE.width, "ffn_norm": SHAPE.width}
SETTINGS = Settings(rank=4, alpha=8.0, rate=0.01, warmup=2, homes=2)
SOURCE = "tests.test_training"
SAMPLE = Sample(
    "Kitchen A: light Worktop Strip B\n",
    (
        Item("[Kitchen] dim it to forty =>", "dim B 40", "device", "en"),
        Item("[] off =>", "none", "none", "en"),
        Item("[Hall] on => on B\n[Hall] and now off =>", "off B", "device", "en"),
    ),
)


def samples(seed: int, *, held_out: bool = False) -> Iterator[Sample]:
    """What the generator gives, but small."""
    chance = random.Random(f"{seed} {held_out}")
    while True:
        names = chance.sample(["lamp", "fan", "blind", "heater", "radio"], 2)
        items = [
            Item(f"[x] {verb} {names[i]} =>", f"{verb} {'AB'[i]}", verb, "en")
            for verb in chance.choices(["on", "off"], k=3)
            for i in [chance.randrange(2)]
        ]
        yield Sample(f"light {names[0]} A, light {names[1]} B\n", tuple(items))


@pytest.fixture(scope="module")
def base_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the llama architecture that knows nothing, with a token for each byte."""
    return write_base(tmp_path_factory.mktemp("base") / "base.gguf", SHAPE)


def write_base(path: Path, shape: Shape, layer_norms: Mapping[str, int] = NORMS) -> Path:
    """`layer_norms`: lengths of the scales that each layer has."""
    weights = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path), shape.architecture)
    writer.add_block_count(shape.layers)
    writer.add_context_length(512)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.shared_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_rope_freq_base(shape.base)
    writer.add_rope_dimension_count(shape.head)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)
    if shape.window:
        writer.add_sliding_window(shape.window)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*_letters(), "<s>", "</s>"])
    writer.add_token_types([1] * 256 + [3, 3])
    writer.add_token_merges(["Ġ Ġ"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)
    writer.add_add_bos_token(shape.architecture == "gemma3")

    def add(name: str, *size: int) -> None:
        values = weights.normal(size=size) / size[-1] ** 0.5
        writer.add_tensor(f"{name}.weight", (values + (len(size) == 1)).astype(np.float32))

    add("token_embd", shape.vocabulary, shape.width)
    add("output_norm", shape.width)
    for layer in range(shape.layers):
        for name, length in layer_norms.items():
            add(f"blk.{layer}.{name}", length)
        for names in GROUPS.values():
            for name in names:
                add(f"blk.{layer}.{name}", shape.outputs(name), shape.inputs(name))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _letters() -> list[str]:
    """GPT-2's letters for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letter = {byte: chr(byte) for byte in plain}
    letter |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [letter[byte] for byte in range(256)]


@pytest.fixture(scope="module")
def base(base_file: Path) -> Base:
    return load(base_file)


@pytest.fixture(scope="module")
def row(base_file: Path) -> Row:
    return pack(SAMPLE, tokenizer(base_file))


def network(base: Base, *, frozen: int = 0) -> Network:
    """A network whose adapter does something."""
    adapter = Adapter(base.shape, 4, alpha=8.0, frozen=frozen)
    adapter.vector.normal_(0, 0.2, generator=torch.Generator().manual_seed(1))
    return Network(base, adapter)


# --- packing -------------------------------------------------------------------------------------


def test_only_the_answer_and_the_end_of_its_line_are_learned(base_file: Path, row: Row) -> None:
    tokenize = tokenizer(base_file)
    learned = [t for t, o in zip(row.expected.tolist(), row.owner.tolist(), strict=True) if o == 0]
    assert learned == list(tokenize(" dim B 40\n"))


def test_an_item_in_a_row_gets_what_it_gets_alone(base: Base, row: Row) -> None:
    net = network(base)
    together = net.logits(row)
    for index in range(len(row.items)):
        torch.testing.assert_close(
            together[row.owner == index], net.logits(alone(row, index)), atol=1e-4, rtol=1e-4
        )


def test_a_row_is_what_the_hub_asks(base_file: Path, row: Row) -> None:
    """Home and prompt cut apart are the tokens of the whole prompt."""
    sample = "Kitchen A: light Worktop Strip B\n", "[] off =>"
    tokens = alone(row, 1).tokens.tolist()
    assert tokens[: -len(" none")] == list(tokenizer(base_file)("".join(sample)))


def test_items_that_do_not_fit_are_left_out(base_file: Path) -> None:
    sample = next(samples(0))
    tokenize = tokenizer(base_file)
    whole = pack(sample, tokenize)
    short = pack(sample, tokenize, longest=len(whole) - 1)
    assert len(short.items) == len(whole.items) - 1
    assert len(short) < len(whole)


# --- the network ---------------------------------------------------------------------------------


def expected_by_llama_cpp(row: Row, path: Path, adapter: Path | None = None) -> Any:
    """Behind all tokens of a row of one item."""
    model = Model(
        str(path),
        context=256,
        batch=256,
        threads=1,
        sequences=1,
        extra_buffers=False,
        adapter=str(adapter) if adapter else None,
    )
    model.decode(row.tokens.tolist(), 0, 0)
    return model.logits().copy()


def test_llama_cpp_expects_the_same(base: Base, base_file: Path, row: Row) -> None:
    adapter = Adapter(base.shape, 4, alpha=8.0)
    adapter.start(0)  # adds nothing yet
    mine = alone(row, 0)
    found = Network(base, adapter).logits(mine)
    expected = expected_by_llama_cpp(mine, base_file)
    np.testing.assert_allclose(found[-1].numpy(), expected, atol=2e-2)


@pytest.mark.parametrize("frozen", [0, 1])
def test_the_gradient_is_the_slope_of_the_loss(base: Base, row: Row, frozen: int) -> None:
    assert_slope(network(base, frozen=frozen), row)


def assert_slope(net: Network, row: Row) -> None:
    """The gradient is what the loss rises by along it."""
    vector = net.adapter.vector
    gradient = torch.zeros_like(vector)
    net.learn(row, net.adapter.views(gradient), 1.0)
    direction = gradient / gradient.norm()

    def loss(step: float) -> float:
        vector.add_(direction, alpha=step)
        net.merge()
        shares = net.logits(row).double().log_softmax(1)
        vector.sub_(direction, alpha=step)
        return -float(shares[torch.arange(len(row.expected)), row.expected].sum())

    slope = (loss(2e-3) - loss(-2e-3)) / 4e-3
    assert slope == pytest.approx(float(gradient.norm()), rel=0.01)


@pytest.mark.parametrize("frozen", [0, 1])
def test_gradients_through_bytes_are_nearly_the_same(base: Base, row: Row, frozen: int) -> None:
    exact = network(base, frozen=frozen)
    rough = ByteNetwork(base, exact.adapter)
    rough.calibrate([row])
    one, other = torch.zeros_like(exact.adapter.vector), torch.zeros_like(exact.adapter.vector)
    loss = exact.learn(row, exact.adapter.views(one), 1.0)
    assert rough.learn(row, exact.adapter.views(other), 1.0) == pytest.approx(loss, rel=0.01)
    assert float(torch.cosine_similarity(one, other, 0)) > 0.97
    assert float(other.norm() / one.norm()) == pytest.approx(1, abs=0.03)
    rough.exactly()
    torch.testing.assert_close(rough.logits(row), exact.logits(row))


def test_layers_that_are_frozen_have_nothing_to_learn(base: Base) -> None:
    whole = Adapter(base.shape, 4, alpha=8.0)
    upper = Adapter(base.shape, 4, alpha=8.0, frozen=1)
    assert len(upper.vector) * 2 == len(whole.vector)
    assert {layer for layer, _, _ in upper.parts} == {1}


# --- stages --------------------------------------------------------------------------------------


def run(folder: Path, base_file: Path, steps: int, **more: Any) -> Any:
    return stage(
        folder, base_file, SETTINGS, steps=steps, source=SOURCE, say=lambda line: None, **more
    )


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_learns(tmp_path: Path, base_file: Path) -> None:
    run(tmp_path, base_file, 40)
    lines = log(tmp_path)
    steps = [line["loss"] for line in lines if "loss" in line]
    assert sum(steps[-5:]) < 0.5 * sum(steps[:5])
    validation = lines[-1]["validation"]
    assert validation["languages"]["en"][1] >= 300
    assert set(validation["kinds"]) == {"on", "off"}


def test_two_stages_are_as_good_as_one(tmp_path: Path, base_file: Path) -> None:
    """Weights, optimizer and place in the data are taken up where they were."""
    run(tmp_path / "one", base_file, 6)
    run(tmp_path / "two", base_file, 3)
    run(tmp_path / "two", base_file, 3)
    one, two = (
        torch.load(checkpoints(tmp_path / name)[-1], weights_only=True) for name in ("one", "two")
    )
    torch.testing.assert_close(one["vector"], two["vector"], atol=1e-5, rtol=1e-4)
    assert one["progress"]["samples"] == two["progress"]["samples"] == 12


def test_a_run_goes_on_in_the_middle_of_a_block(base_file: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.training.train.BLOCK", 3)
    tokenize = tokenizer(base_file)
    whole = [row.items for row in islice(drawn(SOURCE, 5, 0, tokenize), 8)]
    later = [row.items for row in islice(drawn(SOURCE, 5, 4, tokenize), 4)]
    assert later == whole[4:]


def test_the_rate_falls_to_nothing_in_the_last_stage(tmp_path: Path, base_file: Path) -> None:
    run(tmp_path, base_file, 3)
    run(tmp_path, base_file, 4, decay=True)
    rates = [line["rate"] for line in log(tmp_path) if "rate" in line]
    assert rates[:3] == [0.005, 0.01, 0.01]
    assert rates[3:] == pytest.approx([0.01, 0.0075, 0.005, 0.0025])


def test_an_interrupted_stage_is_saved(tmp_path: Path, base_file: Path) -> None:
    program = (
        "from pathlib import Path; from hub.training.train import stage; "
        "from tests.test_training import SETTINGS, SOURCE; "
        f"stage(Path({str(tmp_path)!r}), Path({str(base_file)!r}), SETTINGS, steps=100_000, "
        "source=SOURCE)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        while not (tmp_path / "log.jsonl").exists():
            assert process.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
    [saved] = checkpoints(tmp_path)
    state = torch.load(saved, weights_only=True)
    assert state["progress"]["step"] == log(tmp_path)[-1]["step"]


def test_a_checkpoint_that_was_cut_short_is_not_taken(tmp_path: Path, base: Base) -> None:
    trainer = Trainer(base, SETTINGS)
    trainer.save(tmp_path)
    (tmp_path / "checkpoint-00000009.part").write_bytes(b"half")
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-00000000.pt"]
    trainer.close()


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [0, 1])
def test_an_exported_adapter_does_the_same(
    tmp_path: Path, base: Base, base_file: Path, row: Row, frozen: int
) -> None:
    net = network(base, frozen=frozen)
    write_adapter(net.adapter, tmp_path / "adapter.gguf", kind="f32")
    mine = alone(row, 0)
    found = expected_by_llama_cpp(mine, base_file, tmp_path / "adapter.gguf")
    np.testing.assert_allclose(found, net.logits(mine)[-1].numpy(), atol=2e-2)


@pytest.mark.parametrize(("kind", "alike"), [("f32", 0.9999), ("q8_0", 0.999), ("q4_0", 0.8)])
def test_a_model_with_the_adapter_worked_in_does_the_same(
    tmp_path: Path, base: Base, base_file: Path, row: Row, kind: Kind, alike: float
) -> None:
    net = network(base)
    write_adapter(net.adapter, tmp_path / "adapter.gguf", kind="f32")
    merge(base_file, tmp_path / "adapter.gguf", tmp_path / "model.gguf", kind)
    mine = alone(row, 0)
    found = expected_by_llama_cpp(mine, tmp_path / "model.gguf")
    assert np.corrcoef(found, net.logits(mine)[-1].numpy())[0, 1] > alike
    assert tokenizer(tmp_path / "model.gguf")("dim B") == tokenizer(base_file)("dim B")


def test_with_what_counts_beside_it_it_is_rounded_to_four_bits(
    tmp_path: Path, base: Base, base_file: Path, row: Row
) -> None:
    net = network(base)
    write_adapter(net.adapter, tmp_path / "adapter.gguf", kind="f32")
    known = tmp_path / "counts.gguf"
    importance.write(base_file, tmp_path / "adapter.gguf", known, [row], ["attn_v"])
    made = tmp_path / "model.gguf"
    merge(base_file, tmp_path / "adapter.gguf", made, "iq4_nl", importance=known)
    kinds = {
        t.name: t.tensor_type.name for t in gguf.GGUFReader(str(tmp_path / "model.gguf")).tensors
    }
    assert kinds["blk.1.attn_v.weight"] == "Q8_0"
    assert kinds["blk.1.attn_q.weight"] == kinds["blk.1.ffn_down.weight"] == "IQ4_NL"
    mine = alone(row, 0)
    found = expected_by_llama_cpp(mine, tmp_path / "model.gguf")
    assert np.corrcoef(found, net.logits(mine)[-1].numpy())[0, 1] > 0.9


def test_what_counts_is_the_mean_square_of_what_a_column_is_multiplied_with(
    base: Base, row: Row
) -> None:
    norm = base.weights["blk.0.attn_norm"]
    found = importance.importance(base, [row])["blk.0.attn_k.weight"]
    words = base.weights["token_embd"][row.tokens]
    unit = words / words.square().mean(1, keepdim=True).sqrt()
    wanted = (unit * norm).square().mean(0)
    np.testing.assert_allclose(found, wanted / wanted.mean(), rtol=1e-3)


def test_what_was_trained_answers_through_the_engine_as_in_training(
    tmp_path: Path, base_file: Path
) -> None:
    run(tmp_path, base_file, 30)
    write_adapter(trained(checkpoints(tmp_path)[-1]).adapter, tmp_path / "adapter.gguf")
    asked = held_out(samples(1, held_out=True), 300)
    tally = tallied(answered(engine(base_file, tmp_path / "adapter.gguf"), asked))
    validation = log(tmp_path)[-1]["validation"]
    assert tally.exact == pytest.approx(validation["exact"], abs=0.02)
    assert tally.by(0).keys() == validation["kinds"].keys()
    assert "all" in tally.table()
