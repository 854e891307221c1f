"""Scripts with `from dezero import ...`, run on a stage as a reader would run them."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from crosscheck.play import BOOK, FIRST_STEPS, KINDS, STEPS, stage_number
from crosscheck.stages import STAGES

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

GOLDSTEIN = """
import numpy as np
from dezero import Variable

def goldstein(x, y):
    return (1 + (x + y + 1)**2 * (19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2)) * \\
        (30 + (2*x - 3*y)**2 * (18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))

x = Variable(np.array(1.0))
y = Variable(np.array(1.0))
z = goldstein(x, y)
z.backward()
print(x.grad, y.grad)
"""
SQUARE = """
import numpy as np
from dezero import Variable
import dezero.functions as F

x = Variable(np.array(3.0))
y = F.square(x)
y.backward()
print(y.data)
"""


@pytest.fixture
def play(tmp_path):
    """Write a script and play it; return the finished process."""

    def run(source, *arguments, name="script.py", environment=None, cwd=None):
        path = tmp_path / name
        path.write_text(source)
        return subprocess.run(
            [sys.executable, "-m", "crosscheck", "play", str(path), *arguments],
            capture_output=True,
            text=True,
            env=os.environ | {"COLUMNS": "200"} | (environment or {}),
            cwd=cwd or tmp_path,
            stdin=subprocess.DEVNULL,
            timeout=3600,  # only a hang takes this long, even on a slow machine
        )

    return run


def later_than(number):
    return [stage.name for stage in STAGES if stage.number >= number]


# --- what runs ---


@pytest.mark.parametrize("stage", later_than(2))
def test_goldstein_price_runs_from_stage_2_on(play, stage):
    done = play(GOLDSTEIN, "--stage", stage)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"-?\d+\.\d+", done.stdout) == ["-5376.0", "8064.0"]


def test_the_last_stage_is_the_default(play):
    done = play("import dezero; print(dezero.__name__)")
    assert done.stdout == f"{STAGES[-1].package}\n"


@pytest.mark.parametrize("stage", later_than(1))
def test_a_chain_runs_on_every_stage(play, stage):
    done = play(SQUARE, "--stage", stage)
    assert (done.returncode, done.stdout, done.stderr) == (0, "9.0\n", "")


IDENTITIES = """
import sys, importlib
import dezero, dezero.core, dezero.functions as F
from dezero.core import Variable as V
import dezero.core as core
package = importlib.import_module(sys.argv[1])
assert dezero is package and F is package.functions is dezero.functions is sys.modules["dezero.functions"]
assert dezero.core.Variable is dezero.Variable is V is package.Variable is core.Variable
assert sys.modules["dezero.core"] is dezero.core is core
assert dezero.functions.elementwise is sys.modules["dezero.functions.elementwise"]
assert sys.modules[sys.argv[1] + ".functions.elementwise"] is dezero.functions.elementwise
print(dezero.is_simple_core)
"""


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_modules_are_the_stages_own(play, stage):
    done = play(IDENTITIES, stage.package, "--stage", stage.name)
    assert (done.stderr, done.stdout) == ("", f"{stage.number == 2}\n")


FACADE = """
import dezero, dezero.core as core
from dezero import Config, no_grad
from dezero.core import Config as C, add, mul, setup_variable, using_config
import dezero.functions as F
assert core.Config is Config is C is dezero.Config
assert add is F.add and setup_variable is dezero.setup_variable
dezero.Config.enable_backprop = False
assert core.Config.enable_backprop is False
core.add = "mine"
assert F.arithmetic.add == "mine" and core.add == "mine"
core.as_array = "mine"
assert dezero.core.as_array == "mine"
core.fresh = 1
assert core.fresh == 1 and "fresh" in dir(core)
del core.fresh
assert not hasattr(core, "fresh")
assert {"Config", "Variable", "add", "setup_variable"} <= set(dir(core))
from dezero.core import *
assert Function is dezero.Function and mul is F.mul and div is F.div
"""


@pytest.mark.parametrize("stage", later_than(2))
def test_the_core_of_the_book_reaches_the_real_modules(play, stage):
    done = play(FACADE, "--stage", stage)
    assert (done.returncode, done.stderr) == (0, "")


def test_core_simple_is_stage_2s(play):
    source = """
from dezero.core_simple import Variable
import dezero.core_simple as dz, dezero
assert dz.Variable is Variable is dezero.Variable and dz.Config is dezero.Config and dezero.core_simple is dz
"""
    assert play(source, "--stage", "2").stderr == ""
    done = play(source, "--stage", "3")
    assert done.returncode == 1
    assert "No module named 'dezero.core_simple': stage 2 has it; later it is dezero.core" in done.stderr


def test_an_installed_dezero_and_one_next_to_the_script_are_hidden(play, tmp_path):
    for folder in ("dezero", "elsewhere/dezero"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").write_text("raise SystemExit('the other one')")
        (tmp_path / folder / "layers.py").write_text("")
    for statement in ("import dezero", "from dezero.functions import square"):
        done = play(statement, environment={"PYTHONPATH": str(tmp_path / "elsewhere")})
        assert (done.returncode, done.stderr) == (0, "")
    done = play("import dezero.layers", "--stage", "3", environment={"PYTHONPATH": str(tmp_path / "elsewhere")})
    assert "No module named 'dezero.layers'" in done.stderr


def test_dezero_exists_only_in_the_process_of_the_script(play):
    source = "import subprocess, sys\nraise SystemExit(subprocess.call([sys.executable, '-c', 'import dezero']))"
    assert "No module named 'dezero'\n" in play(source).stderr
    assert "dezero" not in sys.modules


# --- scripts for stage 5 ---

TRAINING = """
import dezero
import dezero.functions as F
from dezero import DataLoader, cuda, optimizers
from dezero.models import MLP

train_set = dezero.datasets.Spiral(train=True)
loader = DataLoader(train_set, 100)
model = MLP((20, 3))
optimizer = optimizers.SGD().setup(model)
if dezero.cuda.gpu_enable:
    loader.to_gpu()
    model.to_gpu()
for epoch in range(2):
    total = 0
    for x, t in loader:
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        total += float(loss.data) * len(t)
assert 0 < total / len(train_set) < 3
assert cuda.get_array_module(cuda.as_numpy(model.l0.W)).__name__ == "numpy"
model.save_weights("mlp.npz")
again = MLP((20, 3))
again.load_weights("mlp.npz")
assert (cuda.as_numpy(again(cuda.as_numpy(x))) == cuda.as_numpy(model(x))).all()
flat = {}
model._flatten_params(flat)
assert list(flat) == ["l0/W", "l0/b", "l1/W", "l1/b"] and flat["l1/b"] is model.l1.b
"""
MODES = """
import numpy as np
import dezero
import dezero.functions as F
from dezero import Config, test_mode
from dezero.core import test_mode as same, using_config

assert same is test_mode and dezero.Config.train is True
x = np.ones(5)
assert set(F.dropout(x).data) <= {0.0, 2.0}
with test_mode():
    assert F.dropout(x).data.tolist() == x.tolist() and not Config.train
with dezero.test_mode(), using_config("train", True):
    assert dezero.Config.train
dezero.Config.train = False
assert F.dropout(x).data.tolist() == x.tolist()
dezero.Config.train = True
y = F.batch_nrom(np.random.randn(8, 3), np.ones(3), np.zeros(3), np.zeros(3), np.ones(3))
assert abs(y.data.mean(0)).max() < 1e-9
"""
CNN = """
import numpy as np
import dezero
import dezero.functions as F
import dezero.functions_conv
import dezero.layers as L
from dezero import Model, Variable
from dezero.functions_conv import conv2d, im2col, pooling
from dezero.utils import get_conv_outsize, pair

assert F.conv2d is conv2d is dezero.functions_conv.conv2d and F.pooling is pooling
assert dezero.functions_conv.pooling_simple is F.pooling_simple and dezero.utils.pair is pair
assert pair(1) == (1, 1) and get_conv_outsize(4, 3, 1, 1) == 4
assert im2col(np.random.rand(10, 3, 7, 7), (5, 5), (1, 1), (0, 0), to_matrix=True).shape == (90, 75)
x, W = Variable(np.random.randn(1, 5, 15, 15)), Variable(np.random.randn(8, 5, 3, 3))
y = F.conv2d_simple(x, W, b=None, stride=1, pad=1)
y.backward()
assert y.shape == (1, 8, 15, 15) and x.grad.shape == x.shape

class CNN(Model):
    def __init__(self):
        super().__init__()
        self.conv1 = L.Conv2d(8, kernel_size=3, stride=1, pad=1)
        self.bn1 = L.BatchNorm()
        self.conv2 = L.Conv2d(4, 3, nobias=True)
        self.deconv = L.Deconv2d(2, kernel_size=4, stride=2, pad=1)
        self.fc = L.Linear(6)

    def forward(self, x):
        x = F.pooling(F.relu(self.bn1(self.conv1(x))), 2, 2)
        x = self.deconv(F.average_pooling(F.leaky_relu(self.conv2(x)), 2))
        return self.fc(F.dropout(F.reshape(x, (x.shape[0], -1)), 0.2))

np.random.seed(0)
model = CNN()
optimizer = dezero.optimizers.Adam().setup(model)
optimizer.add_hook(dezero.optimizers.WeightDecay(1e-4))
x, t = np.random.randn(6, 1, 12, 12).astype(np.float32), np.arange(6)
losses = []
for i in range(30):
    loss = F.softmax_cross_entropy(model(x), t)
    model.cleargrads()
    loss.backward()
    optimizer.update()
    losses.append(float(loss.data))
assert losses[-1] < losses[0] and model.conv1.W.shape == (8, 1, 3, 3)
"""
VGG = """
import numpy as np
from PIL import Image
import dezero
from dezero.layers import Linear
from dezero.models import VGG16

image = Image.fromarray(np.random.randint(0, 256, (60, 80, 3)).astype(np.uint8))
x = VGG16.preprocess(image)
assert isinstance(x, np.ndarray) and x.shape == (3, 224, 224)
model = VGG16()
model.fc6, model.fc7 = Linear(4), Linear(4)  # fewer weights to initialize
with dezero.test_mode(), dezero.no_grad():
    y = model(x[np.newaxis][:, :, ::7, ::7])
assert y.shape == (1, 1000) and np.argmax(y.data) < 1000
assert VGG16.WEIGHTS_PATH.endswith("vgg16.npz") and dezero.datasets.ImageNet.labels and dezero.utils.get_file
"""
RECURRENT = """
import numpy as np
import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Model, SeqDataLoader

class Net(Model):
    def __init__(self, rnn, out_size):
        super().__init__()
        self.rnn = rnn
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def forward(self, x):
        return self.fc(self.rnn(x))

def train(model, pairs, length, epochs):
    optimizer = dezero.optimizers.Adam().setup(model)
    for epoch in range(epochs):
        model.reset_state()
        loss, count = 0, 0
        for x, t in pairs:
            loss += F.mean_squared_error(model(x), t)
            count += 1
            if count % 30 == 0 or count == length:
                model.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
        print('| epoch %d | loss %f' % (epoch + 1, float(loss.data) / count))
    return loss

train_set = dezero.datasets.SinCurve(train=True)
assert len(train_set) == 999
train(Net(L.RNN(4), 1), [(x.reshape(1, 1), t) for x, t in train_set], len(train_set), 1)
loader = SeqDataLoader(train_set, batch_size=30)
assert next(loader)[0].shape == (30, 1)
model = Net(L.LSTM(8), 1)
loss = train(model, loader, len(train_set), 2)
assert model.rnn.h.shape == model.rnn.c.shape == (30, 8)
assert dezero.utils.get_dot_graph(loss).startswith("digraph")
model.reset_state()
with dezero.no_grad():
    wave = [float(model(np.array(x).reshape(1, 1)).data) for x in np.cos(np.linspace(0, 1, 5))]
assert len(wave) == 5
"""
GENERATED = """
import numpy as np
import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import DataLoader
from dezero.models import Model, Sequential
from dezero.optimizers import Adam

class Encoder(Model):
    def __init__(self, size):
        super().__init__()
        self.conv, self.mean, self.log_var = L.Conv2d(4, 3, 2, 1), L.Linear(size), L.Linear(size)

    def forward(self, x):
        x = F.flatten(F.relu(self.conv(x)))
        return self.mean(x), self.log_var(x)

class Decoder(Model):
    def __init__(self):
        super().__init__()
        self.to_shape = (4, 4, 4)
        self.linear, self.deconv = L.Linear(np.prod(self.to_shape)), L.Deconv2d(1, 4, 2, 1)

    def forward(self, z):
        x = F.reshape(F.relu(self.linear(z)), (-1,) + self.to_shape)
        return F.sigmoid(self.deconv(x))

class VAE(Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(2), Decoder()

    def forward(self, x):
        mean, log_var = self.encoder(x)
        xp = dezero.cuda.get_array_module(mean.data)
        z = mean + F.exp(log_var) * xp.random.randn(len(x), 2)
        y = self.decoder(z)
        kl = (mean ** 2 + F.exp(log_var) - log_var - 1) * 0.5
        return F.binary_cross_entropy(F.flatten(y), F.flatten(x)) + F.sum(kl) / len(x)

def learn(loss, model, optimizer):
    model.cleargrads()
    loss.backward()
    optimizer.update()
    return float(loss.data)

np.random.seed(0)
digits = dezero.datasets.Digits(transform=lambda x: (x / 16.0).astype(np.float32))
vae = VAE()
optimizer = Adam().setup(vae)
losses = [learn(vae(x), vae, optimizer) for x, t in DataLoader(digits, 50)]
assert losses[-1] < losses[0]
with dezero.test_mode():
    assert vae.decoder(np.random.randn(4, 2)).shape == (4, 1, 8, 8)

G = Sequential(
    L.Linear(16), L.BatchNorm(), F.relu, lambda x: F.reshape(x, (-1, 4, 2, 2)),
    L.Deconv2d(4, kernel_size=4, stride=2, pad=1), L.BatchNorm(), F.relu,
    L.Deconv2d(1, kernel_size=4, stride=2, pad=1), F.sigmoid,
)
D = Sequential(L.Conv2d(4, kernel_size=3, stride=2, pad=1), F.leaky_relu, F.flatten, L.Linear(1))
D(np.random.rand(2, 1, 8, 8).astype(np.float32))
G(np.random.rand(2, 4))
for layer in D.layers + G.layers:
    if layer.__class__.__name__.lower() in ('conv2d', 'linear', 'deconv2d'):
        layer.W.data = 0.02 * np.random.randn(*layer.W.data.shape)
opt_g, opt_d = (Adam(alpha=0.0002, beta1=0.5).setup(model) for model in (G, D))
real, fake = np.ones(50).astype(int), np.zeros(50).astype(int)
for n, (x, t) in enumerate(DataLoader(digits, 50)):
    made = G(np.random.rand(50, 4))
    learn(F.sigmoid_cross_entropy(D(x), real) + F.sigmoid_cross_entropy(D(made.data), fake), D, opt_d)
    loss = learn(F.sigmoid_cross_entropy(D(made), real), G, opt_g)
    if n == 3:
        break
assert 0 < loss < 2

class Attention(Model):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = L.Conv2d(4, 3, pad=1), L.Linear(5)

    def forward(self, x):
        last = F.relu(self.conv(x))
        x = F.pooling(last, 2, 2)
        return last, self.fc(F.reshape(x, (x.shape[0], -1)))

last, scores = Attention()(np.random.randn(1, 3, 8, 8))
scores[0, np.argmax(scores.data)].backward(retain_grad=True)
weight = F.average_pooling(last.grad, (8, 8), stride=1, pad=0)
assert np.sum(last.data * weight.data, axis=1).shape == (1, 8, 8)
"""
TEXT = """
import numpy as np
import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Dataset, Model, SeqDataLoader

text = 'to be or not to be, that is the question. ' * 8
ids = {c: i for i, c in enumerate(sorted(set(text)))}

class Text(Dataset):
    def prepare(self):
        data = np.array([ids[c] for c in text])
        self.data, self.label = data[:-1], data[1:]

class Net(Model):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.fc = L.EmbedID(len(ids), 16), L.LSTM(16), L.Linear(len(ids))

    def __call__(self, x):
        return self.fc(self.rnn(self.embed(x)))

np.random.seed(0)
model = Net()
optimizer = dezero.optimizers.Adam(0.01).setup(model)
optimizer.add_hook(dezero.optimizers.ClipGrad(1.0))
loader = SeqDataLoader(Text(), batch_size=8)
losses = []
for epoch in range(3):
    model.rnn.reset_state()
    loss, count = 0, 0
    for x, t in loader:
        loss += F.softmax_cross_entropy(model(x), t)
        count += 1
        if count % 10 == 0 or count == loader.max_iter:
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
    losses.append(float(loss.data))
assert losses == sorted(losses, reverse=True)
"""
# The book's sequel is about reinforcement learning, and its scripts import this framework.
NETWORKS = """
import copy
import numpy as np
import dezero.functions as F
import dezero.layers as L
from dezero import Model, optimizers

class Net(Model):
    def __init__(self, out_size, last=lambda x: x):
        super().__init__()
        self.l1 = L.Linear(32)
        self.l2 = L.Linear(out_size)
        self.last = last

    def forward(self, x):
        return self.last(self.l2(F.relu(self.l1(x))))

np.random.seed(0)

def look():
    return np.random.randn(4).astype(np.float32)
"""
Q_LEARNING = (
    NETWORKS
    + """
qnet = Net(2)
optimizer = optimizers.Adam(0.005)
optimizer.setup(qnet)
losses = []
for i in range(100):
    if i % 20 == 0:
        target_net = copy.deepcopy(qnet)
    state, next_state = np.array([look() for _ in range(32)]), np.array([look() for _ in range(32)])
    action = np.array([0 if np.random.rand() < 0.1 else qnet(s[np.newaxis, :]).data.argmax() for s in state])
    reward, done = (action == (state[:, 0] > 0)).astype(float), np.random.randint(0, 2, 32)
    q = qnet(state)[np.arange(32), action]
    next_q = target_net(next_state).max(axis=1)
    next_q.unchain()
    target = reward + (1 - done) * 0.9 * next_q
    loss = F.mean_squared_error(q, target)
    qnet.cleargrads()
    loss.backward()
    optimizer.update()
    losses.append(loss.data)
right = np.mean([qnet(s[np.newaxis, :]).data.argmax() == (s[0] > 0) for s in (look() for _ in range(200))])
assert right > 0.8 and np.isfinite(losses).all() and qnet.l1.W.dtype == np.float32
copies = copy.deepcopy(qnet)
pairs = list(zip(qnet.params(), copies.params()))
assert all(p is not q and p.data is not q.data and (p.data == q.data).all() for p, q in pairs) and len(pairs) == 4

state = look()[np.newaxis, :]
for next_q in (np.zeros(1), F.max(qnet(state), axis=1)):  # one state at a time; zeros after the last
    loss = F.mean_squared_error(0.9 * next_q + 1, qnet(state)[:, 0])
    qnet.cleargrads()
    loss.backward()
assert loss.shape == ()
"""
)
REINFORCE = (
    NETWORKS
    + """
pi = Net(2, F.softmax)
optimizer = optimizers.Adam(0.01)
optimizer.setup(pi)
totals = []
for episode in range(60):
    memory = []
    for t in range(20):
        state = look()
        probs = pi(state[np.newaxis, :])[0]
        action = np.random.choice(len(probs), p=probs.data)
        memory.append((1.0 if action == (state[0] > 0) else -1.0, probs[action]))
    pi.cleargrads()
    G, loss = 0, 0
    for reward, prob in reversed(memory):
        G = reward + 0.1 * G
        loss += -F.log(prob) * G
    loss.backward()
    optimizer.update()
    totals.append(sum(reward for reward, prob in memory))
assert np.mean(totals[-10:]) > np.mean(totals[:10])
"""
)
ACTOR_CRITIC = (
    NETWORKS
    + """
pi, v = Net(2, F.softmax), Net(1)
optimizer_pi, optimizer_v = optimizers.Adam(0.005).setup(pi), optimizers.Adam(0.005).setup(v)
state, total = look(), 0.0
for t in range(100):
    probs = pi(state[np.newaxis, :])[0]
    action = np.random.choice(len(probs), p=probs.data)
    next_state, reward, done = look(), float(action == (state[0] > 0)), t % 10 == 9
    target = reward + 0.9 * v(next_state[np.newaxis, :]) * (1 - done)
    target.unchain()
    value = v(state[np.newaxis, :])
    loss_v = F.mean_squared_error(value, target)
    delta = target - value
    delta.unchain()
    loss_pi = -F.log(probs[action]) * delta
    v.cleargrads()
    pi.cleargrads()
    loss_v.backward()
    loss_pi.backward()
    optimizer_v.update()
    optimizer_pi.update()
    total += float(loss_pi.data)
    state = next_state
assert loss_pi.shape == (1, 1) and loss_v.shape == () and np.isfinite(total)
"""
)
FIFTH = {  # script -> whether it converts a (1, 1) array with float(), which since NumPy 2.4 requires --repair
    "training": (TRAINING, False),
    "modes": (MODES, False),
    "cnn": (CNN, False),
    "vgg": (VGG, False),
    "recurrent": (RECURRENT, True),
    "generated": (GENERATED, False),
    "text": (TEXT, False),
    "q_learning": (Q_LEARNING, False),
    "reinforce": (REINFORCE, False),
    "actor_critic": (ACTOR_CRITIC, True),
}


@pytest.mark.parametrize("stage", later_than(5))
@pytest.mark.parametrize(("source", "repair"), FIFTH.values(), ids=FIFTH)
def test_scripts_of_convolution_recurrence_and_agents_run(play, stage, source, repair):
    done = play(source, "--stage", stage, *["--repair"] * repair)
    said = [line for line in done.stderr.splitlines() if "took the item of a one-element" not in line]
    assert (done.returncode, said) == (0, [])


# --- the script is run as Python would ---


def test_a_script_has_its_own_argv_file_path_and_name(play, tmp_path):
    source = """
import json, os, sys
import helper
print(json.dumps([sys.argv, __file__, sys.path[0], __name__, sys.modules["__main__"].__file__, helper.WORD]))
print(__spec__, __package__, "Finder" in globals(), sorted(n for n in globals() if not n.startswith("__")))
"""
    (tmp_path / "helper.py").write_text("WORD = 'found'")
    done = play(source, "a", "--epochs", "3", "--stage", "2", "--", "--stage", "7", "--", "--json")
    said, rest = done.stdout.splitlines()
    path = str(tmp_path / "script.py")
    arguments = [path, "a", "--epochs", "3", "--stage", "7", "--", "--json"]
    assert json.loads(said) == [arguments, path, str(tmp_path), "__main__", path, "found"]
    assert rest == "None None False ['helper', 'json', 'os', 'sys']"


def test_a_relative_path_stays_relative_in_argv(play, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "relative.py").write_text("import sys; print(sys.argv, __file__, sys.path[0])")
    command = [sys.executable, "-m", "crosscheck", "play", os.path.join("inner", "relative.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    inner = tmp_path / "inner"
    assert done.stdout == f"['inner/relative.py'] {inner / 'relative.py'} {inner}\n"


def test_the_current_folder_is_not_searched(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "script.py").write_text("import dezero; print(1)")
    (tmp_path / "tomllib.py").write_text("raise SystemExit('shadowed')")
    command = [sys.executable, "-P", "-m", "crosscheck", "play", "scripts/script.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize(
    ("source", "status", "error"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
        ("import os; os._exit(9)", 9, ""),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM, "", marks=needs_posix
        ),
    ],
)
def test_the_status_of_the_script_is_that_of_play(play, source, status, error):
    done = play(source)
    assert (done.returncode, done.stderr) == (status, error)


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return 1 / 0\n\n\nf()\n",
        "print(1\nx = = 2\n",
        "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('no') from error\n",
        "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        import nowhere\nf()\n",
        "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
        "import sys\nsys.excepthook = lambda *three: print('mine', three[2].tb_frame.f_code.co_name)\n1 / 0",
        "import atexit, threading\natexit.register(print, 'bye')\nthreading.Thread(target=lambda: 1 / 0).start()\n",
        '"""Doc."""\nfrom __future__ import annotations\nx: nothing = 1\nprint(__doc__, __annotations__)\n',
        "x: nothing = 1\n",
        "class A:\n    pass\nimport pickle\nprint(pickle.loads(pickle.dumps(A())).__class__ is A, A)",
        "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))",
    ],
)
def test_a_script_ends_as_it_does_under_python(play, tmp_path, source):
    done = play(source)
    alone = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True)

    def neutral(text):
        return re.sub(r"0x[0-9a-f]+|Thread-\d+", "", text)

    assert (done.returncode, neutral(done.stdout), neutral(done.stderr)) == (
        alone.returncode,
        neutral(alone.stdout),
        neutral(alone.stderr),
    )


def test_the_traceback_of_a_missing_name_has_no_frames_of_play(play):
    source = (
        "import dezero.functions as F\ntry:\n    F.nothing\nexcept AttributeError:\n    from dezero import Nothing\n"
    )
    done = play(source)
    files = set(re.findall(r'File "([^"]+)"', done.stderr))
    assert {pathlib.Path(file).name for file in files} == {"script.py"}
    assert done.stderr.count("Traceback") == 2


@needs_posix
def test_an_interrupt_reaches_the_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import time\ntry:\n    print('ready', flush=True)\n    time.sleep(3600)\nexcept KeyboardInterrupt:\n"
        "    print('mine')\n    raise SystemExit(5)\n"
    )
    command = [sys.executable, "-m", "crosscheck", "play", str(script)]

    def listen():  # background processes ignore SIGINT, and their children inherit that
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=listen
    ) as process:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "mine\n"
    assert process.returncode == 5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have their display always")
@pytest.mark.parametrize(
    ("environment", "backend"),
    [
        ({}, "Agg"),
        ({"DISPLAY": ":0"}, "None"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "None"),
        ({"MPLBACKEND": "svg"}, "svg"),
    ],
)
def test_figures_need_no_display(play, monkeypatch, environment, backend):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    assert play("import os; print(os.environ.get('MPLBACKEND'))", environment=environment).stdout == f"{backend}\n"


# --- what is missing ---


@pytest.mark.parametrize(
    ("stage", "statement", "error"),
    [
        (1, "from dezero import no_grad", "ImportError: cannot import name 'no_grad' from 'dezero': step 18 (stage 2)"),
        (1, "from dezero.core import add", "ImportError: cannot import name 'add' from 'dezero.core': step 1"),
        (1, "F.add", "AttributeError: module 'dezero.functions' has no attribute 'add': step 1"),
        (1, "import dezero.utils", "ModuleNotFoundError: No module named 'dezero.utils': step 26 (stage 3)"),
        (
            2,
            "from dezero.functions import sin",
            "ImportError: cannot import name 'sin' from 'dezero.functions': step 34",
        ),
        (2, "F.tanh", "AttributeError: module 'dezero.functions' has no attribute 'tanh': step 35 (stage 3) adds it"),
        (2, "dezero.utils", "AttributeError: module 'dezero' has no attribute 'utils': step 26 (stage 3)"),
        (3, "from dezero import Layer", "ImportError: cannot import name 'Layer' from 'dezero': step 44 (stage 4)"),
        (3, "from dezero import layers", "ImportError: cannot import name 'layers' from 'dezero': step 44 (stage 4)"),
        (3, "import dezero.layers", "ModuleNotFoundError: No module named 'dezero.layers': step 44 (stage 4)"),
        (3, "import dezero.layers as L", "ModuleNotFoundError: No module named 'dezero.layers': step 44 (stage 4)"),
        (3, "from dezero.layers import Linear", "ModuleNotFoundError: No module named 'dezero.layers': step 44"),
        (3, "F.min", "AttributeError: module 'dezero.functions' has no attribute 'min': step "),
        (3, "F.relu", "AttributeError: module 'dezero.functions' has no attribute 'relu': step 51 (stage 4) adds it"),
        (
            3,
            "from dezero.functions import relu",
            "cannot import name 'relu' from 'dezero.functions': step 51 (stage 4)",
        ),
        (
            3,
            "from dezero.core import Parameter",
            "cannot import name 'Parameter' from 'dezero.core': step 44 (stage 4)",
        ),
        (
            3,
            "from dezero.utils import get_file",
            "cannot import name 'get_file' from 'dezero.utils': step 58 (stage 5)",
        ),
        (3, "from dezero.functions_conv import conv2d", "No module named 'dezero.functions_conv': step 57 (stage 5)"),
        (3, "dezero.optimizers", "AttributeError: module 'dezero' has no attribute 'optimizers': step 46 (stage 4)"),
        (4, "from dezero import cuda", "cannot import name 'cuda' from 'dezero': step 52 (stage 5) adds it"),
        (4, "dezero.cuda.gpu_enable", "AttributeError: module 'dezero' has no attribute 'cuda': step 52 (stage 5)"),
        (4, "from dezero import test_mode", "cannot import name 'test_mode' from 'dezero': step 54 (stage 5)"),
        (4, "F.batch_nrom", "module 'dezero.functions' has no attribute 'batch_nrom': step 54 (stage 5) adds it"),
        (4, "from dezero.utils import get_conv_outsize", "cannot import name 'get_conv_outsize' from 'dezero.utils': "),
        (4, "import dezero.functions_conv", "No module named 'dezero.functions_conv': step 57 (stage 5) adds it"),
        (4, "from dezero.models import VGG16", "cannot import name 'VGG16' from 'dezero.models': step 58 (stage 5)"),
        (4, "dezero.layers.RNN", "module 'dezero.layers' has no attribute 'RNN': step 59 (stage 5) adds it"),
        (4, "from dezero import SeqDataLoader", "cannot import name 'SeqDataLoader' from 'dezero': step 60 (stage 5)"),
        (3, "from dezero import sin", "cannot import name 'sin' from 'dezero': stage 3 has dezero.functions.sin"),
        (3, "from dezero import Nothing", "cannot import name 'Nothing' from 'dezero': no step of the book adds it"),
    ],
)
def test_the_error_for_a_missing_name_gives_the_step_that_adds_it(play, stage, statement, error):
    done = play(f"import dezero\nimport dezero.functions as F\n{statement}\n", "--stage", str(stage))
    assert done.returncode == 1
    assert error in done.stderr.splitlines()[-1]
    assert "Did you mean" not in done.stderr


def test_a_name_that_no_step_adds_may_be_a_typo(play):
    error = play("import dezero.functions as F; F.squar").stderr.splitlines()[-1]
    assert "no attribute 'squar': no step of the book adds it" in error
    assert error.endswith("Did you mean: 'square'?")


def test_a_script_may_check_whether_a_name_exists(play):
    source = """
import dezero, dezero.functions as F
assert not hasattr(F, "relu") and not hasattr(dezero, "Layer") and getattr(F, "relu", None) is None
try:
    import dezero.cuda
except ImportError as error:
    assert error.name == "dezero.cuda"
"""
    assert play(source, "--stage", "3").stderr == ""


@pytest.mark.parametrize(
    ("stage", "statement", "hint"),
    [
        (1, "x.cleargrad()", "step 14 (stage 2) adds it; this is stage 1"),
        (1, "x + x", "step 20 (stage 2) adds this; this is stage 1"),
        (1, "x - x", "step 22 (stage 2) adds this; this is stage 1"),
        (1, "len(x)", "step 19 (stage 2) adds this; this is stage 1"),
        (2, "x.backward(create_graph=True)", "step 32 (stage 3) adds this; this is stage 2"),
        (3, "x.reshape(1)", "step 38 (stage 4) adds it; this is stage 3"),
        (3, "x[0]", "step 47 (stage 4) adds this; this is stage 3"),
        (4, "x.to_gpu()", "step 52 (stage 5) adds it; this is stage 4"),
        (4, "x.unchain()", "step 59 (stage 5) adds it; this is stage 4"),
        (
            4,
            "from dezero.models import MLP\nMLP((1,)).save_weights('x')",
            "step 53 (stage 5) adds it; this is stage 4",
        ),
    ],
)
def test_an_operation_that_a_later_step_adds_has_a_hint(play, stage, statement, hint):
    done = play(
        f"import numpy as np\nfrom dezero import Variable\nx = Variable(np.array(2.0))\n{statement}", f"--stage={stage}"
    )
    assert done.stderr.splitlines()[-1] == f"crosscheck: {hint}"
    assert play("(1).nothing").stderr.count("crosscheck: ") == 0


def test_the_table_of_the_book_has_its_modules():
    assert stage_number(10) == 1
    assert stage_number(11) == 2
    assert [stage.first_step for stage in STAGES] == list(FIRST_STEPS[: len(STAGES)])
    assert {"layers", "models", "optimizers", "datasets", "dataloaders", "transforms", "cuda", "utils"} <= STEPS.keys()
    for name in STEPS:
        assert "." not in name or name.partition(".")[0] in STEPS.keys() | {*KINDS}
    assert list(BOOK) == sorted(BOOK)


EVERY = """
import importlib, sys
import dezero
methods = {"Variable": dezero.Variable, "Layer": dezero.Layer, "Model": dezero.Model}
for name in sys.argv[1:]:
    where, _, last = name.rpartition(".")
    owner = methods.get(where) or importlib.import_module(f"dezero.{where}".rstrip("."))
    print("" if hasattr(owner, last) else name, end="")
"""


def test_the_last_stage_has_every_name_of_the_table(play):
    done = play(EVERY, *[name for name in STEPS if name != "core_simple"], "--stage", STAGES[-1].name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- --stage all ---


def test_all_stages_show_where_a_script_runs(play):
    done = play(GOLDSTEIN, "--stage", "all")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"stage1 │ fails │ TypeError: unsupported operand type\(s\) for \+: 'Variable' and", done.stdout)
    assert re.search(r"│ +│ +│ step 20 \(stage 2\) adds this", done.stdout)
    for stage in later_than(2):
        assert re.search(rf"{stage} │ runs  │ +│", done.stdout)


def test_all_stages_as_json(play):
    done = play(GOLDSTEIN, "--stage", "all", "--json")
    data = json.loads(done.stdout)
    assert [(one["stage"], one["runs"]) for one in data["stages"]] == [
        (stage.name, stage.number > 1) for stage in STAGES
    ]
    assert data["stages"][0]["missing"].startswith("TypeError: unsupported operand")
    assert "8064.0" in data["stages"][1]["stdout"]


def test_a_script_that_runs_nowhere_is_a_failure(play):
    done = play("import sys; sys.exit(7)", "--stage", "all")
    assert done.returncode == 1
    assert done.stdout.count("exit status 7") == len(STAGES)


def test_a_script_in_the_background_gets_no_input(tmp_path):
    (tmp_path / "script.py").write_text("input()")
    command = [sys.executable, "-m", "crosscheck", "play", "script.py", "--stage"]
    for stages, status, said in (("1,2", 1, 2), ("1", 0, 0)):
        done = subprocess.run([*command, stages], capture_output=True, text=True, input="a\nb\n", cwd=tmp_path)
        assert (done.returncode, done.stdout.count("EOFError")) == (status, said)


def test_one_stage_as_json(play):
    done = play("import sys; print(1); print(2, file=sys.stderr); sys.exit(3)", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    (result,) = json.loads(done.stdout)["stages"]
    assert (result["status"], result["stdout"], result["stderr"], result["missing"]) == (3, "1\n", "2\n", "2")


# --- --repair ---

OLD = """
import numpy as np
from dezero import Variable
x = Variable(np.array([1.5]))
total = 0.0
for i in range(3):
    total += float(x.data)
total += int(np.array([[3]])) + float("1") + int(2.5)
total += float(np.array(2.0)) + int(np.int64(1))
total += float(
    x
)
print(total)
"""


def test_repair_takes_the_item_of_a_one_element_array_and_says_where(play):
    done = play(OLD, "--repair", "--stage", "2")
    assert (done.returncode, done.stdout) == (0, f"{3 * 1.5 + 3 + 1 + 2 + 2 + 1 + 1.5}\n")
    assert done.stderr.splitlines() == [
        "crosscheck: script.py:7: float() took the item of a one-element array of shape (1,)",
        "crosscheck: script.py:8: int() took the item of a one-element array of shape (1, 1)",
        "crosscheck: script.py:10: float() took the item of a one-element variable of shape (1,)",
    ]


def test_repair_prints_nothing_if_nothing_is_repaired(play):
    done = play("print(float('2') + int(3.7) + float(x for x in ()) if 0 else int('11', 2))", "--repair")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_repair_leaves_arrays_of_several_elements_and_line_numbers_alone(play, tmp_path):
    source = (
        '"""Doc."""\nfrom __future__ import annotations\nimport numpy as np\n\nx: no = float(\n    np.arange(3.0))\n'
    )
    done = play(source, "--repair")
    assert done.returncode == 1
    assert f'File "{tmp_path / "script.py"}", line 5, in <module>' in done.stderr
    assert done.stderr.splitlines()[-1].startswith("TypeError: only ")
    assert "--repair" not in done.stderr


def test_without_repair_the_option_is_named(play):
    import numpy as np

    try:
        float(np.ones(1))
    except (TypeError, DeprecationWarning) as error:
        if not isinstance(error, TypeError):
            pytest.skip("this NumPy still takes the item")
    done = play(OLD, "--stage", "2")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "TypeError: only 0-dimensional arrays can be converted to Python scalars",
        "crosscheck: NumPy before 2.4 took the item of a one-element array here; crosscheck play --repair does so",
    ]


# --- usage errors ---


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.py"], "play: there is no file nowhere.py"),
        (["--stage", "9", __file__], "unknown stage '9'"),
        ([__file__, "--stage", "nine"], "unknown stage 'nine'"),
        (["."], "play: there is no file ."),
    ],
)
def test_a_usage_error_is_reported_in_one_line(tmp_path, arguments, said):
    command = [sys.executable, "-m", "crosscheck", "play", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"crosscheck: {said}")
    assert done.stderr.count("\n") == 1
