"""Scripts with `from dezero import ...`, run on a stage as a reader would run them."""

import contextlib
import importlib
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from crosscheck import UsageError
from crosscheck.hints import NAME, hint
from crosscheck.play import install
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


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Install a stage in this process and run a source, which is faster; return what it prints."""
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.chdir(tmp_path)

    def on(source, stage):
        install(stage)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(compile(source, "script.py", "exec", dont_inherit=True), {"__name__": "__main__"})
        return said.getvalue()

    yield on
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def later_than(number):
    return [stage.name for stage in STAGES if stage.number >= number]


# --- what runs ---


@pytest.mark.parametrize("stage", later_than(2))
def test_goldstein_price_runs_from_stage_2_on(run, stage):
    assert re.findall(r"-?\d+\.\d+", run(GOLDSTEIN, stage)) == ["-5376.0", "8064.0"]


def test_the_last_stage_is_the_default(play):
    done = play("from dezero import Variable; print(Variable.__module__)")
    assert done.stdout == f"{STAGES[-1].package}.core\n"


@pytest.mark.parametrize("stage", later_than(1))
def test_a_chain_runs_on_every_stage(run, stage):
    assert run(SQUARE, stage) == "9.0\n"


@pytest.mark.parametrize("stage", [3, "3", "stage3"])
def test_install_makes_dezero_importable_in_a_script_or_a_notebook(stage):
    source = f"from crosscheck.play import install; install({stage!r}); from dezero import Variable, grad; print(grad)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<function grad")


def test_install_again_replaces_the_stage(run):
    for stage in (2, 5, 3):
        assert (
            run("import dezero.functions as F; print(F.__name__)", stage) == f"{STAGES[stage - 1].package}.functions\n"
        )
    assert sum(type(finder).__name__ == "Finder" for finder in sys.meta_path) == 1
    assert sys.excepthook.ordinary is not sys.excepthook
    assert not hasattr(sys.excepthook.ordinary, "ordinary")


def test_install_names_the_stages_that_exist():
    with pytest.raises(UsageError, match="unknown stage '9'; there is stage1, stage2"):
        install(9)


IDENTITIES = """
import sys, importlib
import dezero, dezero.core, dezero.functions as F, dezero.functions.elementwise
from dezero.core import Variable as V
import dezero.core as core
package = importlib.import_module(PACKAGE)
assert F is package.functions is dezero.functions is sys.modules["dezero.functions"]
assert F.__spec__.name == F.__name__ == PACKAGE + ".functions"
assert dezero.core.Variable is dezero.Variable is V is package.Variable is core.Variable
assert sys.modules["dezero.core"] is dezero.core is core and package.core is not core
assert dezero.functions.elementwise is sys.modules["dezero.functions.elementwise"]
assert sys.modules[PACKAGE + ".functions.elementwise"] is dezero.functions.elementwise
assert dezero.__version__ == core.__version__ == package.__version__ and dezero.__file__ == package.__file__
print(dezero.is_simple_core)
"""


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_modules_are_the_stages_own(run, stage):
    assert run(f"PACKAGE = {stage.package!r}\n{IDENTITIES}", stage.name) == f"{stage.number == 2}\n"


CORE = """
import dezero, dezero.core as core
from dezero import Config, no_grad
from dezero.core import Config as C, Add, Mul, add, mul, setup_variable, using_config
import dezero.functions as F
assert core.Config is Config is C is dezero.Config
assert add is F.add and Add is F.Add and setup_variable is dezero.setup_variable
assert {"Config", "Variable", "add", "setup_variable"} <= set(dir(core))
from dezero.core import *
assert Function is dezero.Function and mul is F.mul and div is F.div
"""


@pytest.mark.parametrize("stage", later_than(2))
def test_core_has_the_names_of_the_book(run, stage):
    run(CORE, stage)


@pytest.mark.parametrize("stage", later_than(2))
def test_core_simple_is_stage_2s(run, stage):
    source = """
import numpy as np
from dezero.core_simple import Variable, no_grad
import dezero.core_simple as dz, dezero
assert dz.Variable is Variable and dezero.core_simple is dz and dz.mul and dz.Config
x = Variable(np.array(3.0))
y = x ** 2 * 2.0
y.backward()
print(Variable.__module__, x.grad)
"""
    assert run(source, stage) == "stage2_natural_code.core 12.0\n"


@pytest.mark.parametrize("stage", later_than(3))
def test_a_script_with_the_simple_core_draws_graphs(run, stage):
    source = """
import numpy as np
from dezero.core_simple import Variable
from dezero.utils import get_dot_graph
x = Variable(np.array(1.0))
x.name = "x"
print(get_dot_graph(x * 2.0 + x, verbose=False))
"""
    drawn = run(source, stage)
    assert drawn.startswith("digraph g {")
    assert all(label in drawn for label in ('"Mul"', '"Add"', '"x"'))


@pytest.mark.parametrize(
    ("names", "stage"),
    [
        ("dezero.functions_conv import Conv2DGradW, Pooling2DGrad, Pooling2DWithIndexes, Im2col, pooling", 5),
        ("dezero.models import BuildingBlock, BottleneckA, BottleneckB, VGG16, MLP", 5),
        ("dezero.core import Parameter, test_mode, setup_variable, Pow, rsub, as_array, array_types", 5),
        ("dezero.models import Sequential, MLP, Model", 4),
    ],
)
def test_names_of_the_published_package(run, names, stage):
    run(f"from {names}", stage)


def test_processes_that_the_script_starts_have_dezero_too(play):
    source = """
import multiprocessing, os, subprocess, sys
import dezero

def square(x):
    import dezero.functions as F
    from dezero import Variable
    return float(F.square(Variable(dezero.functions.np.array(x))).data)

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(square, [3.0]), flush=True)
    print([folder for folder in sys.path if "crosscheck" in folder and folder.endswith("start")], flush=True)
    subprocess.run([sys.executable, "-c", "import dezero.functions; print(dezero.functions.__name__)"])
"""
    done = play(source.replace("dezero.functions.np", "__import__('numpy')"), "--stage", "3")
    assert (done.stdout, done.stderr) == ("[9.0]\n[]\nstage3_higher_order.functions\n", "")


def test_the_environments_own_sitecustomize_runs_too(play, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("print('mine')")
    done = play(
        "import dezero, sitecustomize; print(sitecustomize.__file__)",
        environment={"PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.stdout.splitlines()[-1] == str(tmp_path / "site" / "sitecustomize.py")
    assert done.stdout.count("mine") == 2  # crosscheck's own process, and that of the script


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
        print('| epoch %d | loss %f' % (epoch + 1, loss.data.item() / count))
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
    wave = [model(np.array(x).reshape(1, 1)).data.item() for x in np.cos(np.linspace(0, 1, 5))]
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
    total += loss_pi.data.item()
    state = next_state
assert loss_pi.shape == (1, 1) and loss_v.shape == () and np.isfinite(total)
"""
)
FIFTH = {
    "training": TRAINING,
    "modes": MODES,
    "cnn": CNN,
    "vgg": VGG,
    "recurrent": RECURRENT,
    "generated": GENERATED,
    "text": TEXT,
    "q_learning": Q_LEARNING,
    "reinforce": REINFORCE,
    "actor_critic": ACTOR_CRITIC,
}


@pytest.mark.parametrize("stage", later_than(5))
@pytest.mark.parametrize("source", FIFTH.values(), ids=FIFTH)
def test_scripts_of_convolution_recurrence_and_agents_run(run, stage, source):
    run(source, stage)


# --- the script is run as Python would ---


def test_a_script_has_its_own_argv_file_path_and_name(play, tmp_path):
    source = """
import json, os, sys
import helper
print(json.dumps([sys.argv, __file__, sys.path[0], __name__, sys.modules["__main__"].__file__, helper.WORD]))
print(__spec__, __package__, sorted(n for n in globals() if not n.startswith("__")))
"""
    (tmp_path / "helper.py").write_text("WORD = 'found'")
    done = play(source, "a", "--epochs", "3", "--stage", "2", "--", "--stage", "7", "--", "--json")
    said, rest = done.stdout.splitlines()
    path = str(tmp_path / "script.py")
    arguments = [path, "a", "--epochs", "3", "--stage", "7", "--", "--json"]
    assert json.loads(said) == [arguments, path, str(tmp_path), "__main__", path, "found"]
    assert rest == "None None ['helper', 'json', 'os', 'sys']"


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
        "print(1\nx = = 2\n",
        "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        import nowhere\nf()\n",
        "import sys\nsys.excepthook = lambda *three: print('mine', three[2].tb_frame.f_code.co_name)\n1 / 0",
        "class A:\n    pass\nimport pickle\nprint(pickle.loads(pickle.dumps(A())).__class__ is A, A)",
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

GIVEN = """
import numpy as np
import dezero, dezero.functions as F
from dezero import Variable
x = Variable(np.array(2.0))
"""


@pytest.fixture
def hinted(run):
    """The hint for the error that a statement raises."""

    def on(statement, stage):
        with pytest.raises((ImportError, AttributeError, TypeError)) as caught:
            run(GIVEN + statement, stage)
        return hint(STAGES[stage - 1], caught.value)

    return on


@pytest.mark.parametrize(
    ("stage", "statement", "step"),
    [
        (1, "from dezero import no_grad", 18),
        (1, "from dezero.core import add", 12),
        (1, "F.add", 12),
        (1, "import dezero.utils", 26),
        (1, "from dezero.core_simple import Variable", 23),
        (2, "from dezero.functions import sin", 34),
        (2, "F.tanh", 35),
        (2, "dezero.utils", 26),
        (3, "from dezero import Layer", 44),
        (3, "from dezero import layers", 44),
        (3, "import dezero.layers", 44),
        (3, "import dezero.layers as L", 44),
        (3, "from dezero.layers import Linear", 44),
        (3, "F.Linear", 43),
        (3, "F.relu", 51),
        (3, "from dezero.functions import relu", 51),
        (3, "from dezero.core import Parameter", 44),
        (3, "from dezero.utils import get_file", 51),
        (3, "from dezero.functions_conv import conv2d", 57),
        (3, "dezero.optimizers", 46),
        (4, "from dezero import cuda", 52),
        (4, "dezero.cuda.gpu_enable", 52),
        (4, "from dezero import test_mode", 54),
        (4, "F.batch_nrom", 54),
        (4, "from dezero.utils import get_conv_outsize", 55),
        (4, "import dezero.functions_conv", 57),
        (4, "from dezero.models import VGG16", 58),
        (4, "dezero.layers.RNN", 59),
        (4, "from dezero import SeqDataLoader", 60),
        (1, "x.cleargrad()", 14),
        (1, "x.shape", 19),
        (1, "x + x", 20),
        (1, "x - x", 22),
        (1, "len(x)", 19),
        (1, "x.backward(retain_grad=True)", 18),
        (2, "x.backward(create_graph=True)", 32),
        (3, "x.reshape(1)", 38),
        (3, "x.T", 38),
        (3, "x.sum()", 39),
        (3, "x[0]", 47),
        (3, "x @ x", 41),
        (4, "x.to_gpu()", 52),
        (4, "x.unchain()", 59),
        (4, "from dezero.models import MLP\nMLP((1,)).save_weights('x')", 53),
    ],
)
def test_the_hint_names_the_step_that_adds_what_is_missing(hinted, stage, statement, step):
    (later,) = [other for other in STAGES if step in other.steps]
    assert hinted(statement, stage) == f"step {step} (stage {later.number}) adds this; this is stage {stage}"


@pytest.mark.parametrize(
    ("stage", "statement", "said"),
    [
        (
            2,
            "y = x * x\ny.backward()\nx.data = x.data - 0.1 * x.grad.data",
            "write x.grad, not x.grad.data: gradients are Variables from step 32",
        ),
        (3, "from dezero import sin", "stage 3 has dezero.functions.sin"),
        (3, "from dezero import Nothing", ""),
        (3, "F.forward", ""),
        (3, "x.params", ""),
        (3, "(1).nothing", ""),
        (5, "from dezero.cuda import Nothing", ""),
        (5, "import nowhere", ""),
        (5, "len(1)", ""),
    ],
)
def test_other_hints(hinted, stage, statement, said):
    found = hinted(statement, stage)
    assert found.startswith(said)
    assert found or not said
    assert said or not found


def test_a_number_from_an_array_of_one_element_has_a_hint(hinted):
    import numpy as np

    try:
        float(np.ones(1))
    except (TypeError, DeprecationWarning) as error:
        if not isinstance(error, TypeError):
            pytest.skip("NumPy before 2.4 takes the item")
    for line in ("float(np.ones(1))", "'%f' % np.ones(1)", "list(map(float, [np.ones((1, 1))]))"):
        assert "write y.data.item() instead of y.data" in hinted(line, 2)


def test_the_hint_is_printed_below_the_traceback(play):
    done = play("import dezero.functions as F\nF.squar\n", "--stage", "3")
    assert done.stderr.splitlines()[-1].endswith("Did you mean: 'square'?")
    done = play("def f():\n    from dezero import Layer\nf()\n", "--stage", "3")
    assert set(re.findall(r'File "([^"]+)"', done.stderr)) == {str(pathlib.Path(done.args[-3]))}
    assert done.stderr.splitlines()[-2].startswith("ImportError: cannot import name 'Layer' from 'dezero'")
    assert done.stderr.splitlines()[-1] == "crosscheck: step 44 (stage 4) adds this; this is stage 3"


def test_hints_in_a_notebook():
    pytest.importorskip("IPython", reason="needs IPython, which runs the cells of notebooks")
    cells = [
        "from crosscheck.play import install; install(3)",
        "from dezero import Layer",
        "1 / 0",
        "from dezero import grad",
    ]
    source = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
for cell in {cells}:
    print(shell.run_cell(cell).success)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if line in ("True", "False")] == [
        "True",
        "False",
        "False",
        "True",
    ]
    assert done.stderr == "crosscheck: step 44 (stage 4) adds this; this is stage 3\n"
    assert "cannot import name 'Layer' from 'dezero'" in done.stdout


def test_a_script_may_check_whether_a_name_exists(run):
    source = """
import dezero, dezero.functions as F
assert not hasattr(F, "relu") and not hasattr(dezero, "Layer") and getattr(F, "relu", None) is None
try:
    import dezero.cuda
except ImportError as error:
    assert error.name == "dezero.cuda"
"""
    run(source, 3)


# The names of the book and of its package; those without a module belong to `dezero`.
BOOK = """
Config Function Parameter Variable Layer Model Dataset DataLoader SeqDataLoader as_array as_variable no_grad
setup_variable test_mode using_config
core.Add core.Config core.Div core.Function core.Mul core.Neg core.Parameter core.Pow core.Sub core.Variable core.add
core.as_array core.as_variable core.div core.mul core.neg core.no_grad core.pow core.rdiv core.rsub core.setup_variable
core.sub core.test_mode core.using_config core_simple.Variable core_simple.add core_simple.no_grad
cuda.as_cupy cuda.as_numpy cuda.get_array_module cuda.gpu_enable
dataloaders.DataLoader dataloaders.SeqDataLoader
datasets.CIFAR10 datasets.CIFAR100 datasets.Dataset datasets.ImageNet datasets.MNIST datasets.Shakespear
datasets.SinCurve datasets.Spiral datasets.get_spiral
functions.BroadcastTo functions.Clip functions.Conv2d functions.Cos functions.Deconv2d functions.Exp functions.GetItem
functions.Linear functions.Log functions.LogSoftmax functions.MatMul functions.MeanSquaredError functions.Pooling
functions.ReLU functions.Reshape functions.Sigmoid functions.Sin functions.Softmax functions.SoftmaxCrossEntropy
functions.Sum functions.SumTo functions.Tanh functions.Transpose functions.accuracy functions.average
functions.average_pooling functions.batch_norm functions.batch_nrom functions.binary_cross_entropy
functions.broadcast_to functions.clip functions.col2im functions.conv2d functions.conv2d_simple functions.cos
functions.deconv2d functions.dropout functions.embed_id functions.exp functions.expand_dims functions.flatten
functions.get_item functions.im2col functions.leaky_relu functions.linear functions.linear_simple functions.log
functions.log_softmax functions.logsumexp functions.matmul functions.max functions.mean functions.mean_squared_error
functions.mean_squared_error_simple functions.min functions.pooling functions.pooling_simple functions.relu
functions.reshape functions.sigmoid functions.sigmoid_cross_entropy functions.sigmoid_simple functions.sin
functions.softmax functions.softmax_cross_entropy functions.softmax_cross_entropy_simple functions.softmax_simple
functions.sum functions.sum_to functions.tanh functions.transpose
functions_conv.AveragePooling functions_conv.Col2im functions_conv.Conv2DGradW functions_conv.Conv2d
functions_conv.Deconv2d functions_conv.Im2col functions_conv.Pooling functions_conv.Pooling2DGrad
functions_conv.Pooling2DWithIndexes functions_conv.average_pooling functions_conv.col2im functions_conv.conv2d
functions_conv.conv2d_simple functions_conv.deconv2d functions_conv.im2col functions_conv.im2col_array
functions_conv.col2im_array functions_conv.pooling functions_conv.pooling_simple
layers.BatchNorm layers.Conv2d layers.Deconv2d layers.EmbedID layers.LSTM layers.Layer layers.Linear layers.RNN
models.BuildingBlock models.MLP models.Model models.ResNet models.ResNet101 models.ResNet152 models.ResNet50
models.Sequential models.SqueezeNet models.VGG16
optimizers.AdaDelta optimizers.AdaGrad optimizers.Adam optimizers.ClipGrad optimizers.FreezeParam
optimizers.MomentumSGD optimizers.Optimizer optimizers.SGD optimizers.WeightDecay
transforms.AsType transforms.CenterCrop transforms.Compose transforms.Convert transforms.Flatten transforms.Normalize
transforms.RandomHorizontalFlip transforms.Resize transforms.ToArray transforms.ToFloat transforms.ToInt
transforms.ToPIL
utils.array_allclose utils.array_equal utils.cache_dir utils.get_conv_outsize utils.get_deconv_outsize
utils.get_dot_graph utils.get_file utils.gradient_check utils.logsumexp utils.max_backward_shape utils.numerical_grad
utils.pair utils.plot_dot_graph utils.reshape_sum_backward utils.sum_to utils._dot_func utils._dot_var
"""


def test_the_last_stage_has_the_names_of_the_book(run):
    run("", STAGES[-1].number)
    for name in BOOK.split():
        where, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(f"dezero.{where}".rstrip(".")), last), name


# --- --stage all ---


def test_all_stages_show_what_the_script_prints_side_by_side(play):
    done = play(GOLDSTEIN, "--stage", "all")
    assert done.returncode == 0
    assert re.fullmatch(r"(crosscheck: \d of 5 stages\n)*", done.stderr)  # on a slow machine
    titles = next(line for line in done.stdout.splitlines() if "stage1" in line)
    assert [title.strip() for title in titles.strip("┃").split("┃")] == ["stage1", "stage2", "stage3, stage4, stage5"]
    assert re.search(r"│ +│ -5376.0 8064.0 +│ variable\(-5376.0\) variable\(8064.0\) +│", done.stdout)
    assert re.search(r"│ fails: TypeError: unsupported operand .*│ runs +│ runs +│", done.stdout)
    assert "step 20 (stage 2) adds this; this is stage 1" in done.stdout


def test_all_stages_as_json(play):
    done = play(GOLDSTEIN, "--stage", "all", "--json")
    data = json.loads(done.stdout)
    assert [(one["stage"], one["runs"]) for one in data["stages"]] == [
        (stage.name, stage.number > 1) for stage in STAGES
    ]
    assert data["stages"][0]["missing"].startswith("TypeError: unsupported operand")
    assert data["stages"][0]["hint"].startswith("step 20 (stage 2) adds this")
    assert "8064.0" in data["stages"][1]["stdout"]


def test_a_script_that_runs_nowhere_is_a_failure(play):
    done = play("import sys; sys.exit(7)", "--stage", "all")
    assert done.returncode == 1
    assert "stage1, stage2, stage3, stage4, stage5" in done.stdout
    assert "fails: exit status 7" in done.stdout


def test_a_script_in_the_background_gets_no_input(tmp_path):
    (tmp_path / "script.py").write_text("input()")
    command = [sys.executable, "-m", "crosscheck", "play", "script.py", "--stage"]
    for stages, status, said in (("1,2", 1, 1), ("1", 0, 0)):
        done = subprocess.run([*command, stages], capture_output=True, text=True, input="a\nb\n", cwd=tmp_path)
        assert (done.returncode, done.stdout.count("EOFError")) == (status, said)


def test_one_stage_as_json(play):
    done = play("import sys; print(1); print(2, file=sys.stderr); sys.exit(3)", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    (result,) = json.loads(done.stdout)["stages"]
    assert (result["status"], result["stdout"], result["stderr"], result["missing"]) == (3, "1\n", "2\n", "2")


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
