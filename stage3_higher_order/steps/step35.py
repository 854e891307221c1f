"""Step 35: graphs of higher-order derivatives.

The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x), maps every number into (-1, 1). By the quotient rule

    tanh' = ( (e^x + e^-x)^2 - (e^x - e^-x)^2 ) / (e^x + e^-x)^2  =  1 - tanh^2,

so `backward` does not need the input, only the output y: gx = gy * (1 - y * y). It uses y as a Variable whose creator
is Tanh, so the graph of the derivative contains the graph of the function:

    (x) --> [ Tanh ] --> (y) ==> [ Mul ] --> [ Sub ] --> [ Mul ] --> (gx1)      1 - y * y, times gy

The derivative of that traverses all of it, with the product rule at each Mul, and so does the next one. The counts
below show the price: each order has more than twice as many functions as the previous one. Nobody could draw
the graph of the seventh derivative by hand, and no formula of any derivative had to be written.

`--out DIR` draws the graphs of the derivatives 1 to `--order N` to DIR/tanh_gx1.png, tanh_gx2.png ... (order 5 takes
seconds, order 8 much longer), and the curves of tanh and its first two derivatives to DIR/step35.png.
"""

import numpy as np
from demo import graph, options, show

import stage3_higher_order.functions as F
from stage3_higher_order import Variable, grad
from stage3_higher_order.utils import get_dot_graph, plot_dot_graph

args = options(__doc__, order=3).parse_args()

x = Variable(np.array(1.0), name="x")
y = F.tanh(x)
y.name = "y"
y.backward(create_graph=True)

gxs = []  # the derivatives of order 1, 2 ...
for order in range(1, max(8, args.order) + 1):
    gx = x.grad
    gx.name = f"gx{order}"
    gxs.append(gx)
    x.cleargrad()
    gx.backward(create_graph=True)
x.cleargrad()

for gx in gxs[:8]:
    print(gx.name, gx.data)  # -> gx1 0.41997434161402614
    #    gx2 -0.6397000084492246
    #    gx3 0.6216266807712962
    #    gx4 0.6650910447505024
    #    gx5 -5.556893558473722
    #    gx6 13.624075441312101
    #    gx7 12.288367894320414
    #    gx8 -277.06213560303127

# The number of functions, variables and arrows in each graph.
for gx in gxs[:8]:
    lines = get_dot_graph(gx, verbose=False).splitlines()
    functions = sum("shape=box" in line for line in lines)
    variables = sum("color=orange" in line for line in lines)
    arrows = sum("->" in line for line in lines)
    print(gx.name, functions, variables, arrows)  # -> gx1 4 7 11
    #    gx2 9 13 25
    #    gx3 21 27 60
    #    gx4 51 59 147
    #    gx5 129 139 374
    #    gx6 339 351 989
    #    gx7 921 935 2704
    #    gx8 2571 2587 7591

for gx in gxs[: args.order]:
    graph(plot_dot_graph, gx, args.out, f"tanh_{gx.name}.png", verbose=False)


def draw(plt):
    """tanh and its first two derivatives."""
    x = Variable(np.linspace(-4, 4, 200))
    y = F.tanh(x)
    gx = grad(y, x, create_graph=True)
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for label, curve in (("tanh(x)", y), ("1 - tanh(x)^2", gx), ("its derivative", grad(gx, x))):
        axes.plot(x.data, curve.data, label=label)
    axes.set_xlabel("x")
    axes.grid(alpha=0.4)
    axes.legend()
    return figure


show(draw, args.out)
