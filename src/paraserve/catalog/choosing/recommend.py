"""The bundle of the catalog that suits a language and a device."""

from collections.abc import Collection

from paraserve.catalog.entries import Catalog
from paraserve.errors import ParaserveError


def recommend(catalog: Catalog, languages: Collection[str], *, is_cpu: bool) -> str:
    """Return the name of the bundle to take.

    It knows all of the languages, or the most there are where none is named. On a CPU it is none of the class `slow`,
    if there is another. Of those it is one with a streaming model, which gives partial texts at once. Then one made
    for fewer languages goes before one made for more, and a larger one before a smaller.

    Args:
        catalog: the bundles.
        languages: codes as in the catalog, empty for any.
        is_cpu: the recognizer runs on a CPU.

    Raises:
        ParaserveError: no bundle knows them all. It names the languages that are known.
    """
    recognizers = {name: model for name in catalog.bundles if (model := catalog.recognizer(name)) and model.languages}
    known = {language for model in recognizers.values() for language in model.languages}
    most = max((len(model.languages) for model in recognizers.values()), default=0)
    fitting = [
        name
        for name, model in recognizers.items()
        if set(languages) <= set(model.languages) and (languages or len(model.languages) == most)
    ]
    if not fitting:
        unknown = ", ".join(sorted(set(languages) - known))
        problem = f"no bundle knows {unknown}" if unknown else "no bundle knows all of these languages"
        raise ParaserveError(f"{problem}. Known are: {', '.join(sorted(known))}")

    def preference(name: str) -> tuple[bool, bool, int, float]:
        model = recognizers[name]
        is_slow = is_cpu and model.speed == "slow"
        has_stream = "asr-online" in catalog.bundles[name].parts
        return is_slow, not has_stream, len(model.languages), -catalog.megabytes(name)

    return min(fitting, key=preference)
