"""Deep Q-learning: a network learns to balance a pole, from nothing but the time until it falls.

A cart on a rail carries a pole that would fall over; at each step of 0.02 s it is pushed left or right. No one says
which push is right. The reward is 1 for each step until the pole leans more than 12 degrees, the cart leaves the rail,
or 200 steps are over. Q(s, a) is the sum of the rewards to come, later ones discounted by 0.99, after the action a in
the state s, if all further actions are the best ones. So it must satisfy Bellman's equation,

    Q(s, a) = reward + 0.99 max over a' of Q(s', a')          (without the second term if the pole falls)

and the network is trained to reduce the difference of both sides. Three ideas keep this from diverging: the right side
is computed by an older copy of the network (the target network); samples are drawn at random from all steps so far
(experience replay), since successive ones are alike; and the action is sometimes random, to explore. Which action is
best is said by the network, what it is worth by the copy (double Q-learning), since a maximum of noisy values is too
large.

    python stage5_advanced/examples/dqn.py --quick

The physics of cart and pole is half a page; no other package is needed. With --quick, the network keeps the pole up
for 185 of 200 steps at the end, the mean of 20 episodes.

The figure: the duration of the episodes; a balanced episode; the values over angle and angular velocity.

A. Barto, R. Sutton, C. Anderson, Neuronlike adaptive elements that can solve difficult learning control problems
(1983). V. Mnih et al., Human-level control through deep reinforcement learning, Nature 518 (2015). H. van Hasselt, A.
Guez, D. Silver, Deep reinforcement learning with double Q-learning, arXiv:1509.06461 (2015).
"""

import copy
import math

import numpy as np
from common import begin, figure, options, pick, save

import stage5_advanced.functions as F
from stage5_advanced import cuda, no_grad, optimizers
from stage5_advanced.models import MLP

STEPS = 200  # of an episode, at most
DISCOUNT = 0.99


class CartPole:
    """A pole on a cart: state (x, velocity, angle, angular velocity) in m, m/s, rad, rad/s; action 0 left, 1 right."""

    GRAVITY, CART, POLE, HALF, FORCE, DT = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s^2, kg, kg, m, N, s

    def reset(self):
        self.state, self.t = np.random.uniform(-0.05, 0.05, 4), 0
        return self.state.astype(np.float32)

    def step(self, action):
        """(the next state, whether the pole fell, whether the episode is over)."""
        _, v, angle, w = self.state
        push = (self.FORCE if action else -self.FORCE) + self.POLE * self.HALF * w**2 * math.sin(angle)
        push /= self.CART + self.POLE
        turn = self.GRAVITY * math.sin(angle) - math.cos(angle) * push
        turn /= self.HALF * (4 / 3 - self.POLE * math.cos(angle) ** 2 / (self.CART + self.POLE))
        acceleration = push - self.POLE * self.HALF * turn * math.cos(angle) / (self.CART + self.POLE)
        self.state = self.state + self.DT * np.array([v, acceleration, w, turn])
        self.t += 1
        fell = abs(self.state[0]) > 2.4 or abs(self.state[2]) > math.radians(12)
        return self.state.astype(np.float32), fell, fell or self.t == STEPS


class Replay:
    """The last steps: states, actions, next states, whether the pole fell."""

    def __init__(self, size):
        self.s, self.after = np.zeros((2, size, 4), np.float32)
        self.action, self.fell = np.zeros(size, int), np.zeros(size, np.float32)
        self.n = 0

    def add(self, s, action, after, fell):
        i = self.n % len(self.s)
        self.s[i], self.action[i], self.after[i], self.fell[i] = s, action, after, fell
        self.n += 1

    def batch(self, size):
        i = np.random.randint(0, min(self.n, len(self.s)), size)
        return self.s[i], self.action[i], self.after[i], self.fell[i]


def values(model, s, gpu=False):
    """Q(s, a) of states (N, 4), an array (N, 2)."""
    with no_grad():
        return cuda.as_numpy(model(cuda.as_cupy(s) if gpu else s))


def update(model, target, optimizer, batch, gpu):
    """One update; the loss."""
    s, action, after, fell = batch
    best = values(model, after, gpu).argmax(axis=1)
    later = values(target, after, gpu)[np.arange(len(best)), best]
    right = (1 + DISCOUNT * (1 - fell) * later).astype(np.float32)
    if gpu:
        s, action, right = map(cuda.as_cupy, (s, action, right))
    loss = F.huber_loss(F.gather(model(s), action[:, None], axis=1), right[:, None])
    model.cleargrads()
    loss.backward()
    optimizer.update()
    return float(loss.data)


def play(model, gpu):
    """One episode without random actions: its states (T, 4)."""
    world = CartPole()
    states, over = [world.reset()], False
    while not over:
        s, _, over = world.step(values(model, states[-1][None], gpu).argmax())
        states.append(s)
    return np.array(states)


def main():
    arguments = begin(options(__doc__))
    episodes = pick(arguments, 400, 200, 4)
    model = MLP((64, 64, 2), F.relu)
    model(np.zeros((1, 4), np.float32))  # creates the weights
    if arguments.gpu:
        model.to_gpu()
    target, best = copy.deepcopy(model), copy.deepcopy(model)
    optimizer = optimizers.Adam(0.001).setup(model)
    schedule = optimizers.LinearLR(optimizer, 1.0, 0.05, episodes)
    world, replay, durations, tests = CartPole(), Replay(100_000), [], {}
    for episode in range(1, episodes + 1):
        s, over = world.reset(), False
        explore = max(0.05, 0.98**episode)
        while not over:
            action = (
                np.random.randint(2) if np.random.random() < explore else values(model, s[None], arguments.gpu).argmax()
            )
            after, fell, over = world.step(action)
            replay.add(s, action, after, fell)
            s = after
            if replay.n >= 200:
                update(model, target, optimizer, replay.batch(64), arguments.gpu)
            if replay.n % 500 == 0:
                target = copy.deepcopy(model)
        durations.append(world.t)
        schedule.step()
        if episode % 10 == 0 or episode == episodes:
            tests[episode] = np.mean([len(play(model, arguments.gpu)) - 1 for _ in range(10)])
            if tests[episode] >= max(tests.values()):
                best = copy.deepcopy(model)
            print(
                f"episode {episode}: {np.mean(durations[-10:]):.0f} steps, without random actions {tests[episode]:.0f}",
                flush=True,
            )
    found = [play(best, arguments.gpu) for _ in range(pick(arguments, 20, 20, 2))]
    print(f"the pole is up for {np.mean([len(states) - 1 for states in found]):.1f} of {STEPS} steps")
    best.to_cpu()
    save(draw(durations, tests, found[0], best), arguments)


def draw(durations, tests, states, model):
    made, axes = figure("ddtt;ssss;vvaa", height=9, height_ratios=[3, 1.2, 3])
    axes["d"].plot(range(1, len(durations) + 1), durations, ".", color="tab:gray", label="with random actions")
    axes["d"].plot(list(tests), list(tests.values()), "o-", label="without, mean of 10")
    axes["d"].set(title="steps until the pole falls", xlabel="episode", ylim=(0, STEPS * 1.05))
    axes["d"].legend()
    seconds = CartPole.DT * np.arange(len(states))
    axes["t"].plot(seconds, np.degrees(states[:, 2]), label="angle, degrees")
    axes["t"].plot(seconds, 10 * states[:, 0], label="position, 0.1 m")
    axes["t"].set(title=f"an episode of {len(states) - 1} steps", xlabel="seconds", ylim=(-13, 13))
    axes["t"].legend()
    for i, (x, _, angle, _) in enumerate(states[:: max(1, len(states) // 12)]):
        place = 1.2 * i
        axes["s"].plot([place - 0.3, place + 0.3], [0, 0], "k", linewidth=4)
        axes["s"].plot([place, place + math.sin(angle)], [0, math.cos(angle)], "tab:orange", linewidth=3)
        axes["s"].annotate(f"{x:+.2f} m", (place, -0.35), ha="center", fontsize=8)
    axes["s"].set(title="the same episode: pole and position", aspect="equal", xticks=[], yticks=[], ylim=(-0.6, 1.3))
    angle, w = np.meshgrid(np.radians(np.linspace(-12, 12, 81)), np.linspace(-2, 2, 81))
    grid = np.stack([0 * w, 0 * w, angle, w], axis=-1).reshape(-1, 4).astype(np.float32)
    q = values(model, grid).reshape(81, 81, 2)
    extent = (-12, 12, -2, 2)
    for place, title, image, cmap in (
        ("v", "the value of a state: max Q", q.max(axis=2), "viridis"),
        ("a", "Q of right minus Q of left", q[..., 1] - q[..., 0], "RdBu"),
    ):
        limit = {} if place == "v" else {"vmin": -abs(image).max(), "vmax": abs(image).max()}
        shown = axes[place].imshow(image, origin="lower", extent=extent, aspect="auto", cmap=cmap, **limit)
        axes[place].set(title=title, xlabel="angle, degrees", ylabel="angular velocity, rad/s")
        made.colorbar(shown, ax=axes[place])
    return made


if __name__ == "__main__":
    main()
