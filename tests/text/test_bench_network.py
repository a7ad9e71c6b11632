"""The trial with a network (bench/text_network.py): what it reckons going back is the slope of what it reckons going
forwards, and a text is read alike whatever stands beside it."""

import numpy as np
import pytest
from bench.text_network import FULL, NARROW, NEIGHBOURS, WIDTH, _backward, _forward


@pytest.fixture
def net():
    chance = np.random.default_rng(1)
    shapes = {"ln_g": (FULL,), "ln_b": (FULL,)}
    for n, _before in NEIGHBOURS:
        shapes |= {f"proj{n}": (WIDTH, NARROW), f"w1_{n}": (n * NARROW, NARROW), f"w2_{n}": (n * NARROW, NARROW)}
        shapes |= {name: (NARROW,) for name in (f"proj_b{n}", f"ln_g{n}", f"ln_b{n}", f"b1_{n}", f"b2_{n}")}
    return {name: chance.normal(0, 1 / np.sqrt(shape[0]), shape) for name, shape in shapes.items()}


def test_what_goes_back_is_the_slope(net):
    chance = np.random.default_rng(2)
    lengths, pieces = np.array([3, 1, 6]), chance.normal(size=(10, WIDTH))
    asked = chance.normal(size=(3, 2 * FULL))
    of_pieces, slopes = _backward(net, asked, lengths, _forward(net, pieces, lengths)[1])
    assert slopes.keys() == net.keys()
    for numbers, slope in [(net[name], slopes[name]) for name in net] + [(pieces, of_pieces)]:
        step = chance.normal(size=numbers.shape) / np.sqrt(numbers.size)
        sums = []
        for way in (1e-3, -1e-3):
            numbers += way * step
            sums.append(float((_forward(net, pieces, lengths)[0] * asked).sum()))
            numbers -= way * step
        assert (sums[0] - sums[1]) / 2e-3 == pytest.approx(float((slope * step).sum()), rel=0.05, abs=0.02)


def test_a_text_is_read_alike_whatever_stands_beside_it(net):
    pieces = np.random.default_rng(3).normal(size=(9, WIDTH))
    together, _ = _forward(net, pieces, np.array([4, 5]))
    alone, _ = _forward(net, pieces[4:], np.array([5]))
    assert np.allclose(together[1], alone[0], atol=1e-5)
