"""Synthetic data sets: what is known about them."""

import numpy as np
import pytest

from .stage import package, table_features

synthetic = package.synthetic


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: [synthetic.Houses(20, rng).data, synthetic.Houses(20, rng).label],
        lambda rng: [synthetic.Shapes(3, 16, rng).data, synthetic.Shapes(3, 16, rng).boxes],
        lambda rng: [[" ".join(sentence) for sentence in synthetic.World(rng, 50).sentences]],
        lambda rng: [synthetic.Reviews(20, rng).data],
        lambda rng: [synthetic.Phrases(20, rng).data],
    ],
    ids=["Houses", "Shapes", "World", "Reviews", "Phrases"],
)
def test_a_seed_decides_and_the_global_generator_is_left_alone(make):
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    first, again, other, drawn = make(1), make(1), make(2), make(np.random.default_rng(1))
    assert np.random.get_state()[1].tolist() == before
    for a, b, c, d in zip(first, again, other, drawn, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
        if a is first[0]:
            np.testing.assert_array_equal(a, d)


# --- houses ---


def test_houses_have_twelve_columns_of_features():
    data = synthetic.Houses(200)
    x, t = data[3]
    assert (len(data), x.shape, x.dtype, t.shape, t.dtype) == (200, (24,), np.float32, (1,), np.float32)
    assert (len(data.table), len(data.columns)) == (12, 24)
    assert np.isnan(data.table["renovated"]).any()
    assert "" in data.table["fireplace"].tolist()
    np.testing.assert_allclose(data.data[:, data.columns.index("rooms")].mean(), 0, atol=1e-6)
    np.testing.assert_array_equal(
        data.data[:, data.columns.index("fireplace=")], (data.table["fireplace"] == "").astype(np.float32)
    )


def test_prices_of_houses_are_known_up_to_their_noise():
    data = synthetic.Houses(4000)
    table, logs = data.table, np.log(data.label[:, 0].astype(float))
    size = np.log(table["area"])
    known = [
        size, np.log(table["lot"]), table["quality"], table["baths"], table["garage"], table["rooms"], table["floors"],
        table["year"], table["year"] * table["quality"], size * (table["district"] == "center"), np.ones(4000),
        *(table[name] == word for name in ("district", "heating", "fireplace") for word in set(table[name].tolist())),
    ]  # fmt: skip
    X = np.stack(known, axis=1).astype(float)
    best = X @ np.linalg.lstsq(X, logs, rcond=None)[0]
    assert abs(np.std(logs - best) - synthetic.HOUSE_NOISE) < 0.006
    linear = np.column_stack([data.data, np.ones(4000)]).astype(float)
    plain = linear @ np.linalg.lstsq(linear, logs, rcond=None)[0]
    assert np.std(logs - plain) > 0.14  # the interactions matter


def test_features_of_a_table():
    table = {"n": [1, 3, 5], "x": np.array([1.0, np.nan, 2.0]), "same": [7, 7, 7], "w": np.array(["b", "", "a"])}
    features, names = table_features(table)
    assert names == ["n", "x", "same", "w=a", "w=b", "w="]
    root = 0.5 / np.sqrt(0.5)
    expected = [[-1, -root, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1], [1, root, 0, 1, 0, 0]]
    np.testing.assert_allclose(features, np.array(expected, np.float32), rtol=1e-6)
    assert features.dtype == np.float32
    assert table_features({"w": ["b"]}, {"w": ["a", "b"]})[0].tolist() == [[0, 1, 0]]
    with pytest.raises(ValueError, match=r"table_features: expected words of \['a'\] for 'w', got \['b'\]"):
        table_features({"w": ["b"]}, {"w": ["a"]})
    with pytest.raises(ValueError, match="table_features: expected columns of one length, got 1 for 'b'"):
        table_features({"a": [1, 2], "b": [1]})


# --- shapes ---


def test_boxes_of_shapes_are_the_bounds_of_their_masks():
    data = synthetic.Shapes(30, 32, most=2)
    x, t = data[0]
    assert (x.shape, x.dtype, t.shape, t.dtype) == ((3, 32, 32), np.float32, (2, 5), np.float32)
    assert 0 <= data.data.min() <= data.data.max() <= 1
    seen = set()
    for mask, boxes in zip(data.masks, data.boxes, strict=True):
        known = boxes[boxes[:, 0] >= 0]
        assert len(known) >= 1
        covered = np.zeros_like(mask)
        for c, x0, y0, x1, y1 in known:
            part = np.zeros(mask.shape, bool)
            part[round(y0 * 32) : round(y1 * 32), round(x0 * 32) : round(x1 * 32)] = True
            covered[part & (mask == c + 1)] = c + 1
            assert (part & (mask == c + 1)).any()
            seen.add(int(c))
        np.testing.assert_array_equal(covered, mask)
    assert seen == set(synthetic.Shapes.labels()) == {0, 1, 2}


def test_masks_of_shapes_for_segmentation():
    data = synthetic.Shapes(2, 32, task="segmentation")
    assert data[1][1] is not None
    np.testing.assert_array_equal(data[1][1], data.masks[1])
    assert data.data.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(data.boxes, synthetic.Shapes(2, 32).boxes)


@pytest.mark.parametrize(("kind", "share"), [(0, np.pi / 4), (1, 0.5), (2, 3 * np.sqrt(3) / 16)])
def test_areas_of_shapes(kind, share):
    y, x = np.mgrid[:200, :200] + 0.5
    for angle in (0, 1):
        assert synthetic.inside(kind, x - 100, y - 100, 100, angle).mean() == pytest.approx(share, abs=0.01)


# --- words ---


def test_the_world_is_related_exactly():
    world = synthetic.World(n=3000)
    assert len(world.sentences) == 3000
    counts = [len(pairs) for pairs in world.questions.values()]
    assert counts == [24, 24, 16, 16, 16, 16]
    assert world.questions["capitals"][:2] == [("japan", "tokyo"), ("china", "beijing")]
    analogies = list(world.analogies())
    assert len(analogies) == 2 * 24 * 23 + 4 * 16 * 15
    assert ("past", "sing", "sang", "drink", "drank") in analogies
    words = {word for sentence in world.sentences for word in sentence}
    assert {word for pairs in world.questions.values() for pair in pairs for word in pair} <= words
    for relation, pairs in world.questions.items():
        for column in zip(*pairs, strict=True):
            assert len(set(column)) == len(column), relation


def opinion(sentence):
    """The label of a review, read from its grammar."""
    if sentence.startswith("although"):
        clauses = sentence.split(" the ")[1:]
        clause = clauses[-1]
    else:
        clause = sentence.split(" but ")[-1].split(" and ")[-1]
    good = any(word in synthetic.GOOD for word in clause.split())
    return int(good != ("not" in clause.split()))


def test_reviews_mean_what_their_grammar_says():
    data = synthetic.Reviews(500)
    assert [opinion(sentence) for sentence, _ in data] == [label for _, label in data]
    words = " ".join(data.data).split()
    assert {"not", "at", "all", "but", "although", "and"} <= set(words)
    assert 0.4 < data.label.mean() < 0.6


def test_a_bag_of_words_tells_about_eighty_percent():
    data = synthetic.Reviews(3000)
    vocabulary = sorted({word for sentence in data.data for word in sentence.split()})
    X = np.array([[sentence.split().count(word) for word in vocabulary] for sentence in data.data], float)
    weights = np.linalg.lstsq(X[:2000], data.label[:2000] * 2.0 - 1, rcond=None)[0]
    accuracy = np.mean((X[2000:] @ weights > 0) == data.label[2000:])
    assert 0.75 < accuracy < 0.85


def test_every_phrase_has_one_translation():
    data = synthetic.Phrases(synthetic.PHRASES)
    assert len(set(data.data)) == len(set(data.label)) == synthetic.PHRASES == 48_816


def test_phrases_follow_the_grammar():
    known = {
        "the cat sleeps": "le chat dort",
        "the birds do not sleep": "les oiseaux ne dorment pas",
        "the bird does not love a church": "l' oiseau n' aime pas d' église",
        "my tired queens see the houses": "mes reines fatiguées voient les maisons",
        "my calm horse buys a car": "mon cheval calme achète une voiture",
        "the strong women do not hear a book": "les femmes fortes n' entendent pas de livre",
        "the horses find the tree": "les chevaux trouvent l' arbre",
    }
    found = dict(map(synthetic.phrase, range(synthetic.PHRASES)))
    assert {english: found[english] for english in known} == known


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: synthetic.Houses(0), "Houses: expected at least one sample, got 0"),
        (lambda: synthetic.Shapes(1, 8), "Shapes: expected a size of at least 16 and at least one shape, got 8 and 3"),
        (lambda: synthetic.Shapes(1, task="boxes"), "expected task 'detection' or 'segmentation', got 'boxes'"),
        (lambda: synthetic.World(n=0), "World: expected at least one sentence, got 0"),
        (lambda: synthetic.Phrases(10**6), "Phrases: expected at most 48816 phrases, got 1000000"),
    ],
)
def test_errors_of_synthetic_data(call, message):
    with pytest.raises(ValueError, match=message):
        call()
