"""`python -m hub.training`: train, export and score the fine-tuned model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

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
    )


if __name__ == "__main__":
    app()
