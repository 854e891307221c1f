"""An optimizer that updates with the mean of the gradients of all processes."""

from .. import cuda
from .communicator import by_path, initialized


class MultiNodeOptimizer:
    """An optimizer with another `update`; everything else is that of `actual_optimizer`. [not in the book]

    It is created by `create_multi_node_optimizer`.
    """

    def __init__(self, optimizer, comm, zero_fill, check_finite):
        own = {"actual_optimizer": optimizer, "comm": comm, "zero_fill": zero_fill, "check_finite": check_finite}
        vars(self).update(own)

    def __getattr__(self, name):
        if name.startswith("__") or "actual_optimizer" not in vars(self):  # a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self.actual_optimizer, name)

    def __setattr__(self, name, value):
        setattr(self.actual_optimizer, name, value)

    def setup(self, target):
        """Take a layer or model as the target; return this optimizer. [not in the book]"""
        self.actual_optimizer.setup(target)
        return self

    def update(self, weight=None):
        """Update with the mean of the gradients of all processes; return whether this was a step. [not in the book]

        weight: of this process, such as the number of samples of its batch; None: 1. Of several processes the first
        call, and each call after which a parameter has been initialized, instead copies the parameters of rank 0 to
        all: it is no step, since the gradients belong to other weights. After `comm.bcast_data(model)` the first call
        is a step. Hooks see the mean. Raises ValueError on every process as `multi_node_mean_grad` does, and with
        check_finite if a gradient is not finite; then nothing is changed.
        """
        optimizer, comm, model = self.actual_optimizer, self.comm, self.actual_optimizer.target
        if model is None:
            return optimizer.update()  # its error
        if comm.size > 1 and comm.any(comm.sent.get(model) != initialized(model), "update"):
            comm.bcast_data(model)
            return False
        grads = [(path, param, param.grad) for path, param in by_path(model.named_params()).items()]
        comm.multi_node_mean_grad(model, self.zero_fill, 1.0 if weight is None else weight)
        # A gradient that is not finite on one process makes the mean so on all.
        if self.check_finite and not all(is_finite(param.grad) for _, param, _ in grads):
            found = [path for path, _, grad in grads if not is_finite(grad)]
            try:
                comm.check("update", f"expected finite gradients, got nan or inf in {found}" if found else None)
            except ValueError:
                for _, param, grad in grads:
                    param.grad = grad
                raise
        optimizer.update()
        return True


def is_finite(grad):
    """Whether a gradient, or None, has finite elements only."""
    return grad is None or cuda.get_array_module(grad).isfinite(grad.data).all()


def create_multi_node_optimizer(optimizer, comm, zero_fill=True, double_buffering=False, *, check_finite=False):
    """The optimizer, updating with the mean of the gradients of all processes. [not in the book]

    zero_fill: whether a gradient that only some processes have counts as zeros on the others; otherwise it is an
    error. check_finite: whether gradients with nan or inf are an error, on all processes, with path and rank.
    Raises ValueError for double_buffering, which would use gradients one step old.
    """
    if double_buffering:
        raise ValueError("create_multi_node_optimizer: expected double_buffering=False: gradients are never a step old")
    return MultiNodeOptimizer(optimizer, comm, zero_fill, check_finite)
