"""Weights as safetensors: round trips, layouts in memory, invalid files."""

import json
import sys

import numpy as np
import pytest

from .stage import L, models

safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")


def network(**options):
    return models.Sequential(L.Conv2d(3, 2, in_channels=2), L.BatchNorm(), L.Linear(4, in_size=5, **options))


def initialized():
    model = network()
    model.l1(np.ones((2, 3), np.float32))
    model.l1.avg_mean.data[...] = 7
    return model


def test_weights_are_saved_and_loaded(tmp_path):
    model, path = initialized(), tmp_path / "model.safetensors"
    model.save_weights(path)
    other = network()
    other.load_weights(str(path))
    found = other.get_weights()
    assert list(found) == list(model.get_weights())
    for name, a in model.get_weights().items():
        np.testing.assert_array_equal(found[name], a)
        assert found[name].dtype == a.dtype
    other.l0.W.data[...] = 1  # writable


def test_the_file_is_one_that_others_read(tmp_path):
    model, path = initialized(), tmp_path / "model.safetensors"
    model.save_weights(path)
    assert safetensors.load_file(path)["l0/W"].shape == (3, 2, 2, 2)
    data = path.read_bytes()
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert head["l1/avg_mean"]["dtype"] == "F32"
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_arrays_are_saved_by_their_elements_whatever_their_layout_in_memory(tmp_path):
    model = initialized()
    model.l2.W.data = np.asfortranarray(model.l2.W.data)[::-1]
    model.l1.gamma.data = np.arange(6, dtype=np.float32)[::2]
    model.save_weights(tmp_path / "w.safetensors")
    other = network()
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other.l2.W.data, model.l2.W.data)
    np.testing.assert_array_equal(other.l1.gamma.data, [0, 2, 4])


def test_other_endings_are_npz_files(tmp_path):
    model = initialized()
    model.save_weights(tmp_path / "w")
    model.save_weights(tmp_path / "w.Safetensors")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["w.Safetensors.npz", "w.npz"]


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:5], lambda b: b[:-1], lambda b: b"\xff" * 50])
def test_a_damaged_file_is_rejected_and_changes_nothing(tmp_path, damage):
    model, path = initialized(), tmp_path / "w.safetensors"
    model.save_weights(path)
    path.write_bytes(damage(path.read_bytes()))
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"w.safetensors: expected a file that save_weights wrote, got "):
        model.load_weights(path)
    for name, a in model.get_weights().items():
        np.testing.assert_array_equal(a, before[name])


def test_a_dtype_that_numpy_does_not_have_is_rejected(tmp_path):
    head = json.dumps({"l0/W": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + b"\0\0")
    with pytest.raises(ValueError, match="expected a file that save_weights wrote, got 'BF16'"):
        network().load_weights(tmp_path / "w.safetensors")


def test_weights_of_another_model_are_rejected(tmp_path):
    path = tmp_path / "w.safetensors"
    L.Linear(3, in_size=2).save_weights(path)
    with pytest.raises(ValueError, match=r"'W': expected \(3, 3\) float32, got \(2, 3\) float32"):
        L.Linear(3, in_size=3).load_weights(path)
    with pytest.raises(ValueError, match=r"the weights \['l0/W'"):
        initialized().load_weights(path)


def test_a_file_that_does_not_exist():
    with pytest.raises(FileNotFoundError):
        network().load_weights("missing.safetensors")


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    model, path = initialized(), tmp_path / "w.safetensors"
    model.save_weights(path)
    before = path.read_bytes()
    model.l0.W.data = None
    with pytest.raises(ValueError, match="'l0/W' is uninitialized"):
        model.save_weights(path)
    assert path.read_bytes() == before
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(RuntimeError, match="safetensors is not installed: pip install safetensors"):
        initialized().save_weights(path)
    with pytest.raises(RuntimeError, match="safetensors is not installed: pip install safetensors"):
        model.load_weights(path)
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]


def test_weights_of_a_gpu_are_saved_from_the_host_and_loaded_to_the_gpu(tmp_path, xp_device):
    model, path = initialized(), tmp_path / "w.safetensors"
    model.to_gpu()
    model.save_weights(path)
    model.load_weights(path)
    assert isinstance(model.l0.W.data, xp_device.ndarray)
