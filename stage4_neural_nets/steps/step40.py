"""Step 40: functions that broadcast.

NumPy adds arrays of different shapes: [1 2 3] + [10] is [11 12 13], as if the 10 were repeated three times. In stages 2
and 3 the forward pass worked but the backward pass was wrong: the gradient of [10] had three entries, against the rule
of step 37. The 10 is used three times, and a variable that is used several times gets the sum of its gradients (step
14). So copying and summing belong together; each is the backward pass of the other:

    y = broadcast_to(x, shape)     gx = sum_to(gy, shape of x)          x copied to a larger shape
    y = sum_to(x, shape)           gx = broadcast_to(gy, shape of x)    x summed to a smaller shape

    [1 2 3]   --broadcast_to-->   [[1 2 3]          [[1 2 3]
                                   [1 2 3]]          [4 5 6]]    --sum_to (1, 3)-->    [[5 7 9]]

    [2 2 2]   <-----sum_to-----   [[1 1 1]          [[1 1 1]
                                   [1 1 1]]          [1 1 1]]    <--broadcast_to--     [[1 1 1]]

NumPy has `broadcast_to` but no `sum_to`; `functions/broadcast.py` has it for arrays (`utils.sum_to`) and for Variables
(`F.sum_to`). It sums over the axes that broadcasting expands: the missing leading axes and those of length 1.

With this pair, Add, Sub, Mul, Div and Power are all corrected in the same way. `forward` lets NumPy broadcast, as
before. `backward` first applies its rule, then sums each gradient to the shape of its input:

    y = x0 * x1         gx0 = sum_to(gy * x1, shape of x0)        gx1 = sum_to(gy * x0, shape of x1)

`--out DIR` draws the graphs of y = x0 * x1 and of its gradient with respect to x1 to DIR/step40_y.png and
DIR/step40_gx1.png.
"""

import numpy as np
from demo import graph, options

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph, sum_to

args = options(__doc__).parse_args()

# With arrays.
x = np.array([1, 2, 3])
y = np.broadcast_to(x, (2, 3))
print(y)  # -> [[1 2 3]
#               [1 2 3]]

x = np.array([[1, 2, 3], [4, 5, 6]])
y = sum_to(x, (1, 3))
print(y)  # -> [[5 7 9]]
y = sum_to(x, (2, 1))
print(y)  # -> [[ 6]
#               [15]]

# With Variables: each number is copied twice, so its gradient is 2; and the reverse.
x = Variable(np.array([1, 2, 3]))
y = F.broadcast_to(x, (2, 3))
y.backward()
print(x.grad)  # -> variable([2 2 2])

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sum_to(x, (1, 3))
y.backward()
print(y)  # -> variable([[5 7 9]])
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])

# In the operators.
x0 = Variable(np.array([1, 2, 3]), name="x0")
x1 = Variable(np.array([10]), name="x1")
y = x0 + x1
print(y)  # -> variable([11 12 13])
y.backward()
print(x0.grad)  # -> variable([1 1 1])
print(x1.grad)  # -> variable([3])

# First the rule, then the sum: gy * x0 is [1 2 3], and the gradient of the single factor 10 is 6.
y = x0 * x1
for gx in grad(y, [x0, x1]):
    print(gx)  # -> variable([10 10 10])
    #    variable([6])


y.name = "y"
gy = Variable(np.ones_like(y.data), name="gy")
gx1 = grad(y, x1, grad_outputs=gy, create_graph=True)
gx1.name = "gx1"
for v in (y, gx1):
    graph(plot_dot_graph, v, args.out, f"step40_{v.name}.png")
