"""Step 46: updating parameters with an optimizer.

`p.data -= lr * p.grad.data` is one update rule of many. Inside the training loop it is hard to replace; an Optimizer
makes it replaceable. It gets the model once, and then the loop only says when to update:

    optimizer = SGD(lr).setup(model)     setup returns the optimizer itself
    optimizer.update()                   first the hooks, then every parameter that has a gradient

A subclass defines `update_one(param)`. SGD and MomentumSGD, with the gradient g:

    SGD             p <- p - lr g
    MomentumSGD     v <- momentum v - lr g,     p <- p + v

S is for stochastic: with large data the gradient is that of a random part of them (step 48). Momentum is like a ball
that rolls downhill: v is its velocity, lr g accelerates it, and momentum = 0.9 is the friction, which keeps 90 % of the
velocity in each iteration. In a long flat valley the accelerations add up, to ten times lr g; across the valley they
cancel. It costs an array v per parameter, created at the first update.

A hook is a function that sees all parameters before each update and may change their gradients: WeightDecay pulls
weights towards zero, ClipGrad shortens gradients that are too long, FreezeParam removes some.

AdaGrad, AdaDelta and Adam choose a step size for each weight from its past gradients. The comparison below runs five
optimizers on the problem of steps 43 to 45. Momentum needs 1000 iterations where plain descent needs 6300. But a
learning rate that is good for one optimizer is bad for another, so this is no ranking.

`--iters N` runs N iterations, each over all data. `--out DIR` saves the losses of the five as DIR/step46.png.
"""

import math

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
from stage4_neural_nets import optimizers
from stage4_neural_nets.models import MLP

args = options(__doc__, iters=10000, seed=0).parse_args()


def sine():
    """The data. Afterwards the random state is always the same, and so are the weights."""
    np.random.seed(args.seed)
    x = np.random.rand(100, 1)
    y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)
    return x, y


x, y = sine()
lr = 0.2
hidden_size = 10
model = MLP((hidden_size, 1))
optimizer = optimizers.SGD(lr).setup(model)
for i in range(args.iters):
    y_pred = model(x)
    loss = F.mean_squared_error(y, y_pred)

    model.cleargrads()
    loss.backward()

    optimizer.update()
    if i % 1000 == 0:
        print(i, loss, flush=True)  # ~> 0 variable(0.8165178492839) (1e-4)
        #    1000 variable(0.2499028)
        #    2000 variable(0.2460988)
        #    3000 variable(0.2372159)
        #    4000 variable(0.2079322)
        #    5000 variable(0.1231191)
        #    6000 variable(0.0788817)
        #    7000 variable(0.0765507)
        #    8000 variable(0.0763780)
        #    9000 variable(0.0761876)


def train(optimizer, iters):
    """The loop above with another optimizer, from the same weights; the loss of each iteration."""
    x, y = sine()
    model = MLP((hidden_size, 1))
    optimizer.setup(model)
    losses = []
    for _ in range(iters):
        loss = F.mean_squared_error(y, model(x))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    return losses


# One word changes the rule. The losses after 1000 iterations:
rules = {
    "SGD(0.2)": optimizers.SGD(lr),
    "MomentumSGD(0.2)": optimizers.MomentumSGD(lr),
    "AdaGrad(0.1)": optimizers.AdaGrad(0.1),
    "AdaDelta()": optimizers.AdaDelta(),
    "Adam(0.03)": optimizers.Adam(0.03),
}
curves = {}
for name, rule in rules.items():
    curves[name] = train(rule, min(args.iters, 1000))
    print(f"{name} {curves[name][-1]:.4f}", flush=True)  # ~> SGD(0.2) 0.2499 (1e-3)
    #    MomentumSGD(0.2) 0.0774
    #    AdaGrad(0.1) 0.2236
    #    AdaDelta() 0.2415
    #    Adam(0.03) 0.0758

# Hooks change the gradients before each update: weight decay adds a fraction of the weights, so that these stay
# small, and clipping shortens the vector of all gradients, so that no update is large. Loss and length of all weights:
for hook in (None, optimizers.WeightDecay(1e-3), optimizers.ClipGrad(0.05)):
    rule = optimizers.MomentumSGD(lr)
    if hook is not None:
        rule.add_hook(hook)
    losses = train(rule, min(args.iters, 300))
    size = math.sqrt(sum(float((p.data**2).sum()) for p in rule.target.params()))
    print(f"{type(hook).__name__} {losses[-1]:.4f} {size:.2f}", flush=True)  # ~> NoneType 0.2480 4.46 (0.03)
    #    WeightDecay 0.2497 4.17
    #    ClipGrad 0.2455 4.88


def draw(plt):
    """The losses of the five optimizers."""
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
    for name, losses in curves.items():
        axes.plot(range(1, len(losses) + 1), losses, ".-", markersize=4, label=name)
    axes.set(xlabel="iteration", ylabel="mean squared error", ylim=(0, 0.6))
    axes.legend()
    return figure


show(draw, args.out)
