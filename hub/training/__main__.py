"""`python -m hub.training`: train, export and score the fine-tuned model."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, cast, get_args

import typer

from hub.models.merge import Kind, merge
from hub.training.score import VALIDATION_ITEMS, VALIDATION_SEED, held_out

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

BaseFile = Annotated[
    Path | None, typer.Option(help="GGUF file to start from; the catalogue's smollm2-135m if none.")
]


def base_file(given: Path | None) -> Path:
    """The frozen model's file. Ends the program if there is none."""
    from hub.config import load
    from hub.errors import ModelError
    from hub.models.store import ModelStore

    try:
        return given or ModelStore(load().models).file("language-model", "smollm2-135m")
    except ModelError as error:
        raise typer.BadParameter(str(error)) from error


def _kind(given: str) -> Kind:
    """Ends the program for one that there is not."""
    for kind in get_args(Kind):
        if kind == given:
            return cast("Kind", kind)
    raise typer.BadParameter(f"{given} is none of {', '.join(get_args(Kind))}")


@app.command()
def train(
    folder: Annotated[Path, typer.Option(help="Where the run is kept.")],
    base: BaseFile = None,
    minutes: Annotated[float, typer.Option(help="How long.")] = math.inf,
    steps: Annotated[int | None, typer.Option(help="How many steps.")] = None,
    seed: Annotated[int, typer.Option(help="Of the data and the first weights.")] = 0,
    rank: Annotated[int, typer.Option(help="Of the adapter.")] = 16,
    frozen: Annotated[int, typer.Option(help="Lower layers that stay as they are.")] = 0,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-3,
    homes: Annotated[int, typer.Option(help="Homes of a step.")] = 4,
    decay: Annotated[bool, typer.Option(help="Last stage: let the rate fall to nothing.")] = False,
    threads: Annotated[int, typer.Option(help="Rows at once; 0: as many as processors.")] = 0,
    rough: Annotated[bool, typer.Option(help="Products of 8-bit numbers, where fast.")] = True,
) -> None:
    """Train a stage, going on from the folder's newest checkpoint."""
    from hub.training.train import Settings, stage

    if steps is None and math.isinf(minutes):
        raise typer.BadParameter("say how long: --minutes or --steps")
    settings = Settings(
        seed=seed, rank=rank, alpha=2.0 * rank, frozen=frozen, rate=rate, homes=homes
    )
    stage(
        folder,
        base_file(base),
        settings,
        minutes=minutes,
        steps=steps,
        decay=decay,
        threads=threads,
        rough=rough,
    )


@app.command()
def export(
    folder: Annotated[Path, typer.Option(help="Where the run is kept.")],
    base: BaseFile = None,
    target: Annotated[Path | None, typer.Option(help="Where to; the run's folder if none.")] = None,
    adapters: Annotated[str, typer.Option(help="Kinds of adapter.")] = "f16 q8_0",
    models: Annotated[str, typer.Option(help="Kinds of whole model.")] = "q8_0 q4_0",
) -> None:
    """Write the newest checkpoint as GGUF files."""
    from hub.training.export import trained, write_adapter
    from hub.training.train import checkpoints

    before = checkpoints(folder)
    if not before:
        raise typer.BadParameter(f"{folder}: no checkpoint")
    adapter, source, into = trained(before[-1]).adapter, base_file(base), target or folder
    into.mkdir(parents=True, exist_ok=True)
    for kind in adapters.split():
        write_adapter(adapter, into / f"adapter-{kind}.gguf", kind=_kind(kind))
        typer.echo(into / f"adapter-{kind}.gguf")
    with TemporaryDirectory() as folder_of_exact:
        exact = Path(folder_of_exact) / "adapter.gguf"
        write_adapter(adapter, exact, kind="f32")
        for kind in models.split():
            merge(source, exact, into / f"model-{kind}.gguf", _kind(kind))
            typer.echo(into / f"model-{kind}.gguf")


@app.command()
def requantize(
    target: Annotated[Path, typer.Option(help="The file to write.")],
    base: BaseFile = None,
    kind: Annotated[str, typer.Option(help="q4_0, q8_0, ...")] = "q4_0",
) -> None:
    """Write the base in another precision, to train and run an adapter with. Q4_0 is read three
    times as fast as Q4_1."""
    merge(base_file(base), None, target, _kind(kind))
    typer.echo(target)


@app.command()
def importance(
    adapter: Annotated[Path, typer.Option(help="GGUF file.")],
    target: Annotated[Path, typer.Option(help="The file to write.")],
    base: BaseFile = None,
    items: Annotated[int, typer.Option(help="At least so many sentences.")] = 200,
    eight: Annotated[str, typer.Option(help="Parts of names: these keep 8 bits.")] = "",
) -> None:
    """Write what counts when an adapter is merged in 4 bits (`iq4_nl`)."""
    from hub.training.generate import samples
    from hub.training.importance import SEED, write
    from hub.training.pack import pack
    from hub.training.train import LONGEST, tokenizer

    tokenize = tokenizer(base_file(base))
    rows = [pack(sample, tokenize, longest=LONGEST) for sample in held_out(samples(SEED), items)]
    write(base_file(base), adapter, target, rows, eight.split())
    typer.echo(target)


@app.command()
def score(
    base: BaseFile = None,
    adapter: Annotated[Path | None, typer.Option(help="GGUF file for the base.")] = None,
    model: Annotated[Path | None, typer.Option(help="Whole model, instead of both.")] = None,
    items: Annotated[int, typer.Option(help="At least so many.")] = VALIDATION_ITEMS,
    wrong: Annotated[bool, typer.Option(help="Show what was answered wrongly.")] = False,
    threads: Annotated[int, typer.Option(help="0: as many as processors.")] = 0,
) -> None:
    """Ask a model file what it was not trained on, through the hub's engine."""
    from hub.training.generate import samples
    from hub.training.score import answered, engine, speed, tallied

    asked = held_out(samples(VALIDATION_SEED, held_out=True), items)
    opened = engine(model or base_file(base), adapter, threads=threads)
    answers = list(answered(opened, asked))
    if wrong:
        for item, answer in answers:
            if answer != f" {item.answer}\n":
                typer.echo(f"{item.prompt} {item.answer} | {answer.strip()!r}")
    typer.echo(tallied(answers).table())
    typer.echo(speed(opened, asked))


if __name__ == "__main__":
    app()
