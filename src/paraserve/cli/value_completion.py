"""Values that a shell completes: names of bundles. A shell calls these when somebody presses the tab key."""


def bundle_names() -> list[tuple[str, str]]:
    """Return the bundles that can be named, each with a word about it."""
    from paraserve.catalog.store import EMBEDDED, known_bundles, models_folder
    from paraserve.errors import ParaserveError
    from paraserve.settings import checked_settings

    try:
        catalog = known_bundles(models_folder(checked_settings({}).models_dir))
    except ParaserveError:
        return [(name, "embedded") for name in EMBEDDED]  # there is nobody to tell what is wrong
    embedded = [(name, "embedded") for name in EMBEDDED]
    return embedded + [(name, bundle.about) for name, bundle in catalog.bundles.items() if name not in EMBEDDED]


def pulled_names() -> list[str]:
    """Return the bundles that were pulled."""
    from paraserve.catalog.store import models_folder, pulled_bundles
    from paraserve.errors import ParaserveError
    from paraserve.settings import checked_settings

    try:
        return list(pulled_bundles(models_folder(checked_settings({}).models_dir)))
    except ParaserveError:
        return []  # there is nobody to tell what is wrong
