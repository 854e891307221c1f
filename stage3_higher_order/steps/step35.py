"""Step 35: graphs of higher-order derivatives.

The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x), bends every number into -1 ... 1. By the quotient rule

    tanh' = ( (e^x + e^-x)^2 - (e^x - e^-x)^2 ) / (e^x + e^-x)^2  =  1 - tanh^2,

so `backward` needs no input at all, only the output y that it already has: gx = gy * (1 - y * y). It takes y as a
Variable, and y knows that a Tanh made it; so the graph of the derivative leads through the graph of the function:

    (x) --> [ Tanh ] --> (y) ==> [ Mul ] --> [ Sub ] --> [ Mul ] --> (gx1)      1 - y * y, times gy

The derivative of that has to go through all of it, with the product rule at each Mul, and the next one through
that again. The count below shows the price: each order has more than twice the functions of the one before. Nobody
could draw the seventh by hand, and nobody had to write one down.

`--out DIR` draws the graphs of the derivatives 1 to `--order N`, default 3, to DIR/tanh_gx1.png, tanh_gx2.png ...
(needs Graphviz; seconds at order 5, long at 8).
"""

import argparse
import pathlib
import sys

import numpy as np

import stage3_higher_order.functions as F
from stage3_higher_order import Variable
from stage3_higher_order.utils import get_dot_graph, plot_dot_graph

parser = argparse.ArgumentParser(description="Step 35: graphs of higher-order derivatives")
parser.add_argument("--order", type=int, default=3, metavar="N", help="the last derivative to draw, default 3")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/tanh_gx1.png, tanh_gx2.png ...")
arguments = parser.parse_args()

# --- demonstration ---

x = Variable(np.array(1.0), name="x")
y = F.tanh(x)
y.name = "y"
y.backward(create_graph=True)

gxs = []  # the derivatives of order 1, 2 ...
for order in range(1, max(8, arguments.order) + 1):
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

# How many functions, variables and arrows the graphs have.
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


if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        for gx in gxs[: arguments.order]:
            plot_dot_graph(gx, verbose=False, to_file=arguments.out / f"tanh_{gx.name}.png")
    except RuntimeError as error:
        sys.exit(f"step35: no figure: {error}")
