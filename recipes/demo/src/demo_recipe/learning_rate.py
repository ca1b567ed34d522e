"""Schedule of the learning rates."""

import math


def rate_factor(step: int, progress: float, warm_up_steps: int) -> float:
    """Factor of the peak rate: linear warm-up, then a half cosine down to 1 % where `progress` (0 to 1) ends."""
    return min(1.0, (step + 1) / warm_up_steps) * (0.01 + 0.495 * (1 + math.cos(math.pi * progress)))
