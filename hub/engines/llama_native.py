"""The few calls of llama.cpp's C interface that a completion takes, with Python's types.

`llama_cpp.Llama` is not used: it keeps a batch's worth of logits, evaluates the chat template
that a model file brings with it, and cannot be told to do without the extra buffers (below).
Only imported in the worker process.

Constants and signatures: llama.h, through llama-cpp-python's low-level interface.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from hub.errors import EngineError, ModelError

CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)
"""llama_token_data"""

ALL_LAYERS = 999
"""More than any model has."""
LOG_ERROR = 4
"""GGML_LOG_LEVEL_ERROR"""


OUTPUTS = 16
"""Tokens of one batch after which the model may be asked what follows."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token to evaluate. The beginnings of several sequences may be one."""

    token: int
    position: int
    sequences: tuple[int, ...]
    asked: bool
    """What follows it is wanted."""


class Model:
    """A model file with one context: tokens in, logits out, several sequences kept.

    `extra_buffers` lets llama.cpp repack weights for this processor's matrix instructions: faster,
    takes more memory, and its AMX path kills the process on some virtual machines.
    """

    def __init__(
        self,
        path: str,
        *,
        context: int,
        batch: int,
        threads: int,
        sequences: int,
        extra_buffers: bool,
        adapter: str | None = None,
        gpu: bool = False,
    ) -> None:
        self._complaints = _Complaints()
        llama_cpp.llama_backend_init()
        settings = llama_cpp.llama_model_default_params()
        settings.use_extra_bufts = extra_buffers
        settings.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP
        # All of them; 0 where llama.cpp was built without a GPU.
        settings.n_gpu_layers = ALL_LAYERS if gpu and llama_cpp.llama_supports_gpu_offload() else 0
        self._model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
        if not self._model:
            raise ModelError(f"{path}: llama.cpp cannot load this model: {self._complaints}")
        self._vocabulary: Any = llama_cpp.llama_model_get_vocab(self._model)
        self._context: Any = self._new_context(context, batch, threads, sequences)
        if not self._context:
            raise ModelError(f"{path}: llama.cpp cannot run this model: {self._complaints}")
        self._memory: Any = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(batch, 0, sequences)
        self.context = context
        self.batch = batch
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self.partial_copies = not (
            llama_cpp.llama_model_is_recurrent(self._model)
            or llama_cpp.llama_model_is_hybrid(self._model)
        )
        """Whether the beginning of a sequence can be kept; recurrent models have only the end."""
        if adapter is not None:
            self._adapt(adapter)

    def _adapt(self, path: str) -> None:
        """Add what a LoRA adapter has learned. Raises ModelError if it is not for this model."""
        self._complaints.clear()
        adapter = llama_cpp.llama_adapter_lora_init(self._model, path.encode())
        if not adapter:
            raise ModelError(f"{path}: not an adapter for this model: {self._complaints}")
        one = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter)
        if llama_cpp.llama_set_adapters_lora(self._context, one, 1, (ctypes.c_float * 1)(1.0)):
            raise ModelError(f"{path}: llama.cpp cannot use this adapter: {self._complaints}")

    def _new_context(self, context: int, batch: int, threads: int, sequences: int) -> Any:
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = context
        settings.n_batch = settings.n_ubatch = batch
        settings.n_seq_max = sequences
        settings.n_outputs_max = min(batch, max(sequences, OUTPUTS))
        settings.n_threads = settings.n_threads_batch = threads
        settings.kv_unified = True  # sequences with a common beginning share its cells
        settings.swa_full = True  # or the beginning of a sliding window could not be used again
        settings.no_perf = True
        return llama_cpp.llama_init_from_model(self._model, settings)

    def tokens(self, text: str) -> list[int]:
        """Tokens of a prompt, with the model's own start token; `<|...|>` marks are understood."""
        return self._tokens(text, special=True)

    def plain_tokens(self, text: str, *, begins: bool) -> list[int]:
        """Tokens of words that somebody said, in which `<|...|>` marks nothing. `begins`: with
        the model's own start token."""
        return self._tokens(text, special=False, begins=begins)

    def _tokens(self, text: str, *, special: bool, begins: bool = True) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 8
        found = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(
            self._vocabulary, data, len(data), found, room, begins, special
        )
        if count < 0:
            raise EngineError("the prompt cannot be turned into tokens")
        return list(found[:count])

    def piece(self, token: int) -> bytes:
        """What a token stands for; nothing for a control token."""
        room = ctypes.create_string_buffer(256)
        count = llama_cpp.llama_token_to_piece(self._vocabulary, token, room, 256, 0, False)
        return room.raw[: max(0, count)]

    def ends(self, token: int) -> bool:
        """Whether the token ends a text."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token))

    def decode(
        self, tokens: Sequence[int], sequence: int, position: int, *, asked: bool = True
    ) -> None:
        """Evaluate at most `batch` tokens of a sequence, from `position` on. Whoever does not ask
        what follows saves as much as a fifth of a token takes."""
        last = len(tokens) - 1 if asked else None
        self.evaluate(
            [
                Token(token, position + index, (sequence,), index == last)
                for index, token in enumerate(tokens)
            ]
        )

    def evaluate(self, tokens: Sequence[Token]) -> None:
        """Evaluate at most `batch` tokens, each behind those of its sequences, of which at most
        OUTPUTS are asked."""
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, each in enumerate(tokens):
            batch.token[index] = each.token
            batch.pos[index] = each.position
            batch.n_seq_id[index] = len(each.sequences)
            for place, sequence in enumerate(each.sequences):
                batch.seq_id[index][place] = sequence
            batch.logits[index] = each.asked
        if code := llama_cpp.llama_decode(self._context, batch):
            raise EngineError(f"llama.cpp could not evaluate the prompt (code {code})")

    def logits(self, index: int = -1) -> NDArray[np.float32]:
        """For what follows the token at an index of the last batch; it must have been asked.

        Overwritten by the next evaluation."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary,))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let `target` be the first `length` tokens of `source`."""
        self.cut(target, 0)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def saved(self, sequence: int) -> bytes:
        """A sequence with what the model has computed for it, to be put back."""
        size = llama_cpp.llama_state_seq_get_size(self._context, sequence)
        room = (ctypes.c_uint8 * size)()
        count = llama_cpp.llama_state_seq_get_data(self._context, room, size, sequence)
        return ctypes.string_at(room, count)

    def restore(self, sequence: int, state: bytes) -> None:
        """Put a sequence back in place of what it holds. Raises EngineError without room."""
        self.cut(sequence, 0)
        data = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if not llama_cpp.llama_state_seq_set_data(self._context, data, len(state), sequence):
            raise EngineError("llama.cpp could not put a prompt back")

    def cut(self, sequence: int, length: int) -> None:
        """Forget a sequence but for its first `length` tokens."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def grammar(self, text: str) -> Grammar:
        """Raises EngineError if it is not GBNF with a rule `root`."""
        self._complaints.clear()
        sampler = llama_cpp.llama_sampler_init_grammar(self._vocabulary, text.encode(), b"root")
        if not sampler:
            raise EngineError(f"not a GBNF grammar with a rule 'root': {self._complaints}")
        return Grammar(sampler)


class Grammar:
    """What may be written next."""

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler

    def allows(self, tokens: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these tokens may come next."""
        candidates = np.zeros(len(tokens), CANDIDATE)
        candidates["id"] = tokens
        array = llama_cpp.llama_token_data_array(
            data=candidates.ctypes.data_as(llama_cpp.llama_token_data_p),
            size=len(tokens),
            selected=-1,
            sorted=False,
        )
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        allowed: NDArray[np.bool_] = candidates["logit"] > -np.inf
        return allowed

    def accept(self, token: int) -> None:
        """Go on; the token must have been allowed."""
        llama_cpp.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        llama_cpp.llama_sampler_free(self._sampler)


class _Complaints:
    """Keeps what llama.cpp logs as an error, for the message of the exception."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._callback = llama_cpp.llama_log_callback(self._take)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _take(self, level: int, text: bytes, _data: Any) -> None:
        if level == LOG_ERROR:
            self._lines = [*self._lines[-2:], text.decode(errors="replace").strip()]

    def clear(self) -> None:
        self._lines.clear()

    def __str__(self) -> str:
        return "; ".join(self._lines) or "no reason given"
