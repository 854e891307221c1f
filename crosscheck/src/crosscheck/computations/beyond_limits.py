"""Beyond the book: arguments at their limits and beyond: what is accepted, what is refused, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import PIL.Image

from ..inputs import EVERYTHING, TWICE
from .mutants_functions import message
from .values import values

ONCE: dict[str, Any] = {"since": 5, "cases": EVERYTHING - TWICE}  # long programs: a second run costs too much
X = np.linspace(0, 1, 72).reshape(3, 4, 6)
BOX = np.array([[0.0, 1, 2, 3]])
ROW = np.ones((2, 3), np.float32)
DATA = [(ROW, None)]
IMAGE = PIL.Image.new("RGB", (4, 3))

# --- what is accepted and what is refused ---


def owner(call: Callable[[], Any]) -> str:
    """The type of the error that a call raises, and who says it: the text up to its first colon, if it is ours."""
    kind, _, text = message(call).partition(": ")
    return kind if text[:1] in "'\"" else f"{kind}: {text.partition(': ')[0]}"


def doors(name: str, *rows: tuple[Any, ...]) -> None:
    """Register calls by the owner of the error that they raise; their texts are compared elsewhere."""

    def owners(fw: Any) -> list[str]:
        fw.Trainer  # noqa: B018 - Missing, if the stage does not have it
        return [owner(partial(call, fw)) for _, *calls in rows for call in calls]

    why = "what the docstrings say; PyTorch has no such functions, or other limits"
    values(60, why, (name, owners, lambda: [owner for owner, *calls in rows for _ in calls]), **ONCE)


def im(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def net(fw: Any) -> Any:
    return fw.layers.Linear(1, in_size=3)


def sgd(fw: Any) -> Any:
    return fw.optimizers.SGD(0.1).setup(net(fw))


def trainer(fw: Any, **options: Any) -> Any:
    return fw.Trainer(net(fw), fw.optimizers.SGD(0.1), lambda y, t: fw.sum(y), **options)


def fit(fw: Any, *callbacks: Any, **options: Any) -> Any:
    return trainer(fw).fit(DATA, 1, callbacks=callbacks, **options)


def loader(fw: Any, **options: Any) -> Any:
    return fw.DataLoader([(i, i) for i in range(4)], 2, **options)


def with_state(fw: Any, shuffle: bool = True, other: bool = True, **changes: Any) -> None:
    """Load the state of a loader, with changes, into another one."""
    loader(fw, shuffle=other).load_state(loader(fw, shuffle=shuffle).state() | changes)


def grouped(fw: Any, *picks: Callable[[Any], Any]) -> None:
    """Set up an optimizer for each part of a layer."""
    layer = net(fw)
    fw.optimizers.Grouped([(pick(layer), fw.optimizers.SGD()) for pick in picks]).setup(layer)


def averaged(fw: Any, layer: Any, state: Any) -> None:
    fw.training.ExponentialMovingAverage(layer).load_state(state)


def momentum(fw: Any, layer: Any, state: Any) -> None:
    fw.optimizers.MomentumSGD().setup(layer).load_state(state)


# fmt: off
doors(
    "limits_of_models",
    ("ValueError: LeNet", lambda fw: fw.models.LeNet()(im(1, 1, 16, 15)),
     lambda fw: fw.models.LeNet()(im(1, 1, 15, 16)), lambda fw: fw.models.LeNet()(im(1, 16, 16)),
     lambda fw: fw.models.LeNet(style="classic")(im(1, 1, 11, 12))),
    ("no error", lambda fw: fw.models.LeNet()(im(1, 1, 16, 16)),
     lambda fw: fw.models.LeNet(style="classic")(im(1, 1, 12, 12))),
    ("ValueError: AlexNet", lambda fw: fw.models.AlexNet(style="paper")(im(1, 3, 66, 67)),
     lambda fw: fw.models.AlexNet(style="book")),
    ("ValueError: NiN", lambda fw: fw.models.NiN()(im(1, 3, 66, 67))),
    ("ValueError: SqueezeNet11", lambda fw: fw.models.SqueezeNet11()(im(1, 3, 16, 17))),
    ("ValueError: VGG11", lambda fw: fw.models.VGG11()(im(1, 3, 31, 32))),
    ("ValueError: GoogLeNet", lambda fw: fw.models.GoogLeNet()(im(1, 3, 14, 15)),
     lambda fw: fw.models.GoogLeNet(style="paper")(im(1, 3, 0, 1)), lambda fw: fw.models.GoogLeNet(style="book")),
    ("ValueError: DenseNet121", lambda fw: fw.models.DenseNet121()(im(1, 3, 28, 29))),
    ("ValueError: DenseNet", lambda fw: fw.models.DenseNet(blocks=(1,))(im(1, 3, 1, 0))),
    ("ValueError: ResNet18", lambda fw: fw.models.ResNet18()(im(1, 3, 1, 0)),
     lambda fw: fw.models.ResNet18(stem="large")),
    ("ValueError: ResNet", lambda fw: fw.models.ResNet50(style="paper"), lambda fw: fw.models.ResNet(51),
     lambda fw: fw.models.ResNet50(pretrained=True, style="torch")),
    ("ValueError: ResNet50.load_state_dict", lambda fw: fw.models.ResNet50().load_state_dict({}, style="book2"),
     lambda fw: fw.models.ResNet50().load_state_dict({})),
    ("ValueError: ResNet50", lambda fw: fw.models.ResNet50().set_weights({}),
     lambda fw: fw.models.ResNet50(style="torch").set_weights({"conv1/b": 0})),
    ("ValueError: TinySSD", lambda fw: fw.models.TinySSD()(im(1, 3, 63, 64)),
     lambda fw: fw.models.TinySSD()(im(3, 64, 64))),
    ("ValueError: FCN", lambda fw: fw.models.FCN(lambda x: x, 2, 4)(im(1, 1, 4, 6)),
     lambda fw: fw.models.FCN(lambda x: x, 2, 4)(im(1, 4, 4)),
     lambda fw: fw.models.FCN(lambda x: x, 2, 4)(im(1, 1, 4, 0)),
     lambda fw: fw.models.FCN(lambda x: x, 2, 4)(im(1, 1, 4, 4))),
    ("ValueError: Autoencoder", lambda fw: fw.models.Autoencoder((3,)),
     lambda fw: fw.models.Autoencoder((3, 2), sparse=-1), lambda fw: fw.models.Autoencoder((3, 2), noise=-1)),
    ("TypeError: Sequential", lambda fw: fw.models.Sequential(1)),
    ("ValueError: MLP", lambda fw: fw.models.MLP(())),
    ("TypeError: MLP", lambda fw: fw.models.MLP((1,), activation="relu")),
)
doors(
    "limits_of_models_of_text",
    ("ValueError: NGram", lambda fw: fw.models.NGram(0), lambda fw: fw.models.NGram(1.5),
     lambda fw: fw.models.NGram(2, "none"), lambda fw: fw.models.NGram(2, k=-1),
     lambda fw: fw.models.NGram(2, interpolate=(1,)), lambda fw: fw.models.NGram(2, interpolate=(0.5, 0.4))),
    ("no error", lambda fw: fw.models.NGram(np.int64(1)), lambda fw: fw.models.NGram(2, k=0, interpolate=(0.5, 0.5)),
     lambda fw: fw.models.NGram(2).fit([0, 2], 3), lambda fw: fw.text.lm_batches(range(5), 2, 2),
     lambda fw: fw.text.translation_batches([("a", "c")], 2)),
    ("ValueError: NGram.fit", lambda fw: fw.models.NGram(2).fit([0]), lambda fw: fw.models.NGram(2).fit([0, -1]),
     lambda fw: fw.models.NGram(2).fit([0, 3], 3)),
    ("ValueError: NGram.perplexity", lambda fw: fw.models.NGram(2).fit([0, 1]).perplexity([0])),
    ("ValueError: LanguageModel", lambda fw: fw.models.LanguageModel(3, 2, 2, "cnn"),
     lambda fw: fw.models.LanguageModel(3, 2, 2, bidirectional=True),
     lambda fw: fw.models.LanguageModel(3, 2, 4, tied=True)),
    ("ValueError: LanguageModel.generate", lambda fw: fw.models.LanguageModel(3, 2, 4).generate([], 1),
     lambda fw: fw.models.LanguageModel(3, 2, 4).generate([1], 1, -0.5)),
    ("ValueError: RNNClassifier", lambda fw: fw.models.RNNClassifier(3, 2, 2, pool="sum"),
     lambda fw: fw.models.RNNClassifier(3, 2, 2, cell="cnn")),
    ("ValueError: TextCNN", lambda fw: fw.models.TextCNN(3, 2, (1, 2), (1,)),
     lambda fw: fw.models.TextCNN(3, 2, (), ()), lambda fw: fw.models.TextCNN(3, 2, vectors=np.ones((2, 3)))),
    ("ValueError: Encoder", lambda fw: fw.models.Encoder(3, 2, 2, cell="cnn")),
    ("ValueError: Decoder", lambda fw: fw.models.Decoder(3, 2, 2, cell="cnn"),
     lambda fw: fw.models.Decoder(3, 2, 2, attention="mean")),
    ("ValueError: Seq2Seq", lambda fw: fw.models.Seq2Seq(fw.models.Encoder(3, 2, 2), fw.models.Decoder(3, 2, 3)),
     lambda fw: fw.models.Seq2Seq(fw.models.Encoder(3, 2, 2), fw.models.Decoder(3, 2, 2, 2)),
     lambda fw: fw.models.Seq2Seq(fw.models.Encoder(3, 2, 2), fw.models.Decoder(3, 2, 2, cell="rnn"))),
    ("ValueError: Vectors", lambda fw: fw.models.Vectors(["a"], np.zeros(1)),
     lambda fw: fw.models.Vectors(["a", "b"], np.zeros((1, 2)))),
    ("ValueError: lm_batches", lambda fw: fw.text.lm_batches(range(5), 1, 2, "sorted"),
     lambda fw: fw.text.lm_batches([[1, 2, 3]], 1, 1), lambda fw: fw.text.lm_batches(range(5), 0, 1),
     lambda fw: fw.text.lm_batches(range(5), 1, 0), lambda fw: fw.text.lm_batches(range(4), 2, 2)),
    ("ValueError: translation_batches", lambda fw: fw.text.translation_batches([("a b", "c")], 2),
     lambda fw: fw.text.translation_batches([("a", "c d")], 2)),
    ("ValueError: beam_search", lambda fw: fw.text.beam_search(None, (0, None), 1, 0, 1),
     lambda fw: fw.text.beam_search(None, (0, None), 1, 1, 0)),
    ("KeyError", lambda fw: fw.text.Vocabulary("ab", reserved=()).encode("c")),
)
doors(
    "limits_of_augmentation",
    ("TypeError: RandomCrop", lambda fw: fw.vision.RandomCrop(2)(X.astype(np.int32)),
     lambda fw: fw.vision.RandomCrop(2)(X > 0)),
    ("ValueError: RandomCrop", lambda fw: fw.vision.RandomCrop((7, 4))(X), lambda fw: fw.vision.RandomCrop((6, 5))(X)),
    ("ValueError: RandomVerticalFlip", lambda fw: fw.vision.RandomVerticalFlip(-0.1),
     lambda fw: fw.vision.RandomVerticalFlip(1.1)),
    ("no error", lambda fw: fw.vision.RandomVerticalFlip(0), lambda fw: fw.vision.RandomVerticalFlip(1),
     lambda fw: fw.vision.RandomResizedCrop(2, (0, 0)), lambda fw: fw.vision.Pad(0),
     lambda fw: fw.vision.RandomBrightness(0)(X[:, :, :0])),
    ("ValueError: RandomResizedCrop", lambda fw: fw.vision.RandomResizedCrop(2, (0.5,)),
     lambda fw: fw.vision.RandomResizedCrop(2, (0.5, 0.4)), lambda fw: fw.vision.RandomResizedCrop(2, (-0.1, 1)),
     lambda fw: fw.vision.RandomResizedCrop(2, ratio=(0, 1)), lambda fw: fw.vision.RandomResizedCrop(2, ratio=(2, 1))),
    ("ValueError: RandomErasing", lambda fw: fw.vision.RandomErasing(scale=(-1, 1)),
     lambda fw: fw.vision.RandomErasing(ratio=(0, 1)), lambda fw: fw.vision.RandomErasing(-1)),
    ("ValueError: RandomAffine", lambda fw: fw.vision.RandomAffine(degrees=(3, 2)),
     lambda fw: fw.vision.RandomAffine(shift=(1, 0)), lambda fw: fw.vision.RandomAffine(shear=-1),
     lambda fw: fw.vision.RandomAffine(scale=(0, 1)), lambda fw: fw.vision.RandomAffine(scale=2)),
    ("ValueError: Pad", lambda fw: fw.vision.Pad((1, 2, 3)), lambda fw: fw.vision.Pad(-1)),
    ("ValueError: RandomBrightness", lambda fw: fw.vision.RandomBrightness(float("nan")),
     lambda fw: fw.vision.RandomBrightness(0)(X[0])),
    ("ValueError: RandomHue", lambda fw: fw.vision.RandomHue(-0.1), lambda fw: fw.vision.RandomHue(0.5)(X[:2])),
    ("ValueError: RandomSaturation", lambda fw: fw.vision.RandomSaturation(0)(X[:2])),
    ("TypeError: RandomErasing", lambda fw: fw.vision.RandomErasing()([1])),
    ("ValueError: RandomApply", lambda fw: fw.vision.RandomApply([np.exp], 2)),
    ("TypeError: Compose", lambda fw: fw.vision.RandomApply([1])),
    ("TypeError: Pad", lambda fw: fw.vision.Joint([fw.vision.Pad(1)])(image=[1])),
    ("ValueError: RandomHorizontalFlip",
     lambda fw: fw.vision.Joint([fw.transforms.RandomHorizontalFlip(1)])(image=X[0])),
    ("ValueError: Joint", lambda fw: fw.vision.Joint(fw.vision.Pad(1))(image=X, boxes=np.ones((2, 3))),
     lambda fw: fw.vision.Joint(fw.vision.Pad(1))(image=X, mask=np.ones((4, 5), int))),
)
doors(
    "limits_of_boxes",
    ("ValueError: convert", lambda fw: fw.vision.boxes.convert(BOX, "xyxy", "yx"),
     lambda fw: fw.vision.boxes.convert(BOX, "yx", "xyxy"), lambda fw: fw.vision.boxes.convert(1.0, "xyxy", "xyxy"),
     lambda fw: fw.vision.boxes.convert(np.ones(3), "xyxy", "xyxy")),
    ("ValueError: iou", lambda fw: fw.vision.boxes.iou(BOX[0], BOX),
     lambda fw: fw.vision.boxes.iou(BOX, np.ones((1, 3))), lambda fw: fw.vision.boxes.iou(BOX[None], BOX)),
    ("ValueError: anchors", lambda fw: fw.vision.boxes.anchors((1, 1), (), (1,)),
     lambda fw: fw.vision.boxes.anchors((1, 1), (0,), (1,)), lambda fw: fw.vision.boxes.anchors((1, 1), (1,), (-1,)),
     lambda fw: fw.vision.boxes.anchors((1, 1), (1,), ())),
    ("ValueError: target", lambda fw: fw.vision.boxes.target(BOX, [np.ones((1, 4))]),
     lambda fw: fw.vision.boxes.target(BOX[0], [])),
    ("ValueError: nms", lambda fw: fw.vision.boxes.nms(BOX, np.ones(2)),
     lambda fw: fw.vision.boxes.nms(BOX, np.ones((1, 1)))),
    ("ValueError: batched_nms", lambda fw: fw.vision.boxes.batched_nms(BOX, np.ones(1), np.ones(2))),
    ("ValueError: detect", lambda fw: fw.vision.boxes.detect(np.ones((1, 1, 1)), np.ones((1, 1, 4)), BOX),
     lambda fw: fw.vision.boxes.detect(np.ones((1, 2, 2)), np.ones((1, 1, 4)), BOX),
     lambda fw: fw.vision.boxes.detect(np.ones((1, 1)), np.ones((1, 1, 4)), BOX),
     lambda fw: fw.vision.boxes.detect(np.ones((1, 1, 2)), np.ones((1, 2, 4)), BOX)),
    ("ValueError: average_precision", lambda fw: fw.vision.boxes.average_precision([1.0], [True], 0),
     lambda fw: fw.vision.boxes.average_precision([1.0], [True], 1, "mean"),
     lambda fw: fw.vision.boxes.average_precision([1.0], [True, False], 1),
     lambda fw: fw.vision.boxes.average_precision([[1.0]], [[True]], 1)),
    ("ValueError: mean_ap", lambda fw: fw.vision.boxes.mean_ap([], [np.ones((1, 5))]),
     lambda fw: fw.vision.boxes.mean_ap([np.ones((1, 6))], [-np.ones((1, 5))]),
     lambda fw: fw.vision.boxes.mean_ap([np.ones((1, 5))], [np.ones((1, 5))]),
     lambda fw: fw.vision.boxes.mean_ap([np.ones((1, 6))], [np.ones((1, 6))])),
    ("ValueError: ssd_loss", lambda fw: fw.models.ssd_loss(im(1, 2), im(1, 2, 4), im(1, 2), im(1, 8), im(1, 8)),
     lambda fw: fw.models.ssd_loss(im(1, 2, 2), im(1, 2, 4), im(1, 1), im(1, 8), im(1, 8)),
     lambda fw: fw.models.ssd_loss(im(1, 2, 2), im(1, 1, 4), im(1, 2), im(1, 8), im(1, 8)),
     lambda fw: fw.models.ssd_loss(im(1, 2, 2), im(1, 2, 4), im(1, 2), im(1, 4), im(1, 8)),
     lambda fw: fw.models.ssd_loss(im(1, 2, 2), im(1, 2, 4), im(1, 2), im(1, 8), im(1, 4)),
     lambda fw: fw.models.ssd_loss(im(1, 2, 2), im(1, 2, 4), im(1, 2).astype(int), im(1, 8), im(1, 8), box="huber")),
)
doors(
    "limits_of_optimizers",
    ("ValueError: SGD", lambda fw: fw.optimizers.SGD(-0.1), lambda fw: fw.optimizers.SGD(float("nan")),
     lambda fw: fw.optimizers.SGD(np.inf)),
    ("no error", lambda fw: fw.optimizers.SGD(0), lambda fw: fw.optimizers.FreezeParam(net(fw), net(fw).W),
     lambda fw: fw.optimizers.between(sgd(fw), 1, 1.5), lambda fw: grouped(fw, lambda layer: [layer, layer]),
     lambda fw: momentum(fw, net(fw), {"W/v": im(3, 1)})),
    ("ValueError: MomentumSGD", lambda fw: fw.optimizers.MomentumSGD(momentum=-1),
     lambda fw: fw.optimizers.MomentumSGD(momentum=np.inf)),
    ("ValueError: Adam", lambda fw: fw.optimizers.Adam(beta1=1), lambda fw: fw.optimizers.Adam(beta2=1),
     lambda fw: fw.optimizers.Adam(eps=-1)),
    ("ValueError: AdaDelta", lambda fw: fw.optimizers.AdaDelta(rho=1)),
    ("ValueError: RMSprop", lambda fw: fw.optimizers.RMSprop(alpha=1)),
    ("ValueError: AdamW", lambda fw: fw.optimizers.AdamW(weight_decay=-1)),
    ("ValueError: WeightDecay", lambda fw: fw.optimizers.WeightDecay(-1)),
    ("ValueError: ClipGrad", lambda fw: fw.optimizers.ClipGrad(0), lambda fw: fw.optimizers.ClipGrad(float("nan"))),
    ("ValueError: ClipValue", lambda fw: fw.optimizers.ClipValue(float("nan"))),
    ("TypeError: FreezeParam", lambda fw: fw.optimizers.FreezeParam(1)),
    ("TypeError: SGD.setup", lambda fw: fw.optimizers.SGD().setup(1)),
    ("RuntimeError: SGD.update", lambda fw: fw.optimizers.SGD().update()),
    ("TypeError: SGD.add_hook", lambda fw: sgd(fw).add_hook(1)),
    ("ValueError: StepLR", lambda fw: fw.optimizers.StepLR(sgd(fw), 0),
     lambda fw: fw.optimizers.StepLR(sgd(fw), 1, 0)),
    ("ValueError: MultiStepLR", lambda fw: fw.optimizers.MultiStepLR(sgd(fw), [1], 0)),
    ("ValueError: ExponentialLR", lambda fw: fw.optimizers.ExponentialLR(sgd(fw), 0)),
    ("ValueError: LinearLR", lambda fw: fw.optimizers.LinearLR(sgd(fw), start=0),
     lambda fw: fw.optimizers.LinearLR(sgd(fw), end=0), lambda fw: fw.optimizers.LinearLR(sgd(fw), total=0)),
    ("ValueError: PolynomialLR", lambda fw: fw.optimizers.PolynomialLR(sgd(fw), 0),
     lambda fw: fw.optimizers.PolynomialLR(sgd(fw), 1, 0)),
    ("ValueError: CosineLR", lambda fw: fw.optimizers.CosineLR(sgd(fw), 0)),
    ("ValueError: InverseLR", lambda fw: fw.optimizers.InverseLR(sgd(fw), 0),
     lambda fw: fw.optimizers.InverseLR(sgd(fw), 1, 0)),
    ("ValueError: WarmUp", lambda fw: fw.optimizers.WarmUp(fw.optimizers.CosineLR(sgd(fw), 1), 0)),
    ("ValueError: OnPlateau", lambda fw: fw.optimizers.OnPlateau(sgd(fw), 0),
     lambda fw: fw.optimizers.OnPlateau(sgd(fw), 1)),
    ("ValueError: load_state", lambda fw: fw.optimizers.StepLR(sgd(fw), 2).load_state({"t": 1}),
     lambda fw: fw.optimizers.StepLR(sgd(fw), 2).load_state({"t": 1, "base": 1, "x": 1}),
     lambda fw: sgd(fw).load_state({"x": 1}), lambda fw: momentum(fw, net(fw), {"lr": 1}),
     lambda fw: momentum(fw, net(fw), {"lr": 1, "momentum": -1}), lambda fw: sgd(fw).load_state({"W/v": im(3, 1)}),
     lambda fw: momentum(fw, net(fw), {"W/v": im(1, 3)}), lambda fw: momentum(fw, net(fw), {"W/v": np.zeros((3, 1))}),
     lambda fw: momentum(fw, fw.layers.Linear(1), {"W/v": im(1, 3)})),
    ("ValueError: Grouped", lambda fw: fw.optimizers.Grouped([]),
     lambda fw: fw.optimizers.Grouped([("all", fw.optimizers.SGD())]),
     lambda fw: fw.optimizers.Grouped([("rest", fw.optimizers.SGD()), ("rest", fw.optimizers.SGD())]),
     lambda fw: fw.optimizers.Grouped([(net(fw), sgd(fw))] * 2),
     lambda fw: fw.optimizers.Grouped([(net(fw), fw.optimizers.SGD())]).setup(net(fw)),
     lambda fw: grouped(fw, lambda layer: layer.W),
     lambda fw: grouped(fw, lambda layer: layer.W, lambda layer: layer)),
    ("TypeError: Grouped", lambda fw: fw.optimizers.Grouped([1]), lambda fw: fw.optimizers.Grouped([(1, 2, 3)]),
     lambda fw: fw.optimizers.Grouped([(1, 2)])),
    ("TypeError: Grouped.setup", lambda fw: fw.optimizers.Grouped([["rest", fw.optimizers.SGD()]]).setup(1)),
    ("RuntimeError: Grouped.update", lambda fw: fw.optimizers.Grouped([("rest", fw.optimizers.SGD())]).update()),
)
doors(
    "limits_of_training",
    ("ValueError: Trainer", lambda fw: trainer(fw, metrics={"loss": len}),
     lambda fw: trainer(fw, metrics={"valid_x": len})),
    ("no error", lambda fw: trainer(fw, metrics=[len]), lambda fw: fit(fw, fw.training.EarlyStopping("loss")),
     lambda fw: fit(fw, fw.training.EarlyStopping(), valid=DATA),
     lambda fw: fw.training.EarlyStopping("speed", mode="max"), lambda fw: fw.training.Checkpoint("x"),
     lambda fw: fw.training.ScheduleRate(fw.optimizers.StepLR(sgd(fw), 1), "batch"),
     lambda fw: fw.training.ExponentialMovingAverage(net(fw), 0), lambda fw: averaged(fw, net(fw), {"t": 1}),
     lambda fw: fw.training.KFold(2), lambda fw: list(fw.training.KFold(2).split(2)),
     lambda fw: list(fw.training.StratifiedKFold(2).split([0, 0, 1])), lambda fw: fw.training.Subset([1, 2], [0, 1])),
    ("ValueError: ClipGrad", lambda fw: trainer(fw, clip=0)),
    ("TypeError: Trainer.fit", lambda fw: trainer(fw).fit(DATA, 1.5)),
    ("TypeError", lambda fw: fw.training.KFold(2.5)),
    ("TypeError: Trainer", lambda fw: fw.Trainer(net(fw), fw.optimizers.SGD(), lambda y, t: 1.0).fit(DATA, 1),
     lambda fw: fw.Trainer(net(fw), fw.optimizers.SGD(), lambda y, t: y).fit(DATA, 1)),
    ("ValueError: Trainer.evaluate", lambda fw: trainer(fw).evaluate([])),
    ("ValueError: Trainer.predict", lambda fw: trainer(fw).predict([])),
    ("ValueError: Trainer.fit", lambda fw: trainer(fw).fit([], 1)),
    ("ValueError: EarlyStopping", lambda fw: fit(fw, fw.training.EarlyStopping()),
     lambda fw: fw.training.EarlyStopping(patience=0), lambda fw: fw.training.EarlyStopping("speed"),
     lambda fw: fw.training.EarlyStopping("error", mode="low")),
    ("ValueError: Checkpoint", lambda fw: fit(fw, fw.training.Checkpoint("x", "valid_loss")),
     lambda fw: fw.training.Checkpoint("x", every=0), lambda fw: fw.training.Checkpoint("x", "speed")),
    ("ValueError: ScheduleRate", lambda fw: fit(fw, fw.training.ScheduleRate(fw.optimizers.OnPlateau(sgd(fw)))),
     lambda fw: fw.training.ScheduleRate(fw.optimizers.StepLR(sgd(fw), 1), "x"),
     lambda fw: fw.training.ScheduleRate(fw.optimizers.OnPlateau(sgd(fw)), "batch"),
     lambda fw: fw.training.ScheduleRate(fw.optimizers.StepLR(sgd(fw), 1), "batch", "loss")),
    ("KeyError", lambda fw: fw.training.History()["loss"],
     lambda fw: fw.training.History([{"loss": 1}]).best("speed")),
    ("ValueError: History.best", lambda fw: fw.training.History([{"speed": 1}]).best("speed"),
     lambda fw: fw.training.History([{"loss": float("nan")}]).best("loss")),
    ("ValueError: ExponentialMovingAverage", lambda fw: fw.training.ExponentialMovingAverage(net(fw), 1),
     lambda fw: fw.training.ExponentialMovingAverage(net(fw), -0.1), lambda fw: averaged(fw, net(fw), {}),
     lambda fw: averaged(fw, net(fw), {"t": 1, "W": im(1, 3), "b": im(1)}),
     lambda fw: averaged(fw, net(fw), {"W": im(3, 1), "b": im(1)}),
     lambda fw: averaged(fw, fw.layers.Linear(1), {"t": 1, "W": im(1, 3), "b": im(1)}),
     lambda fw: fw.training.ExponentialMovingAverage(fw.layers.Linear(1)).update(),
     lambda fw: fw.training.ExponentialMovingAverage(fw.layers.Linear(1)).applied().__enter__()),
    ("ValueError: KFold", lambda fw: fw.training.KFold(1), lambda fw: list(fw.training.KFold(2).split(1))),
    ("ValueError: StratifiedKFold", lambda fw: list(fw.training.StratifiedKFold(2).split([])),
     lambda fw: list(fw.training.StratifiedKFold(2).split([0, 1]))),
    ("ValueError: Subset", lambda fw: fw.training.Subset([1, 2], [[0]]), lambda fw: fw.training.Subset([1, 2], [-1]),
     lambda fw: fw.training.Subset([1, 2], [2])),
    ("ValueError: split_dataset", lambda fw: fw.training.split_dataset([1, 2], [1.0, 0.0]),
     lambda fw: fw.training.split_dataset([1, 2], [0.5, 0.4]),
     lambda fw: fw.training.split_dataset([1, 2], [0.5, 0.6])),
    ("ValueError: find_params", lambda fw: fw.training.find_params(net(fw), "x")),
    ("ValueError: count_params", lambda fw: fw.training.count_params(fw.layers.Linear(1))),
    ("ValueError: fuse", lambda fw: fw.training.fuse(fw.Sequential(fw.layers.Linear(1), fw.layers.BatchNorm()))),
    ("ValueError: from_tf_kernel", lambda fw: fw.training.from_tf_kernel(im(2, 2)),
     lambda fw: fw.training.from_tf_kernel(im(1, 1, 1, 1, 1)),
     lambda fw: fw.training.from_tf_kernel(im(1, 2, 2), depthwise=True)),
)
doors(
    "limits_of_files_and_loaders",
    ("ValueError: Linear", lambda fw: net(fw).set_weights({"W": im(3, 1)}),
     lambda fw: net(fw).set_weights({"W": im(3, 1), "b": im(1), "c": im(1)}),
     lambda fw: net(fw).set_weights({"W": im(3, 2), "b": im(1)}),
     lambda fw: net(fw).set_weights({"W": im(3), "b": im(1)}),
     lambda fw: net(fw).set_weights({"W": np.ones((3, 1)), "b": im(1)}),
     lambda fw: fw.layers.Linear(1).set_weights({"W": im(3, 1).astype(str), "b": im(1)}),
     lambda fw: fw.layers.Linear(1).set_weights({"W": im(3, 2), "b": im(1)}),
     lambda fw: fw.layers.Linear(1).set_weights({"W": im(3), "b": im(1)}),
     lambda fw: fw.layers.Linear(1).set_weights({"W": im(3, 1).astype(int), "b": im(1)}),
     lambda fw: fw.layers.Linear(1).get_weights()),
    ("TypeError: Linear", lambda fw: net(fw).set_weights({"W": [[1]], "b": im(1)})),
    ("TypeError: save_checkpoint", lambda fw: fw.saving.save_checkpoint("x", 1),
     lambda fw: fw.saving.save_checkpoint("x", net(fw), net(fw)),
     lambda fw: fw.saving.save_checkpoint("x", net(fw), None, sgd(fw)),
     lambda fw: fw.saving.save_checkpoint("x", net(fw), a=object())),
    ("ValueError: save_checkpoint", lambda fw: fw.saving.save_checkpoint("x", net(fw), sgd(fw)),
     lambda fw: fw.saving.save_checkpoint("x", net(fw), fw.optimizers.SGD())),
    ("ValueError: load_checkpoint", lambda fw: fw.saving.load_checkpoint("x", net(fw), sgd(fw))),
    ("ValueError: DataLoader", lambda fw: fw.DataLoader([], 0),
     lambda fw: next(fw.DataLoader([(1, 2), ([1, 2], 3)], 2)), lambda fw: next(fw.DataLoader([(1, 2), (1, None)], 2))),
    ("TypeError: DataLoader", lambda fw: fw.DataLoader([], 1.5), lambda fw: fw.DataLoader(1, 1)),
    ("TypeError: Prefetch", lambda fw: fw.prefetch.Prefetch(loader(fw), 1.5),
     lambda fw: fw.prefetch.Prefetch(loader(fw), 1, 1.5)),
    ("no error", lambda fw: fw.DataLoader([], 1), lambda fw: next(fw.DataLoader([[1, 2]], 1)),
     lambda fw: fw.SeqDataLoader([1, 2], 2), lambda fw: with_state(fw),
     lambda fw: with_state(fw, shuffle=False, other=False), lambda fw: with_state(fw, iteration=np.array(2)),
     lambda fw: fw.prefetch.Prefetch([1], 1, 1)),
    ("TypeError: DataLoader", lambda fw: next(fw.DataLoader([1], 1)), lambda fw: next(fw.DataLoader([(1, 2, 3)], 1))),
    ("ValueError: SeqDataLoader", lambda fw: fw.SeqDataLoader([1], 2)),
    ("ValueError: DataLoader.load_state", lambda fw: with_state(fw, more=1), lambda fw: with_state(fw, other=False),
     lambda fw: with_state(fw, iteration=np.array(3)), lambda fw: with_state(fw, iteration=np.array(-1)),
     lambda fw: with_state(fw, iteration=np.array([1])), lambda fw: with_state(fw, iteration=np.array(1.0)),
     lambda fw: with_state(fw, index=np.arange(3)), lambda fw: with_state(fw, index=np.array([0, 1, 2, 2])),
     lambda fw: with_state(fw, index=np.arange(4.0)),
     lambda fw: with_state(fw, shuffle=False, other=False, index=np.array([0, 1, 3, 2])),
     lambda fw: with_state(fw, rng=np.array("1")), lambda fw: with_state(fw, rng=np.array("{}"))),
    ("ValueError: Prefetch", lambda fw: fw.prefetch.Prefetch(loader(fw), 0),
     lambda fw: fw.prefetch.Prefetch(loader(fw), 1, 0)),
    ("TypeError: Prefetch", lambda fw: fw.prefetch.Prefetch(iter([1])), lambda fw: fw.prefetch.Prefetch([1], 1, 2),
     lambda fw: next(fw.prefetch.Prefetch([1]))),
    ("AttributeError", lambda fw: fw.prefetch.Prefetch([1]).speed),
    ("AttributeError: __speed__", lambda fw: fw.prefetch.Prefetch([1]).__speed__),
    ("ValueError: map_threads", lambda fw: fw.prefetch.map_threads(len, [], 0)),
    ("TypeError: object of type 'int' has no len()", lambda fw: fw.prefetch.map_threads(len, [1], 1)),
)
doors(
    "limits_of_data",
    ("TypeError: Compose", lambda fw: fw.transforms.Compose([1])),
    ("ValueError: Normalize", lambda fw: fw.transforms.Normalize(0, 0), lambda fw: fw.transforms.Normalize(0, (1, 0)),
     lambda fw: fw.transforms.Normalize((1, 2))(im(3, 2)), lambda fw: fw.transforms.Normalize(0, (1, 2))(im(3, 2)),
     lambda fw: fw.transforms.Normalize([[1]])(im(1, 2))),
    ("no error", lambda fw: fw.transforms.Normalize((1,), (2,))(im(3, 2)),
     lambda fw: fw.transforms.Normalize((1, 2, 3), (1, 2, 3))(im(3, 2)), lambda fw: fw.transforms.Resize(1)(IMAGE),
     lambda fw: fw.transforms.CenterCrop((4, 3))(IMAGE), lambda fw: fw.transforms.ToArray()(IMAGE.convert("L")),
     lambda fw: fw.transforms.ToPIL()(im(4, 1, 2) + 255), lambda fw: fw.transforms.RandomHorizontalFlip(0)(IMAGE),
     lambda fw: fw.transforms.RandomHorizontalFlip(1)(im(1, 1, 2)),
     lambda fw: fw.models.VGG16.preprocess(IMAGE, 2, np.float64), lambda fw: fw.models.VGG16.preprocess(IMAGE, (2, 3)),
     lambda fw: fw.models.VGG16.preprocess(IMAGE, None), lambda fw: fw.synthetic.Houses(1),
     lambda fw: fw.synthetic.Shapes(1, 16, most=1), lambda fw: fw.synthetic.World(n=1),
     lambda fw: fw.synthetic.Phrases(1), lambda fw: fw.datasets.Spiral()[-300]),
    ("TypeError: Convert", lambda fw: fw.transforms.Convert(1)),
    ("ValueError: Convert", lambda fw: fw.transforms.Convert("X")(IMAGE)),
    ("ValueError: Resize", lambda fw: fw.transforms.Resize(0), lambda fw: fw.transforms.Resize((1, 2, 3)),
     lambda fw: fw.transforms.Resize((1, 0))),
    ("TypeError", lambda fw: fw.transforms.Resize(1.5), lambda fw: fw.datasets.Spiral()[1.0]),
    ("TypeError: Resize", lambda fw: fw.transforms.Resize(1)(im(1))),
    ("ValueError: CenterCrop", lambda fw: fw.transforms.CenterCrop((5, 3))(IMAGE),
     lambda fw: fw.transforms.CenterCrop((4, 4))(IMAGE)),
    ("TypeError: ToArray", lambda fw: fw.transforms.ToArray()(1)),
    ("ValueError: ToArray", lambda fw: fw.transforms.ToArray()(IMAGE.convert("P")),
     lambda fw: fw.transforms.ToArray()(IMAGE.convert("PA"))),
    ("TypeError: ToPIL", lambda fw: fw.transforms.ToPIL()(im(1, 2, 2) > 0)),
    ("ValueError: ToPIL", lambda fw: fw.transforms.ToPIL()(im(2, 2)), lambda fw: fw.transforms.ToPIL()(im(2, 2, 2)),
     lambda fw: fw.transforms.ToPIL()(im(1, 0, 2)), lambda fw: fw.transforms.ToPIL()(im(1, 1, 2) - 1),
     lambda fw: fw.transforms.ToPIL()(im(1, 1, 2) + 256), lambda fw: fw.transforms.ToPIL()(im(1, 1, 2) + np.nan),
     lambda fw: fw.transforms.ToPIL()(im(5, 1, 1))),
    ("ValueError: RandomHorizontalFlip", lambda fw: fw.transforms.RandomHorizontalFlip(-0.1),
     lambda fw: fw.transforms.RandomHorizontalFlip(1.1), lambda fw: fw.transforms.RandomHorizontalFlip(1)(im(2, 2))),
    ("TypeError: RandomHorizontalFlip", lambda fw: fw.transforms.RandomHorizontalFlip(0)([1])),
    ("TypeError: VGG16.preprocess", lambda fw: fw.models.VGG16.preprocess(im(1))),
    ("ValueError: VGG16.preprocess", lambda fw: fw.models.VGG16.preprocess(IMAGE, dtype=int)),
    ("ValueError: Houses", lambda fw: fw.synthetic.Houses(0)),
    ("ValueError: Shapes", lambda fw: fw.synthetic.Shapes(1, 15), lambda fw: fw.synthetic.Shapes(1, 16, most=0)),
    ("ValueError: World", lambda fw: fw.synthetic.World(n=0)),
    ("ValueError: Phrases", lambda fw: fw.synthetic.Phrases(48817)),
    ("TypeError: Dataset", lambda fw: fw.datasets.Dataset(transform=1),
     lambda fw: fw.datasets.Dataset(target_transform=1)),
    ("ValueError: Dataset", lambda fw: len(fw.datasets.Dataset())),
    ("IndexError: Spiral", lambda fw: fw.datasets.Spiral()[300], lambda fw: fw.datasets.Spiral()[-301]),
    ("ValueError: show", lambda fw: fw.datasets.Digits().show(0, 1), lambda fw: fw.datasets.Digits().show(1, 0)),
)
# fmt: on
