"""Synthetic sounds of rooms and streets, none of them speech: keys, knocks, fans, beeps, traffic, clicks.

Every function makes `count` samples of unit power. `HELD_OUT_KINDS` are for the test only.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from demo_recipe.audio import augment
from demo_recipe.audio.features import SAMPLE_RATE, Array
from demo_recipe.audio.music import melody, song
from demo_recipe.audio.sound_draws import Draws, place, samples_of, time_s, unit_power

Sound = Callable[[int, Draws], Array]


def coloured(count: int, draws: Draws) -> Array:
    """Noise of any slope, at times with a hum or whistles."""
    return augment.noise(count, draws.rng)


def clicks(count: int, draws: Draws) -> Array:
    """Bursts of 1 to 60 ms, a few a second, at random."""
    wave = np.zeros(count, np.float32)
    for position in draws.rng.integers(0, count, max(1, int(count / SAMPLE_RATE * draws.uniform(0.5, 5)))):
        length = samples_of(draws.log_uniform(0.001, 0.06))
        burst = draws.noise(length) * np.exp(-np.arange(length) / (length * 0.3 + 1))
        place(wave, int(position), (burst * draws.uniform(0.2, 1)).astype(np.float32))
    return unit_power(wave)


def keyboard(count: int, draws: Draws) -> Array:
    """Typing: each key is pressed and let go, two clicks with the key's own resonances, in runs with pauses."""
    wave = np.zeros(count, np.float32)
    keys = [_key(draws) for _ in range(6)]
    rate_hz, position = draws.uniform(2.5, 11), int(draws.uniform(0, 0.3) * SAMPLE_RATE)
    while position < count:
        down, up = draws.choice(keys)
        gain = np.float32(draws.uniform(0.4, 1))
        place(wave, position, down * gain)
        place(wave, position + samples_of(draws.uniform(0.04, 0.14)), up * gain * np.float32(0.5))
        pause_s = draws.uniform(0.3, 2) if draws.chance(0.07) else draws.uniform(0.4, 1.6) / rate_hz
        position += samples_of(pause_s)
    return unit_power(wave)


def _key(draws: Draws) -> tuple[Array, Array]:
    high = [(draws.log_uniform(900, 6500), draws.log_uniform(0.002, 0.012), 1.0) for _ in range(3)]
    low = (draws.log_uniform(120, 450), draws.uniform(0.008, 0.03), draws.uniform(0.1, 1.2))
    return _struck([*high, low], draws), _struck([high[0], high[1]], draws)


def _struck(modes: list[tuple[float, float, float]], draws: Draws) -> Array:
    """A struck body: a very short noise and its modes (Hz, decay in s, gain)."""
    times = time_s(samples_of(max(decay_s for _, decay_s, _ in modes) * 6))
    wave = draws.noise(len(times)) * np.exp(-times / draws.log_uniform(0.0005, 0.004))
    for hz, decay_s, gain in modes:
        wave += np.float32(gain) * np.sin(2 * np.pi * hz * times) * np.exp(-times / decay_s)
    return wave


def knocks(count: int, draws: Draws) -> Array:
    """Knocks on wood, steps, things put down: low modes, in groups of one to six."""
    wave = np.zeros(count, np.float32)
    position = int(draws.uniform(0, 1) * SAMPLE_RATE)
    while position < count:
        modes = [(draws.log_uniform(70, 900), draws.log_uniform(0.01, 0.09), draws.uniform(0.2, 1)) for _ in range(4)]
        gap_s = draws.uniform(0.12, 0.6)
        for _ in range(draws.integer(1, 6)):
            place(wave, position, _struck(modes, draws) * np.float32(draws.uniform(0.5, 1)))
            position += samples_of(gap_s * draws.uniform(0.85, 1.15))
        position += samples_of(draws.uniform(0.2, 3))
    return unit_power(wave)


def fan(count: int, draws: Draws) -> Array:
    """A motor: harmonics of a steady pitch in a breath of noise that swells slowly."""
    times, hz = time_s(count), draws.log_uniform(25, 400)
    swell = 1 + draws.uniform(0, 0.5) * np.sin(2 * np.pi * draws.log_uniform(0.1, 12) * times)
    wave = draws.uniform(0.05, 2) * augment.noise(count, draws.rng) * swell
    for harmonic in range(1, draws.integer(2, 12)):
        wave = wave + np.sin(2 * np.pi * harmonic * hz * times) * (draws.uniform(0, 1) / harmonic)
    return unit_power(wave)


def beeps(count: int, draws: Draws) -> Array:
    """Ring-back and busy tones, alarms, dialled digits: one or two steady pitches, on and off."""
    wave = np.zeros(count, np.float32)
    pitches_hz = [draws.log_uniform(300, 3500) for _ in range(draws.integer(1, 4))]
    on_s, off_s, position = draws.log_uniform(0.05, 1.5), draws.log_uniform(0.03, 2.5), 0
    is_square, is_double = draws.chance(0.3), draws.chance(0.4)
    while position < count:
        times = time_s(samples_of(on_s))
        tone = sum(np.sin(2 * np.pi * draws.choice(pitches_hz) * times) for _ in range(1 + is_double))
        edge = np.minimum(1, np.minimum(times, times[-1] - times) / 0.004)
        place(wave, position, ((np.sign(tone) if is_square else tone) * edge).astype(np.float32))
        position += samples_of(on_s) + samples_of(off_s)
    return unit_power(wave)


def traffic(count: int, draws: Draws) -> Array:
    """Dull noise whose level moves: cars that pass, doors that open, machines switched on and off."""
    spacing = samples_of(draws.log_uniform(0.2, 3))
    knots = draws.rng.uniform(-30, 0, count // spacing + 2)
    places = np.arange(count) / spacing
    is_sudden = draws.chance(0.3)
    level_db = knots[places.astype(int)] if is_sudden else np.interp(places, range(len(knots)), knots)
    return unit_power(augment.noise(count, draws.rng) * 10 ** (level_db / 20))


def rustle(count: int, draws: Draws) -> Array:
    """Paper, cloth, wind in a microphone: noise in a moving band with gusts."""
    step = samples_of(draws.log_uniform(0.03, 0.4))
    gusts = draws.rng.exponential(1, count // step + 2) ** draws.uniform(0.5, 2)
    envelope = np.interp(np.arange(count) / step, range(len(gusts)), gusts)
    radius, hz = draws.uniform(0.5, 0.97), draws.log_uniform(100, 5000)
    poles = [1, -2 * radius * np.cos(2 * np.pi * hz / SAMPLE_RATE), radius**2]
    return unit_power(lfilter([1], poles, draws.noise(count)) * envelope)


def siren(count: int, draws: Draws) -> Array:
    """A tone that glides up and down."""
    times = time_s(count)
    sweep = np.sin(2 * np.pi * draws.uniform(0.2, 4) * times)
    hz = draws.log_uniform(500, 1200) * 2 ** (draws.uniform(0.2, 0.9) * sweep)
    phase = 2 * np.pi * np.cumsum(hz) / SAMPLE_RATE
    return unit_power(np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase))


def rain(count: int, draws: Draws) -> Array:
    """Many small drops over a hiss."""
    wave = 0.05 * draws.noise(count)
    drops = [_struck([(draws.log_uniform(1500, 6000), 0.002, 1.0)], draws) for _ in range(8)]
    for position in draws.rng.integers(0, count, int(count / SAMPLE_RATE * draws.uniform(20, 120))):
        place(wave, int(position), draws.choice(drops) * np.float32(draws.uniform(0.1, 1)))
    return unit_power(wave)


def bells(count: int, draws: Draws) -> Array:
    """Struck metal with partials that are no harmonics."""
    wave = np.zeros(count, np.float32)
    position = 0
    while position < count:
        hz = draws.log_uniform(200, 1200)
        modes = [(hz * ratio, draws.uniform(0.1, 0.6) / ratio, 1 / ratio) for ratio in (1, 2.76, 5.4)]
        place(wave, position, _struck(modes, draws))
        position += samples_of(draws.uniform(0.2, 1.5))
    return unit_power(wave)


KINDS: dict[str, tuple[Sound, float]] = {
    "noise": (coloured, 3), "music": (song, 6), "melody": (melody, 4), "keyboard": (keyboard, 3),
    "knocks": (knocks, 2), "beeps": (beeps, 3.5), "fan": (fan, 1.5), "traffic": (traffic, 1.5),
    "clicks": (clicks, 1), "rustle": (rustle, 1.5),
}  # fmt: skip
"""Sounds for training and for the test, with their shares."""

HELD_OUT_KINDS: dict[str, tuple[Sound, float]] = {"siren": (siren, 0.7), "rain": (rain, 0.7), "bells": (bells, 0.7)}


def background(count: int, draws: Draws) -> Array:
    """A sound of any kind, often with a little noise under it; held-out draws know the held-out kinds, too."""
    kinds = KINDS | HELD_OUT_KINDS if draws.is_held_out else KINDS
    shares = np.array([share for _, share in kinds.values()])
    name = draws.rng.choice(list(kinds), p=shares / shares.sum())
    wave = kinds[str(name)][0](count, draws)
    under = draws.log_uniform(0.003, 0.4) if draws.chance(0.6) else 0.0
    return unit_power(wave + under * augment.noise(count, draws.rng))
