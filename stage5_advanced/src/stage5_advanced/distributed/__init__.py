"""Training with many processes, which average their gradients (data parallelism). [not in the book]"""

from .checkpoints import load_checkpoint, save_checkpoint
from .communicator import Communicator, MPICommunicator, NCCLCommunicator
from .data import check_steps, create_multi_node_evaluator, scatter_dataset, split_batch
from .launch import abort_on_error, create_communicator
from .normalization import MultiNodeBatchNormalization, allreduce, create_mnbn_model
from .optimizer import MultiNodeOptimizer, create_multi_node_optimizer
