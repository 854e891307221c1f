"""Search for the most probable sequence, one token after the other: greedy, beam_search."""

import numpy as np

from .. import cuda
from ..config import no_grad, test_mode


def greedy(model, src, max_len, lengths=None):
    """The most probable token at each step, for each row of src (N, T): a list of N arrays of ids. [not in the book]

    model: with `start(src, lengths)`, `step(ids, state)`, `bos` and `eos`, such as a Seq2Seq. A row ends with eos, or
    after max_len tokens.
    """
    with no_grad(), test_mode():
        state = model.start(src, lengths)
        ids = np.full(len(src), model.bos)
        rows, running = [], np.ones(len(src), bool)
        while running.any() and len(rows) < max_len:
            log_p, state = model.step(ids, state)
            ids = cuda.as_numpy(log_p).argmax(1)
            rows.append(np.where(running, ids, -1))
            running &= ids != model.eos
    return [row[row >= 0] for row in np.reshape(rows, (len(rows), len(src))).T]


def beam_search(step, start, eos, width, max_len, alpha=0.75):
    """The best sequences that a search with `width` sequences at a time finds: [(ids, score), ...], best first.

    step(ids (K,), state) -> log_p (K, V), state: the logarithms of the probabilities of the next token, for K sequences
    with the last tokens ids. start: the first (id, state). A state is an array or a Variable whose first axis has the K
    sequences, or a list, tuple or dict of states; at the start K is 1. At each step, the width most probable sequences
    are kept; those that end with eos are set aside. score: log P / L^alpha for L tokens, with eos and without the first
    id. Returns at most width sequences. Raises ValueError unless width and max_len are positive. [not in the book]
    """
    if width < 1 or max_len < 1:
        raise ValueError(f"beam_search: expected a positive width and max_len, got {width} and {max_len}")
    first, state = start
    sequences, totals, finished = [[first]], np.zeros(1), []
    with no_grad(), test_mode():
        for length in range(1, max_len + 1):
            log_p, state = step(np.array([ids[-1] for ids in sequences]), state)
            scores = totals[:, None] + cuda.as_numpy(log_p)
            best = np.argsort(-scores, axis=None, kind="stable")[:width]
            parents, tokens = np.unravel_index(best[scores.ravel()[best] > -np.inf], scores.shape)
            totals = scores[parents, tokens]
            sequences = [[*sequences[parent], token] for parent, token in zip(parents, tokens.tolist(), strict=True)]
            ended = (tokens == eos) | (length == max_len)
            finished += [(sequences[k][1:], float(totals[k]) / length**alpha) for k in np.flatnonzero(ended)]
            going = np.flatnonzero(~ended)
            if len(going) == 0:
                break
            sequences, totals = [sequences[k] for k in going], totals[going]
            state = rows_of(state, parents[going])
    return sorted(finished, key=lambda one: -one[1])[:width]


def rows_of(state, index):
    """The rows of a state, a tree of arrays and Variables."""
    if isinstance(state, dict):
        return {key: rows_of(part, index) for key, part in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(rows_of(part, index) for part in state)
    return None if state is None else state[cuda.get_array_module(state).asarray(index)]
