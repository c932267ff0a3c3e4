"""`arcuate demo`: its numbers beside a separate Rscript and Octave, its figure, and a machine without R."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from PIL import Image
from tests.cli.support import needs_octave, needs_r, numbers, octave, rscript, shell

pytestmark = [needs_r, needs_octave]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = shell("demo", "--json", "--out", folder / "out", cwd=folder, timeout=110)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert [path.name for path in folder.iterdir()] == ["out"]  # it writes nowhere else
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_linear_model_is_rs(demo: dict[str, Any]) -> None:
    code = (
        "d <- data.frame(co2 = as.numeric(co2)[13:468], before = as.numeric(co2)[1:456],"
        " year = as.numeric(time(co2))[13:468] - 1959,"
        " month = factor(month.abb[as.integer(cycle(co2))[13:468]], levels = month.abb));"
        "f <- lm(co2 ~ before + year + month, data = d[1:396, ]);"
        "cat(sprintf('%.15g', coef(f)), '\\n');"
        "cat(sprintf('%.15g', predict(f, d[397:456, ], interval = 'prediction')))"
    )
    coefficients, predicted = rscript(code).splitlines()
    assert list(demo["lm"].values()) == pytest.approx(numbers(coefficients), rel=1e-9)
    ours = [*demo["forecast"]["fit"], *demo["forecast"]["lwr"], *demo["forecast"]["upr"]]
    assert ours == pytest.approx(numbers(predicted), rel=1e-9)


def test_the_decomposition_is_rs(demo: dict[str, Any]) -> None:
    code = "p <- stl(co2, 'periodic')$time.series; cat(sprintf('%.15g', c(p[1, ], colSums(p))))"
    expected = numbers(rscript(code))
    names = ["seasonal", "trend", "remainder"]
    assert [demo["stl"][name]["first"] for name in names] == pytest.approx(expected[:3], rel=1e-9)
    assert [demo["stl"][name]["sum"] for name in names] == pytest.approx(expected[3:], rel=1e-6, abs=1e-6)


def test_polynomial_and_spectrum_are_octaves(demo: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "co2.txt").write_text(rscript("cat(sprintf('%.17g', co2), sep = '\\n')"))
    code = (
        "y = load('co2.txt'); t = 1959 + (0:467)' / 12; [p, s, mu] = polyfit(t, y, 2);"
        "z = 2 * abs(fft(y - polyval(p, t, [], mu))) / 468; [a, k] = max(z(2:235));"
        "printf('%.15g ', p, a, k / 39)"
    )
    *polynomial, amplitude, frequency = numbers(octave(code, tmp_path))
    assert demo["polynomial"] == pytest.approx(polynomial, rel=1e-9)
    assert demo["peak_amplitude"] == pytest.approx(amplitude, rel=1e-9)
    assert demo["peak"] == pytest.approx(frequency) == 1.0


def test_every_hop_is_timed_and_the_large_ones_are_shared(demo: dict[str, Any]) -> None:
    hops = demo["hops"]
    assert len(hops) >= 13
    assert all(hop["seconds"] > 0 for hop in hops)
    ways = {hop["way"] for hop in hops}
    assert {"R → Python", "Python → R → Python", "Python → Octave → Python"} <= ways
    large = [hop for hop in hops if hop["there"] + hop["back"] > 1e6]
    assert len(large) == 2
    assert all(hop["shared"] for hop in large)
    assert demo["checks"] >= 40
    assert 0.5 < demo["covered"] <= 1
    assert demo["seconds"]["total"] < 60  # 7 s on a machine that does nothing else


def test_the_figure(demo: dict[str, Any]) -> None:
    path = Path(demo["figure"])
    assert path.name == "arcuate-demo.png"
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (2000, 1600))
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[:2] == (1600, 2000)
    # Each of the four panels has ink and is no blank square; the corner is white.
    for rows, columns in (
        (slice(100, 550), slice(100, 2000)),
        (slice(600, 950), slice(100, 950)),
        (slice(600, 950), slice(1150, 2000)),
        (slice(1080, 1500), slice(100, 2000)),
    ):
        panel = pixels[rows, columns, :3]
        assert 0.01 < (panel.min(axis=2) < 0.7).mean() < 0.6
        assert len(np.unique((panel[::6, ::6] * 15).astype(int).reshape(-1, 3), axis=0)) > 20
    assert pixels[-1, 0, :3].tolist() == [1.0, 1.0, 1.0]


def test_a_wrong_number_ends_the_demo() -> None:
    from arcuate.cli.demo.hops import Journey
    from arcuate.errors import InternalError

    journey = Journey()
    journey.check(True, "something true")
    with pytest.raises(InternalError, match="trend \\+ seasonal"):
        journey.check(False, "trend + seasonal + remainder == data")
    assert journey.checks == 1


def test_without_r_and_octave_it_says_what_to_type(tmp_path: Path) -> None:
    done = shell("demo", "--out", tmp_path / "out", PATH=str(tmp_path), R_HOME="")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["R", "Octave"]
    assert all(re.search(r"install", line) for line in lines)
    assert not (tmp_path / "out").exists()
