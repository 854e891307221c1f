"""The Rosetta beyond the book: hybridize as a PyTorch call."""

from __future__ import annotations

from typing import Any


class TorchBeyondHybrid:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def hybridize(self, model: Any) -> Any:
        """torch.compile(model), which needs a compiler, or torch.jit.trace with an example; here the model itself."""
        return model
