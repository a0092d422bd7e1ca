"""A model that is made when it is fetched: its base with the adapter that comes with Hearth."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from hub.errors import ModelError
from hub.models import store as stores
from hub.models.catalogue import Catalogue, Model
from hub.models.merge import Kind, merge
from hub.models.rounding import iq4_nl
from hub.models.store import ModelStore
from tests.gguf_files import lora, write_gguf

QUERY, SCALE, EMBEDDING = "blk.0.attn_q.weight", "blk.0.attn_norm.weight", "token_embd.weight"
ALPHA, RANK = 32.0, 4


def weights() -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {EMBEDDING: (96, 64), QUERY: (64, 64), SCALE: (64,)}
    return {name: random.normal(size=s).astype(np.float32) for name, s in shapes.items()}


def base(folder: Path) -> Path:
    path = folder / "base.gguf"
    write_gguf(path, {"general.architecture": "llama", "general.name": "small"}, weights())
    return path


def adapter(folder: Path, seed: int = 7, shape: tuple[int, int] = (64, 64)) -> Path:
    path = folder / "adapter.gguf"
    write_gguf(path, *lora(RANK, ALPHA, {QUERY: shape}, seed))
    return path


def read(path: Path) -> dict[str, Any]:
    tensors = gguf.GGUFReader(str(path)).tensors
    return {t.name: gguf.dequantize(t.data, t.tensor_type) for t in tensors}


@pytest.mark.parametrize(("kind", "off"), [("f16", 0.01), ("q8_0", 0.1), ("q4_0", 1.5)])
def test_only_what_the_adapter_is_for_changes_and_by_its_formula(
    tmp_path: Path, kind: Kind, off: float
) -> None:
    merge(base(tmp_path), adapter(tmp_path), tmp_path / "made.gguf", kind)
    made, before, learned = read(tmp_path / "made.gguf"), weights(), read(tmp_path / "adapter.gguf")
    wanted = before[QUERY] + ALPHA / RANK * learned[f"{QUERY}.lora_b"] @ learned[f"{QUERY}.lora_a"]
    assert np.abs(made[QUERY] - wanted).max() < off
    assert np.abs(made[EMBEDDING] - before[EMBEDDING]).max() < 0.1
    assert np.array_equal(made[SCALE], before[SCALE])
    fields = gguf.GGUFReader(str(tmp_path / "made.gguf")).fields
    assert fields["general.name"].contents() == "small"


def counts(folder: Path, name: str = QUERY, length: int = 64) -> Path:
    """What counts when the weight of this name is rounded: all columns alike."""
    write_gguf(folder / "counts.gguf", {}, {name: np.ones(length, np.float32)})
    return folder / "counts.gguf"


def test_four_bits_are_for_weights_of_which_is_known_what_counts(tmp_path: Path) -> None:
    four, exact = tmp_path / "four.gguf", tmp_path / "exact.gguf"
    merge(base(tmp_path), adapter(tmp_path), four, "iq4_nl", importance=counts(tmp_path))
    merge(base(tmp_path), adapter(tmp_path), exact, "f32")
    kinds = {t.name: t.tensor_type.name for t in gguf.GGUFReader(str(four)).tensors}
    assert kinds == {EMBEDDING: "Q8_0", QUERY: "IQ4_NL", SCALE: "F32"}
    wanted = read(exact)[QUERY]
    assert np.abs(read(four)[QUERY] - wanted).mean() < 0.15 * np.abs(wanted).mean()


@pytest.mark.parametrize(("name", "length"), [(QUERY, 32), ("blk.9.attn_q.weight", 64)])
def test_what_counts_for_another_model_is_refused(tmp_path: Path, name: str, length: int) -> None:
    wrong, made = counts(tmp_path, name, length), tmp_path / "made.gguf"
    with pytest.raises(ModelError, match="another model"):
        merge(base(tmp_path), adapter(tmp_path), made, "iq4_nl", importance=wrong)


def test_columns_that_count_are_rounded_more_exactly() -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(130, 96)).astype(np.float32)
    matrix[5] = 0
    count = np.where(np.arange(96) % 8 == 0, 50, 1).astype(np.float32)

    def off(counts: NDArray[np.float32]) -> NDArray[np.float32]:
        made = gguf.dequantize(iq4_nl(matrix, counts), gguf.GGMLQuantizationType.IQ4_NL)
        assert made.shape == matrix.shape and not made[5].any()
        return ((made - matrix) ** 2).mean(0)

    alike, weighted = off(np.ones(96, np.float32)), off(count)
    assert weighted[count > 1].mean() < 0.8 * alike[count > 1].mean()
    assert alike.mean() < 0.01


def test_an_adapter_for_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="another model"):
        merge(base(tmp_path), adapter(tmp_path, shape=(32, 64)), tmp_path / "made.gguf", "f16")
    write_gguf(tmp_path / "adapter.gguf", *lora(RANK, ALPHA, {"blk.9.attn_q.weight": (64, 64)}, 1))
    with pytest.raises(ModelError, match=r"no blk\.9\.attn_q\.weight"):
        merge(tmp_path / "base.gguf", tmp_path / "adapter.gguf", tmp_path / "made.gguf", "f16")


def test_what_is_no_adapter_or_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no adapter"):
        merge(base(tmp_path), tmp_path / "base.gguf", tmp_path / "made.gguf", "f16")
    (tmp_path / "text.gguf").write_text("this is no model at all, whatever its name says")
    with pytest.raises(ModelError, match="no GGUF file"):
        merge(tmp_path / "text.gguf", adapter(tmp_path), tmp_path / "made.gguf", "f16")


@pytest.mark.parametrize("half", ["lora_a", "lora_b"])
def test_half_an_adapter_is_refused(tmp_path: Path, half: str) -> None:
    metadata, tensors = lora(RANK, ALPHA, {QUERY: (64, 64)}, 1)
    del tensors[f"{QUERY}.{half}"]
    write_gguf(tmp_path / "adapter.gguf", metadata, tensors)
    with pytest.raises(ModelError, match=rf"damaged: no blk\.0\.attn_q\.weight\.{half}"):
        merge(base(tmp_path), tmp_path / "adapter.gguf", tmp_path / "made.gguf", "f16")


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of Hearth with an adapter in it, and the base model somewhere else."""
    (tmp_path / "hearth/adapters").mkdir(parents=True)
    adapter(tmp_path / "hearth/adapters")
    base(tmp_path)
    monkeypatch.setattr(stores, "files", lambda package: tmp_path / "hearth")
    return tmp_path


def offered(shop: Path, kind: str = "f16") -> ModelStore:
    source = shop / "base.gguf"
    file = {
        "name": "router.gguf",
        "source": [{"path": source}],
        "size": source.stat().st_size,
        "sha256": sha(source),
        "merge": {
            "adapter": "adapter.gguf",
            "sha256": sha(shop / "hearth/adapters/adapter.gguf"),
            "type": kind,
        },
    }
    model = Model.model_validate({"role": "language-model", "name": "router", "file": [file]})
    return ModelStore(shop / "models", Catalogue((model,)))


def test_it_is_made_when_it_is_fetched_and_can_be_verified(shop: Path) -> None:
    store = offered(shop)
    [model] = store.catalogue.models
    place = store.fetch(model)
    assert [path.name for path in place.glob("*.gguf")] == ["router.gguf"]
    assert not np.array_equal(read(place / "router.gguf")[QUERY], weights()[QUERY])
    assert store.state(model) == "installed"
    assert store.verify(model) == []
    made = place / "router.gguf"
    made.write_bytes(made.read_bytes()[:-1] + b"!")
    assert store.verify(model)


@pytest.mark.parametrize("change", ["adapter", "kind"])
def test_another_adapter_or_kind_of_weights_makes_it_anew(shop: Path, change: str) -> None:
    old = offered(shop)
    before = sha(old.fetch(old.catalogue.models[0]) / "router.gguf")
    if change == "adapter":
        adapter(shop / "hearth/adapters", seed=8)
    new = offered(shop, "f16" if change == "adapter" else "q8_0")
    [model] = new.catalogue.models
    assert new.state(model) == "outdated"
    assert sha(new.fetch(model) / "router.gguf") != before


def test_one_that_is_rounded_by_what_counts_is_made_when_it_is_fetched(shop: Path) -> None:
    known = counts(shop / "hearth/adapters")
    given = offered(shop, "iq4_nl").catalogue.models[0].model_dump(exclude_defaults=True)
    given["file"][0]["merge"] |= {"importance": known.name, "importance_sha256": sha(known)}
    store = ModelStore(shop / "models", Catalogue((Model.model_validate(given),)))
    [model] = store.catalogue.models
    made = gguf.GGUFReader(str(store.fetch(model) / "router.gguf"))
    assert {t.name: t.tensor_type.name for t in made.tensors}[QUERY] == "IQ4_NL"
    assert store.state(model) == "installed"
    [without] = offered(shop, "iq4_nl").catalogue.models
    assert store.state(without) == "outdated"
    store.remove(model)
    known.write_bytes(known.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="damaged"):
        store.fetch(model)


def test_a_damaged_adapter_makes_nothing(shop: Path) -> None:
    store = offered(shop)
    path = shop / "hearth/adapters/adapter.gguf"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="damaged"):
        store.fetch(store.catalogue.models[0])
    assert store.state(store.catalogue.models[0]) == "missing"
