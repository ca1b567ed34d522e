"""Synthetic music, which is no speech: melodies, chords, arpeggios, drums, long "sung" tones with vibrato."""

import numpy as np
from scipy.signal import lfilter

from demo_recipe.audio.features import SAMPLE_RATE, Array
from demo_recipe.audio.sound_draws import Draws, place, samples_of, time_s, unit_power

_SCALES = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10], [0, 2, 4, 7, 9], [0, 3, 5, 6, 7, 10]]
_CHORDS = [[0, 4, 7], [0, 3, 7], [0, 4, 7, 11], [0, 5, 7], [0, 3, 7, 10], [0, 7, 12]]
_BRIGHTEST_HARMONIC = 16


class Timbre:
    """One instrument: how loud its harmonics are, how fast they decay, its vibrato and its resonances."""

    def __init__(self, draws: Draws) -> None:
        self.slope = draws.uniform(0.4, 2.2)
        self.even_gain = draws.uniform(0.1, 1.0)
        self.decay_s = draws.log_uniform(0.08, 4.0)
        self.attack_s = draws.log_uniform(0.003, 0.15)
        # A plucked string loses its high harmonics first.
        self.damping = draws.uniform(0.0, 0.6)
        self.vibrato_hz, self.vibrato_depth = draws.uniform(4, 7.5), draws.uniform(0, 0.03)
        self.tremolo_depth = draws.uniform(0, 0.5) if draws.chance(0.3) else 0.0
        self.formants_hz = [draws.log_uniform(250, 3500) for _ in range(draws.integer(0, 3))]

    def note(self, hz: float, seconds: float) -> Array:
        """One note."""
        times = time_s(samples_of(seconds))
        sway = np.sin(2 * np.pi * self.vibrato_hz * times)
        phase = 2 * np.pi * hz * (times - self.vibrato_depth / (2 * np.pi * self.vibrato_hz) * (1 - sway))
        wave = np.zeros_like(times)
        for harmonic in range(1, 1 + min(_BRIGHTEST_HARMONIC, int(7500 / hz))):
            gain = self._gain(harmonic, hz)
            if gain > 0.003:
                decay = np.exp(-times * ((1 + self.damping * (harmonic - 1)) / self.decay_s))
                wave += np.float32(gain) * np.sin(harmonic * phase) * decay
        release = np.minimum(1, (times[-1] - times) / 0.02)
        return wave * np.minimum(1, times / self.attack_s) * release * (1 - self.tremolo_depth * (0.5 + 0.5 * sway))

    def _gain(self, harmonic: int, hz: float) -> float:
        gain = harmonic**-self.slope * (self.even_gain if harmonic % 2 == 0 else 1.0)
        near = [np.exp(-((np.log2(harmonic * hz / formant) / 0.4) ** 2)) for formant in self.formants_hz]
        return gain * (0.15 + sum(near) if near else 1.0)


def _pitch(step: int, root_hz: float) -> float:
    return root_hz * 2 ** (step / 12)


def melody(count: int, draws: Draws) -> Array:
    """One voice that walks along a scale."""
    wave = np.zeros(count, np.float32)
    timbre, scale, root_hz = Timbre(draws), draws.choice(_SCALES), draws.log_uniform(70, 700)
    beat_s, degree, position = draws.log_uniform(0.12, 0.7), 0, 0
    while position < count:
        degree = int(np.clip(degree + draws.integer(-2, 2), -len(scale), 2 * len(scale)))
        hz = _pitch(12 * (degree // len(scale)) + scale[degree % len(scale)], root_hz)
        length_s = beat_s * draws.choice([0.5, 1, 1, 1, 2, 3])
        if not draws.chance(0.1):
            place(wave, position, timbre.note(min(hz, 3500), length_s * draws.uniform(0.6, 1.1)))
        position += samples_of(length_s)
    return wave


def chords(count: int, draws: Draws) -> Array:
    """Chords struck together or, as arpeggios, one note after the other."""
    wave = np.zeros(count, np.float32)
    timbre, root_hz, bar_s = Timbre(draws), draws.log_uniform(60, 300), draws.log_uniform(0.4, 3)
    is_broken, position = draws.chance(0.5), 0
    while position < count:
        shape = draws.choice(_CHORDS)
        base_hz = _pitch(draws.choice([0, 0, 5, 7, 9, 2]), root_hz)
        step_s = bar_s / (2 * len(shape)) if is_broken else 0.0
        for repeat in range(2 if is_broken else 1):
            for index, step in enumerate(shape):
                at_s = (repeat * len(shape) + index) * step_s
                note = timbre.note(_pitch(step, base_hz), bar_s - at_s if not is_broken else 2 * step_s)
                place(wave, position + int(at_s * SAMPLE_RATE), note)
        position += samples_of(bar_s)
    return wave


def drums(count: int, draws: Draws) -> Array:
    """Bass drum, snare, hi-hat and tom on a grid of sixteenths, the same bar again and again."""
    wave = np.zeros(count, np.float32)
    step = samples_of(draws.log_uniform(0.08, 0.2))
    kit = [_kick(draws), _snare(draws), _hat(draws), _kick(draws)]
    loads = [0.25, 0.2, 0.55, 0.08]
    gains = [1.0, 0.7, draws.uniform(0.1, 0.5), 0.6]
    bar = [(drum, at) for drum, load in enumerate(loads) for at in range(16) if draws.chance(load)]
    for start in range(0, count, 16 * step):
        for drum, at in bar:
            place(wave, start + at * step, kit[drum] * np.float32(gains[drum] * draws.uniform(0.7, 1)))
    return wave


def _kick(draws: Draws) -> Array:
    times = time_s(samples_of(draws.uniform(0.1, 0.4)))
    low_hz, drop_hz = draws.uniform(40, 160), draws.uniform(50, 300)
    phase = 2 * np.pi * (low_hz * times - drop_hz * 0.02 * np.exp(-times / 0.02))
    return np.sin(phase) * np.exp(-times / draws.uniform(0.04, 0.15))


def _snare(draws: Draws) -> Array:
    times = time_s(samples_of(draws.uniform(0.08, 0.25)))
    body = np.sin(2 * np.pi * draws.uniform(150, 280) * times) * np.exp(-times / 0.04)
    return body + draws.noise(len(times)) * np.exp(-times / draws.uniform(0.03, 0.1)) * np.float32(0.6)


def _hat(draws: Draws) -> Array:
    times = time_s(samples_of(0.15))
    hiss = np.diff(draws.noise(len(times) + 1))
    return hiss * np.exp(-times / draws.log_uniform(0.008, 0.06))


def sung(count: int, draws: Draws) -> Array:
    """Long tones of a saw wave through fixed vowel-like resonances, with vibrato: a choir pad without words."""
    wave = np.zeros(count, np.float32)
    bands = [(300, 900, 80.0), (900, 2400, 120.0), (2400, 3400, 200.0)]
    resonances = [(draws.uniform(low, high), width) for low, high, width in bands]
    root_hz, position = draws.log_uniform(90, 450), 0
    while position < count:
        times = time_s(samples_of(draws.uniform(0.6, 4)))
        hz = _pitch(draws.choice([0, 2, 4, 5, 7, 9, 12]), root_hz)
        sway = draws.uniform(0.005, 0.03) * np.sin(2 * np.pi * draws.uniform(4.5, 7) * times)
        saw = 2 * np.mod(np.cumsum(hz * (1 + sway)) / SAMPLE_RATE, 1) - 1
        edge = np.minimum(1, np.minimum(times, times[-1] - times) / draws.uniform(0.03, 0.3))
        place(wave, position, (_resonate(saw, resonances) * edge).astype(np.float32))
        position += len(times) + (samples_of(draws.uniform(0, 0.8)) if draws.chance(0.4) else 0)
    return wave


def _resonate(wave: Array, resonances: list[tuple[float, float]]) -> Array:
    """Formants in parallel, each a two-pole filter of a frequency and a width in Hz."""
    total = 0.05 * wave
    for hz, width_hz in resonances:
        radius = np.exp(-np.pi * width_hz / SAMPLE_RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * hz / SAMPLE_RATE), radius**2]
        total = total + lfilter([1 - radius], poles, wave)
    return total


def song(count: int, draws: Draws) -> Array:
    """One to four of all these together."""
    parts = [melody, chords, drums, sung, melody, chords]
    chosen = [draws.choice(parts) for _ in range(draws.integer(1, 4))]
    waves = [unit_power(part(count, draws)) * np.float32(draws.uniform(0.3, 1)) for part in chosen]
    return unit_power(np.sum(waves, 0))
