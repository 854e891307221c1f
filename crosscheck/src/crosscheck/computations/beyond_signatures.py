"""Beyond the book: the defaults of all arguments, as the documentation names them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from .beyond_limits import ONCE
from .errors import package
from .values import values


def signatures(name: str) -> Iterator[str]:
    """name(argument=default, ...) of the functions, classes and methods of a module that have defaults."""
    module = importlib.import_module(name)
    for key, x in sorted(vars(module).items()):
        if key.startswith("_") or not callable(x) or not x.__module__.startswith(name.partition(".")[0]):
            continue
        yield from with_defaults(key, x)
        for method, f in vars(x).items() if isinstance(x, type) else ():
            if inspect.isroutine(f) and not method.startswith("_"):
                yield from with_defaults(f"{key}.{method}", getattr(x, method))


def with_defaults(name: str, f: Any) -> Iterator[str]:
    """A line, if there are defaults; functions by their names, objects by those of their classes."""
    owner: Any = f
    f = inspect.unwrap(owner.__init__ if isinstance(f, type) else f)
    code, defaults = getattr(f, "__code__", None), getattr(f, "__defaults__", None) or ()
    if code is None:  # of a class whose __init__ is Python's
        return
    names = code.co_varnames[: code.co_argcount][-len(defaults) or code.co_argcount :]
    given = {**dict(zip(names, defaults, strict=True)), **(f.__kwdefaults__ or {})}
    if given:
        yield f"{name}({', '.join(f'{key}={shown(value)}' for key, value in given.items())})"


def shown(value: Any) -> str:
    """A default as text."""
    named = getattr(value, "__name__", "")
    return named or (repr(value) if type(value).__module__ == "builtins" else type(value).__name__)


def compared(fw: Any) -> list[str]:
    """Nothing, if the signatures are those of the table below; else an error names those that differ."""
    fw.distributed  # noqa: B018 - Missing, if the stage does not have it
    found: set[str] = set()
    for module, text in SIGNATURES.items():
        found |= set(signatures(f"{package(fw)}.{module}")) ^ set(" ".join(text.split()).split(" | "))
    if found:
        raise AssertionError(f"expected the signatures of {__name__.rpartition('.')[2]}.py, got {sorted(found)}")
    return []


SIGNATURES = {
    "functions": """
Attention.forward(mask=None) | AveragePooling(stride=1, pad=0, ceil_mode=False, count_include_pad=True,
name='average_pooling') | Conv2d(stride=1, pad=0, dilation=1, groups=1, name='conv2d') | Conv2d.forward(b=None) |
Deconv2d(stride=1, pad=0, dilation=1, groups=1, outsize=None, name='deconv2d') | Deconv2d.forward(b=None) |
GRU(counts=None) | LSTM(counts=None) | Linear.forward(b=None) | Pooling(stride=1, pad=0, ceil_mode=False,
name='pooling') | argmax(axis=None, keepdims=False) | argmin(axis=None, keepdims=False) | attention(mask=None,
scale=None, causal=False, dropout_ratio=0.0, return_weights=False) | average(axis=None, keepdims=False) |
average_pooling(stride=1, pad=0) | average_pooling_simple(stride=1, pad=0) | avg_pool1d(stride=None, pad=0,
ceil_mode=False, count_include_pad=None) | avg_pool2d(stride=None, pad=0, ceil_mode=False, count_include_pad=None) |
batch_norm(decay=0.9, eps=1e-05) | batch_nrom(decay=0.9, eps=1e-05) | binary_cross_entropy_with_logits(weight=None,
pos_weight=None, reduction='mean') | col2im(stride=1, pad=0, to_matrix=True) | concat(axis=0) | conv1d(b=None,
stride=1, pad=0, dilation=1, groups=1) | conv2d(b=None, stride=1, pad=0, dilation=1, groups=1) |
conv2d_simple(b=None, stride=1, pad=0) | convolve1d(mode='full') | convolve2d(mode='full') |
correlate1d(mode='full') | correlate2d(mode='full') | cosine_similarity(axis=1, eps=1e-08) | crelu(axis=1) |
deconv1d(b=None, stride=1, pad=0, outsize=None, dilation=1, groups=1) | deconv2d(b=None, stride=1, pad=0,
outsize=None, dilation=1, groups=1) | depthwise_conv2d(b=None, stride=1, pad=0, dilation=1) |
dropout(dropout_ratio=0.5) | elu(alpha=1.0) | embedding_bag(mask=None, mode='mean') | fft_conv2d(b=None,
pad='valid') | fft_convolve(mode='full', axes=None) | flip(axis=None) | focal_loss(gamma=2.0, alpha=1.0, axis=1,
reduction='mean') | fold_batch_norm(eps=1e-05, axis=0) | gaussian_kl_divergence(reduction='sum') |
gelu(approximate='none') | global_avg_pool(keepdims=False) | global_max_pool(keepdims=False) | gru_cell(c=None) |
hierarchical_softmax(mask=None, reduction='mean') | huber_loss(delta=1.0, reduction='mean') | im2col(stride=1,
pad=0, to_matrix=True) | kl_div(reduction='mean') | l1_loss(reduction='mean') | layer_norm(gamma=None, beta=None,
eps=1e-05) | leaky_relu(slope=0.2) | linear(b=None) | linear_simple(b=None) | local_response_norm(size=5,
alpha=0.0001, beta=0.75, k=1.0) | log_softmax(axis=1) | logsumexp(axis=None, keepdims=False) |
masked_softmax(axis=-1) | max(axis=None, keepdims=False) | max_pool1d(stride=None, pad=0, ceil_mode=False) |
max_pool2d(stride=None, pad=0, ceil_mode=False) | mean(axis=None, keepdims=False) | min(axis=None, keepdims=False) |
moving_batch_norm(decay=0.9, eps=1e-05, updates=None) | negative_sampling(mask=None, reduction='mean') |
nll_loss(weight=None, ignore=None, axis=1, reduction='mean') | normalize(axis=1, eps=1e-12) | one_hot(dtype=float32)
| pad(mode='constant', value=0) | pad_sequence(value=0) | pair(name='pair') | pooling(stride=1, pad=0,
ceil_mode=False) | pooling_simple(stride=1, pad=0) | receptive_field(dilations=None) | repeat(axis=None) |
resize_bilinear(align_corners=False) | roi_align(spatial_scale=1.0, sampling=2, aligned=True) |
roi_pooling(spatial_scale=1.0) | same_padding(stride=1, dilation=1) | separable_conv2d(b=None, stride=1, pad=0,
dilation=1) | separate_kernel(tol=1e-06) | sequence_mask(T=None) | sinusoids(base=10000.0) |
smooth_l1_loss(beta=1.0, reduction='mean') | softmax(axis=1) | softmax_cross_entropy(weight=None, ignore=None,
label_smoothing=0.0, axis=1, reduction='mean') | softmax_simple(axis=1) | softplus(beta=1.0) | split(axis=0) |
squeeze(axis=None) | stack(axis=0) | std(axis=None, ddof=0, keepdims=False) | sum(axis=None, keepdims=False) |
take(axis=0) | transpose(axes=None) | var(axis=None, ddof=0, keepdims=False)
""",
    "layers": """
AdditiveAttention(initializer=None) | AdditiveAttention.forward(mask=None) | BatchNorm(eps=1e-05, decay=0.9,
affine=True, warmup=False) | Buffer(name=None) | Conv1d(stride=1, pad=0, nobias=False, dtype=float32,
in_channels=None, dilation=1, groups=1, initializer=None) | Conv2d(stride=1, pad=0, nobias=False, dtype=float32,
in_channels=None, dilation=1, groups=1, initializer=None) | Deconv2d(stride=1, pad=0, nobias=False, dtype=float32,
in_channels=None, dilation=1, groups=1, initializer=None) | DepthwiseConv2d(stride=1, pad=0, nobias=False,
dtype=float32, in_channels=None, dilation=1, initializer=None) | Dropout(ratio=0.5) | EmbedID(pad_id=None,
initializer=None, frozen=False) | EmbedID.of(frozen=True, pad_id=None) | GRU(in_size=None, reset_after=False,
initializer=None) | LSTM(in_size=None, initializer=None) | LayerNorm(ndim=1, eps=1e-05) | Linear(nobias=False,
dtype=float32, in_size=None, initializer=None) | MultiHeadAttention(size=None, dropout_ratio=0.0, nobias=False,
initializer=None) | MultiHeadAttention.forward(k=None, v=None, mask=None, causal=False) | NStepGRU(in_size=None,
bidirectional=False, dropout_ratio=0.0, reset_after=False, initializer=None) | NStepLSTM(in_size=None,
bidirectional=False, dropout_ratio=0.0, initializer=None) | NStepRNN(in_size=None, activation=tanh,
bidirectional=False, dropout_ratio=0.0, initializer=None) | NegativeSampling(sample_size=5, power=0.75) |
NegativeSampling.forward(mask=None) | RNN(in_size=None, initializer=None) | SeparableConv2d(multiplier=1, stride=1,
pad=0, nobias=False, dtype=float32, in_channels=None, dilation=1, initializer=None) | check_sizes(nobias=False) |
uninitialized(dtype=None, kind=Parameter)
""",
    "models": """
AlexNet(pretrained=False, n_classes=1000, style='torch', lrn=False, dropout_ratio=0.5) |
Autoencoder(activation=relu, sparse=0.0, noise=0.0) | BasicResNet(pretrained=False, n_classes=1000, stem='imagenet')
| BasicResiduals(stride=1) | Bottleneck(strides=(1, 1), eps=1e-05) | CBOW(loss='negative') | CBOW.forward(mask=None)
| ConvAutoencoder(hidden=28, size=(28, 28), channels=1, sparse=0.0, noise=0.0) | ConvUnit(stride=1, pad=0) |
Decoder(n_layers=1, cell='gru', attention=None, attention_size=10, dropout_ratio=0.0) |
Decoder.forward(outputs=None, mask=None) | DenseNet(growth=32, blocks=(6, 12, 24, 16), init=64, bottleneck=4,
n_classes=1000, dropout_ratio=0.0) | DenseNet121(pretrained=False, n_classes=1000, dropout_ratio=0.0) |
DenseNet161(pretrained=False, n_classes=1000, dropout_ratio=0.0) | DenseNet169(pretrained=False, n_classes=1000,
dropout_ratio=0.0) | DenseNet201(pretrained=False, n_classes=1000, dropout_ratio=0.0) | Encoder(n_layers=1,
cell='gru', dropout_ratio=0.0) | Encoder.forward(lengths=None) | FCN(stride=32) | FastText(loss='negative', low=3,
high=6, buckets=65536) | GloVe.fit(epochs=1, window=5, weight='distance', batch_size=256, optimizer=None, rng=None)
| GoogLeNet(pretrained=False, n_classes=1000, aux=False, style='torch', transform_input=False, dropout_ratio=0.2) |
LanguageModel(cell='rnn', n_layers=1, dropout_ratio=0.0, tied=False, bidirectional=False) |
LanguageModel.forward(state=None, lengths=None) | LanguageModel.loss(state=None) |
LanguageModel.generate(temperature=1.0, rng=None) | LeNet(pretrained=False, n_classes=10, style='d2l') |
MLP(activation=sigmoid) | Model.plot(to_file='model.png') | NGram(smoothing='add', k=1.0, interpolate=None) |
NGram.fit(vocab_size=None) | NGram.counts_of(create=False) | NGram.probabilities(context=()) |
NGram.sample(prefix=(), rng=None) | NiN(pretrained=False, n_classes=1000, dropout_ratio=0.5) | NiNBlock(stride=1,
pad=0) | RNNClassifier(n_layers=2, n_classes=2, cell='lstm', bidirectional=True, pool='ends', dropout_ratio=0.0) |
RNNClassifier.forward(lengths=None) | ResNet(n_layers=152, pretrained=False, style='book') |
ResNet.load_state_dict(style='torch') | ResNet101(pretrained=False, style='book') | ResNet152(pretrained=False,
style='book') | ResNet18(pretrained=False, n_classes=1000, stem='imagenet') | ResNet34(pretrained=False,
n_classes=1000, stem='imagenet') | ResNet50(pretrained=False, style='book') | Residuals(eps=1e-05) | Seq2Seq(bos=1,
eos=2) | Seq2Seq.encode(lengths=None) | Seq2Seq.forward(lengths=None) | Seq2Seq.loss(lengths=None) |
Seq2Seq.start(lengths=None) | SkipGram(loss='negative') | SkipGram.fit(epochs=1, window=5, sample=0.0001,
negatives=5, batch_size=256, optimizer=None, rng=None) | SqueezeNet(pretrained=False) |
SqueezeNet11(pretrained=False, n_classes=1000, dropout_ratio=0.5) | TextCNN(kernel_sizes=(3, 4, 5), channels=(100,
100, 100), n_classes=2, dropout_ratio=0.5, vectors=None) | TinySSD(n_classes=1) | VAE(hidden=400, deviation=0.25) |
VGG(pretrained=False, n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5) | VGG11(pretrained=False,
n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5) | VGG13(pretrained=False, n_classes=1000,
batch_norm=False, width=1, dropout_ratio=0.5) | VGG16(pretrained=False) | VGG16.preprocess(size=(224, 224),
dtype=float32) | VGG19(pretrained=False, n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5) |
Vectors.nearest(k=10) | Vectors.analogy(k=1, exclude=True) | Vectors.load(dtype=float32) | ssd_loss(box='l1',
negatives=None) | subwords(low=3, high=6)
""",
    "optimizers": """
AdaDelta(rho=0.95, eps=1e-06) | AdaGrad(lr=0.001, eps=1e-08) | Adam(alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-08)
| AdamW(alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01, decay=None) | CosineLR(minimum=0.0) |
InverseLR(power=1.0) | LinearLR(start=0.3333333333333333, end=1.0, total=5) | MomentumSGD(lr=0.01, momentum=0.9) |
MultiStepLR(gamma=0.1) | NAG(lr=0.01, momentum=0.9) | OnPlateau(factor=0.1, patience=10, min_delta=0.0001,
mode='min', cooldown=0, minimum=0.0) | PolynomialLR(power=1.0) | RMSprop(lr=0.01, alpha=0.99, eps=1e-08,
momentum=0.0, centered=False, style='torch', start=None) | SGD(lr=0.01) | StepLR(gamma=0.1) | between(kind='linear')
| checked(limits={'rho': 1, 'beta1': 1, 'beta2': 1, 'lr': inf, 'momentum': inf, 'eps': inf, 'rate': inf,
'weight_decay': inf})
""",
    "initializers": """
Glorot(gain=1.0, normal=False) | He(mode='fan_in', normal=True, slope=0.0) | Kaiming(mode='fan_in', normal=True,
slope=0.0) | LeCun(normal=True) | Normal(std=0.01, mean=0.0) | Orthogonal(gain=1.0) | Parameter(name=None) |
TruncatedNormal(std=0.01, cut=2.0) | Variable(name=None) | Variable.backward(retain_grad=False, create_graph=False)
| Variable.sum(axis=None, keepdims=False) | Variable.mean(axis=None, keepdims=False) | Variable.max(axis=None,
keepdims=False) | Variable.min(axis=None, keepdims=False) | Xavier(gain=1.0, normal=False) | as_number(nan=False) |
initial_values(fans=None, rng=None) | initialize(names='*/W', rng=None) | owners(start='')
""",
    "datasets": """
Airfoil(train=True, transform=None, target_transform=None) | CIFAR(train=True, transform=Compose,
target_transform=None) | CIFAR10(train=True, transform=Compose, target_transform=None) | CIFAR100(train=True,
transform=Compose, target_transform=None, label_type='fine') | CIFAR100.labels(label_type='fine') |
Dataset(train=True, transform=None, target_transform=None) | Digits(train=True, transform=Compose,
target_transform=None) | FashionMNIST(train=True, transform=Compose, target_transform=None) |
FrenchEnglish(train=True, transform=None, target_transform=None) | GloVe(name='6B.50d') | Hotdog(train=True,
transform=None, target_transform=None) | HousePrices(train=True, transform=None, target_transform=None) |
IMDb(train=True, transform=None, target_transform=None) | ImageFolder(transform=None, target_transform=None) |
Images(train=True, transform=None, target_transform=None) | Images.show(row=10, col=10, to_file=None) |
Lines(train=True, transform=None, target_transform=None) | MNIST(train=True, transform=Compose,
target_transform=None) | PTB(part='train', transform=None) | Shakespear(train=True, transform=None,
target_transform=None) | SinCurve(train=True, transform=None, target_transform=None) | Spiral(train=True,
transform=None, target_transform=None) | Text(train=True, transform=None, target_transform=None) | Text8(train=True,
transform=None, target_transform=None) | TimeMachine(train=True, transform=None, target_transform=None) |
VOC2012(part='train', task='segmentation', transform=None, target_transform=None) | dtype_of(align=False,
copy=False) | get_spiral(train=True) | table_features(words=None)
""",
    "text": """
Vocabulary(min_freq=1, reserved=('<unk>',)) | beam_search(alpha=0.75) | cooccurrences(window=5, weight='distance') |
greedy(lengths=None) | lm_batches(order='random', rng=None) | pad_batch(length=None, pad=0) | pairs(window=5,
rng=None) | skipgram_batches(window=5, rng=None) | subsample(sample=0.0001, rng=None) | tokenize(by='word') |
translation_batches(vocabularies=None, min_freq=1)
""",
    "transforms": """
AsType(dtype=float32) | Compose(transforms=()) | Convert(mode='RGB') | Normalize(mean=0, std=1) |
RandomHorizontalFlip(p=0.5) | Resize(mode=None) | ToArray(dtype=float32) | ToFloat(dtype=float32) | ToInt(dtype=int)
| check_image(expected='a PIL image')
""",
    "synthetic": """
Dataset(train=True, transform=None, target_transform=None) | Houses(rng=0, transform=None, target_transform=None) |
Phrases(rng=0, transform=None, target_transform=None) | Reviews(rng=0, transform=None, target_transform=None) |
Shapes(size=64, rng=0, task='detection', most=3, transform=None, target_transform=None) | Synthetic(rng=0,
transform=None, target_transform=None) | World(rng=0, n=20000) | as_number(nan=False) | noun_phrase(negated=False) |
table_features(words=None)
""",
    "vision.augment": """
ColorJitter(brightness=0, contrast=0, saturation=0, hue=0) | Compose(transforms=()) | Joint(fill=0) | Pad(fill=0) |
RandomAffine(degrees=0, shift=0, scale=(1, 1), shear=0, fill=0) | RandomApply(p=0.5) | RandomCrop(pad=0) |
RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), fill=0) | RandomHorizontalFlip(p=0.5) |
RandomResizedCrop(scale=(0.08, 1), ratio=(0.75, 1.3333333333333333)) | RandomVerticalFlip(p=0.5) |
interval(least=-inf) | warp(fill=0, nearest=False)
""",
    "vision.boxes": """
anchors(image=None, dtype=float32) | as_rows(width=4) | average_precision(style='area') | batched_nms(threshold=0.5)
| class_ap(threshold=0.5, style='area') | decode(variances=(0.1, 0.2)) | detect(nms_threshold=0.5, min_score=0.01) |
encode(variances=(0.1, 0.2)) | match(threshold=0.5) | mean_ap(threshold=0.5, style='area') | nms(threshold=0.5) |
target(threshold=0.5, variances=(0.1, 0.2))
""",
    "scores": """
as_count(least=1) | bleu(k=4) | confusion(ignore=None) | corpus_bleu(k=4) | f1(positive=1) | mean_iou(ignore=None) |
pixel_accuracy(ignore=None) | top_k(k=5)
""",
    "scratch": """
AdaGrad(lr=0.01, final_lr=0, decay_type=None) | Conv2D(dropout=1.0, weight_init='normal', activation=None,
flatten=False) | Dense(activation=None, conv_in=False, dropout=1.0, weight_init='standard') | Dropout(keep_prob=0.8)
| Layer.forward(inference=False) | MeanSquaredError(normalize=False) | NeuralNetwork(seed=1) |
NeuralNetwork.forward(inference=False) | NeuralNetwork.train_batch(inference=False) |
Operation.forward(inference=False) | Optimizer(lr=0.01, final_lr=0, decay_type=None) | SGD(lr=0.01, final_lr=0,
decay_type=None) | SGDMomentum(lr=0.01, final_lr=0, decay_type=None, momentum=0.9) | SoftmaxCrossEntropy(eps=1e-09)
| Trainer.fit(epochs=100, eval_every=10, batch_size=32, seed=1, restart=True, early_stopping=True) |
Variable(name=None) | Variable.backward(retain_grad=False, create_graph=False) | Variable.sum(axis=None,
keepdims=False) | Variable.mean(axis=None, keepdims=False) | Variable.max(axis=None, keepdims=False) |
Variable.min(axis=None, keepdims=False) | grad(grad_outputs=None, create_graph=False)
""",
    "records": """
Dataset(train=True, transform=None, target_transform=None) | RecordDataset(transform=None, target='label',
target_transform=None, verify=True) | RecordWriter(compression=None) | RecordWriter.close(complete=True) |
count_records(verify=True) | decode_example(form=None) | frames(data=True) | index_records(verify=True) |
read_frame(data=True) | read_records(verify=True)
""",
    "training": """
Checkpoint(monitor=None, every=1, mode=None) | EarlyStopping(monitor='valid_loss', patience=5, min_delta=0.0,
restore_best=True, mode=None) | ExponentialMovingAverage(decay=0.999, warmup=False) | History(epochs=()) |
History.best(mode=None) | History.plot(to_file='history.png') | KFold(n_splits=5, shuffle=False, rng=None) |
ScheduleRate(per='epoch', monitor=None) | StratifiedKFold(n_splits=5, shuffle=False, rng=None) |
Trainer(metrics=None, clip=None) | Trainer.fit(valid=None, callbacks=(), progress=None) |
Trainer.resume(loader=None) | cross_validate(k=5, shuffle=False, rng=None) | find_params(pattern='*') |
from_tf_kernel(depthwise=False) | split_dataset(rng=None)
""",
    "distributed": """
Communicator.bcast_obj(root=0) | Communicator.scatter_obj(root=0) | Communicator.split(key=0) |
Communicator.gather_obj(root=0) | Communicator.bcast(root=0) | Communicator.bcast_data(root=0) |
Communicator.multi_node_mean_grad(zero_fill=True, weight=1.0) | Communicator.allreduce_grad(zero_fill=True,
weight=1.0) | Communicator.bcast_state(root=0) | Communicator.any(name='any') | Communicator.meet(number=0.0) |
MPICommunicator(cuda_aware=False) | MPICommunicator.bcast_obj(root=0) | MPICommunicator.scatter_obj(root=0) |
MPICommunicator.split(key=0) | MultiNodeBatchNormalization(eps=1e-05, decay=0.9, affine=True, warmup=False) |
MultiNodeOptimizer.update(weight=None) | create_communicator(name='auto', mpi_comm=None, cuda_aware=False) |
create_multi_node_optimizer(zero_fill=True, double_buffering=False, check_finite=False) |
load_checkpoint(optimizer=None, loader=None) | save_checkpoint(optimizer=None, loader=None) |
scatter_dataset(root=0, shuffle=False, seed=None, force_equal_length=True)
""",
    "prefetch": """
DataLoader(shuffle=True, gpu=False, drop_last=False, rng=None) | Prefetch(depth=2, workers=1) | as_count(least=1)
""",
    "dataloaders": """
DataLoader(shuffle=True, gpu=False, drop_last=False, rng=None) | SeqDataLoader(gpu=False) | as_count(least=1)
""",
    "saving": """
load_checkpoint(optimizer=None, loader=None) | save_checkpoint(optimizer=None, loader=None)
""",
    "core": """
Parameter(name=None) | Variable(name=None) | Variable.backward(retain_grad=False, create_graph=False) |
Variable.sum(axis=None, keepdims=False) | Variable.mean(axis=None, keepdims=False) | Variable.max(axis=None,
keepdims=False) | Variable.min(axis=None, keepdims=False) | as_array(array_module=numpy) | as_count(least=1) |
as_input(name=None) | as_number(nan=False) | grad(grad_outputs=None, create_graph=False) | propagate(keep_all=False,
keep=())
""",
    "cuda": """
on_gpu(integers=False)
""",
    "utils": """
array_allclose(rtol=0.0001, atol=1e-05) | check_gradients(order=2, rtol=0.0001, atol=1e-05) |
get_dot_graph(verbose=True) | get_file(file_name=None, checksum=None) | gradient_check(rtol=0.0001, atol=1e-05) |
logsumexp(axis=1) | numerical_grad(eps=0.0001) | pair(name='pair') | plot_dot_graph(verbose=True,
to_file='graph.png')
""",
    "gradcheck": """
Variable(name=None) | Variable.backward(retain_grad=False, create_graph=False) | Variable.sum(axis=None,
keepdims=False) | Variable.mean(axis=None, keepdims=False) | Variable.max(axis=None, keepdims=False) |
Variable.min(axis=None, keepdims=False) | as_array(array_module=numpy) | check_gradients(order=2, rtol=0.0001,
atol=1e-05) | grad(grad_outputs=None, create_graph=False) | numerical_diff(eps=0.0001) | numerical_grad(eps=0.0001)
""",
    "dot": """
get_dot_graph(verbose=True) | plot_dot_graph(verbose=True, to_file='graph.png')
""",
}

# fmt: off
values(
    60, "the defaults that the documentation names; PyTorch has others",
    ("defaults_of_arguments", compared, list), **ONCE,
)
# fmt: on
