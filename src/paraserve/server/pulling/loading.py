"""The steps from a bundle on disk to a model that answers, and back, without a restart."""

from paraserve.errors import ModelNotFoundError, ReloadError
from paraserve.server.reloading import Reload, Reloader
from paraserve.settings import bundle_name


async def load_beside(reloader: Reloader, bundle: str) -> None:
    """Load a bundle beside the models of a server, in all of its processes, as the last one in their order.

    It stays one of them until the server ends. One that the settings name already is loaded if it was not.

    Raises:
        ReloadError: it cannot be loaded. All stays as it was.
    """
    settings = reloader.settings
    if bundle in {entry.bundle for entry in settings.model_entries.values()}:
        await reloader.reload(is_for_all=True)
        return
    named = {bundle_name(one) for one in settings.bundle}
    # Names of tables keep their place behind the bundles, before the new one.
    tables = [name for name in settings.models if name not in named]
    await reloader.reload([*settings.bundle, *tables, bundle], is_for_all=True)


async def unload(reloader: Reloader, name: str) -> Reload:
    """Take a model away in all processes of a server, until it is loaded again or the server ends.

    Requests and utterances that use it end with it.

    Raises:
        ModelNotFoundError: there is no such model.
        ReloadError: the server needs it. All stays as it was.
    """
    settings = reloader.settings
    if name not in settings.model_entries:
        raise ModelNotFoundError(f"there is no model {name[:100]!r}", param="name")
    if name in settings.models:
        raise ReloadError(f"all stays as it was: the settings have a table for {name}, take it out there and reload")
    kept = [one for one in settings.bundle if bundle_name(one) != name]
    if not kept:
        raise ReloadError("all stays as it was: a server keeps at least one model")
    return await reloader.reload(kept, is_for_all=True)
