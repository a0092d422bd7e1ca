"""Samples as tokens: one home in front, its utterances behind, each as if it stood there alone.

A row is read by the model in one go. The home's part is read once for all its items; an item sees
the home and itself. Only answers are learned, up to the newline that ends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from hub.training.samples import Item, Sample


class Tokenize(Protocol):
    """`begins`: with the start token, of models that have one."""

    def __call__(self, text: str, *, begins: bool = False) -> Sequence[int]: ...


IGNORED = float("-inf")


@dataclass(frozen=True)
class Row:
    """The tokens of one sample."""

    tokens: Tensor
    """Those of the home, then those of each item but for its last."""
    home: int
    """Tokens of the home."""
    lengths: tuple[int, ...]
    """Tokens of each item."""
    asked: Tensor
    """Indices of the tokens after which one of an answer follows."""
    expected: Tensor
    """The tokens that follow there."""
    owner: Tensor
    """Which item each of these belongs to."""
    items: tuple[Item, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def positions(self) -> Tensor:
        """Where each token stands in its own prompt."""
        behind = [torch.arange(self.home, self.home + length) for length in self.lengths]
        return torch.cat([torch.arange(self.home), *behind])

    @cached_property
    def padded(self) -> Tensor:
        """Indices of the items' tokens, counted from the first item's, as a rectangle: items by
        the longest one's length. What is missing is the item's last."""
        longest = max(self.lengths)
        steps = torch.arange(longest)
        lengths = torch.tensor(self.lengths)
        starts = lengths.cumsum(0) - lengths
        return starts[:, None] + torch.minimum(steps, lengths[:, None] - 1)

    @cached_property
    def unpadded(self) -> Tensor:
        """Where in the rectangle each token of the items stands."""
        longest = max(self.lengths)
        return torch.cat(
            [torch.arange(length) + index * longest for index, length in enumerate(self.lengths)]
        )


def pack(sample: Sample, tokenize: Tokenize, *, longest: int = 0) -> Row:
    """`longest`: tokens of a row at most; items that do not fit are left out. 0: no limit.

    Home, prompt and answer are cut into tokens apart, as they are when the hub asks."""
    tokens = list(tokenize(sample.home, begins=True))
    home = len(tokens)
    lengths: list[int] = []
    items: list[Item] = []
    asked: list[int] = []
    expected: list[int] = []
    owner: list[int] = []
    for item in sample.items:
        prompt, answer = tokenize(item.prompt), tokenize(f" {item.answer}\n")
        length = len(prompt) + len(answer) - 1
        if longest and items and len(tokens) + length > longest:
            continue
        first = len(tokens) + len(prompt) - 1
        asked += range(first, first + len(answer))
        expected += answer
        owner += [len(items)] * len(answer)
        tokens += [*prompt, *answer[:-1]]
        lengths.append(length)
        items.append(item)
    return Row(
        torch.tensor(tokens),
        home,
        tuple(lengths),
        torch.tensor(asked),
        torch.tensor(expected),
        torch.tensor(owner),
        tuple(items),
    )


def alone(row: Row, index: int) -> Row:
    """A row of one item of another."""
    start = row.home + sum(row.lengths[:index])
    end = start + row.lengths[index]
    mine = row.owner == index
    return Row(
        torch.cat([row.tokens[: row.home], row.tokens[start:end]]),
        row.home,
        (row.lengths[index],),
        row.asked[mine] - start + row.home,
        row.expected[mine],
        torch.zeros_like(row.owner[mine]),
        (row.items[index],),
    )
