"""All attacks by name, and the families that they belong to."""

from support.attacks import bodies, costs, frames, heads, places
from support.attacks.wire import Attack

FAMILIES: dict[str, tuple[Attack, ...]] = {
    "heads": heads.ATTACKS,
    "bodies": bodies.ATTACKS,
    "frames": frames.ATTACKS,
    "places": places.ATTACKS,
    "costs": costs.ATTACKS,
}
ATTACKS: dict[str, Attack] = {attack.name: attack for family in FAMILIES.values() for attack in family}
