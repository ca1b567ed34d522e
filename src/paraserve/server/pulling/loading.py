"""The step from a bundle on disk to a model that answers, without a restart."""

from paraserve.server.reloading import Reloader
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
