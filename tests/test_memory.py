"""The memory of Paddle's tensors as NumPy sees it, and work on it by all cores."""

from alexnet_paddle.nets import memory  # isort: skip  (before paddle, so that it can tune the CPU)
import os

import numpy as np
import paddle
import pytest


def sample(*shape):
    return paddle.to_tensor(np.random.default_rng(5).standard_normal(shape).astype("float32"))


def test_an_array_is_the_tensors_own_memory():
    tensor = sample(2, 3, 4, 5)
    memory.pixels(tensor)[1, 2, 3, 0] = 7
    assert tensor[1, 0, 2, 3].item() == 7
    turned = tensor.transpose([3, 1, 0, 2])
    np.testing.assert_array_equal(memory.as_array(turned), tensor.numpy().transpose(3, 1, 0, 2))


def test_it_is_known_where_the_channels_lie_last():
    tensor, array = memory.new_pixels(2, (4, 5), 3)
    assert array.shape == (2, 4, 5, 3) and tensor.shape == [2, 3, 4, 5]
    assert memory.channels_are_last(tensor)
    assert not memory.channels_are_last(sample(2, 3, 4, 5))
    assert not memory.channels_are_last(tensor[:, :, 1:])
    assert memory.channels_are_last(sample(2, 1, 4, 5)) and memory.channels_are_last(sample(2, 3, 1, 1))


def test_an_error_in_one_part_of_the_work_is_not_lost(monkeypatch):
    monkeypatch.setattr(memory, "WORKERS", 2)

    def work(part):
        if part.stop == 4:
            raise RuntimeError("in the second half")

    with pytest.raises(RuntimeError, match="second half"):
        memory.share_out(work, 4, 1)


def test_every_item_is_done_once(monkeypatch):
    for workers, count, numbers in ((1, 7, 10), (2, 7, 10), (3, 100, 60), (4, 2, 1000)):
        monkeypatch.setattr(memory, "WORKERS", workers)
        monkeypatch.setattr(memory, "CHUNK", 300)
        done = []
        memory.share_out(lambda part: done.extend(range(part.start, part.stop)), count, numbers)  # noqa: B023
        assert sorted(done) == list(range(count))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_makes_threads_of_its_own(monkeypatch):
    """It inherits the pool's object but none of its threads, and would wait for them for ever."""
    monkeypatch.setattr(memory, "WORKERS", 2)
    memory.share_out(lambda part: None, 2, 1)
    pid = os.fork()
    if pid == 0:
        done = []
        memory.share_out(lambda part: done.append(part), 2, 1)
        os._exit(len(done))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
