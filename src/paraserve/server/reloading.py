"""Reload of a running server: settings, word lists, models, API keys and the certificate, all of them or none.

A new model is loaded and run beside the old one, then takes over between utterances. If anything cannot be used, all
stays as it was.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from paraserve.errors import ParaserveError, ReloadError
from paraserve.operator_redaction import OperatorRedaction, read_redaction
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.api_keys import read_keys
from paraserve.server.access.authentication import Access
from paraserve.setting_sources import RELOADED, SettingSources, reloaded_settings
from paraserve.settings import Settings
from paraserve.wiring import reload_models

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reload:
    """A reload that has succeeded: the settings that changed, and those of them that need a restart."""

    changed: tuple[str, ...]
    not_applied: tuple[str, ...]


class Reloader:
    """Reloads one server process. Reloads follow one another.

    `tls` is the context of a server with a certificate, None without one. `on_reload` is called after each
    success, with the bundles that were given, and whether the other processes of the server are to follow.
    """

    def __init__(
        self,
        settings: Settings,
        sources: SettingSources,
        engine: RoutedEngine,
        access: Access,
        redaction: OperatorRedaction,
    ) -> None:
        self.tls: ssl.SSLContext | None = None
        self.on_reload: Callable[[Sequence[str], bool], None] = lambda _bundles, _is_for_all: None
        self.settings = settings
        self._sources = sources
        self._engine = engine
        self._access = access
        self._redaction = redaction
        self._lock = asyncio.Lock()

    async def reload(self, bundles: Sequence[str] = (), *, is_for_all: bool = False) -> Reload:
        """Read everything again. Bundles, where given, count from now on in place of those of the settings.

        With `is_for_all` the other processes of the server are to follow.

        Raises:
            ReloadError: says why all stays as it was.
        """
        async with self._lock:
            sources = self._sources.with_bundles(bundles)
            try:
                done = await self._reload(sources)
            except (ParaserveError, OSError) as error:
                message = error.message if isinstance(error, ParaserveError) else str(error)
                log.error("not reloaded, all stays as it was", error=message)  # noqa: TRY400 - the message says it all
                raise ReloadError(f"all stays as it was: {message}") from error
            self._sources = sources
            self.on_reload(bundles, is_for_all)
            return done

    async def _reload(self, sources: SettingSources) -> Reload:
        wanted = await asyncio.to_thread(sources.read)
        names = type(wanted).model_fields.keys() - {"config"}
        changed = tuple(sorted(name for name in names if getattr(wanted, name) != getattr(self.settings, name)))
        settings = reloaded_settings(self.settings, wanted)
        await asyncio.to_thread(self._check_files)
        redaction = await asyncio.to_thread(read_redaction, settings)
        await reload_models(self._engine, settings)
        self._redaction.redaction = redaction
        self._access.reload()
        if self.tls is not None:
            self.tls.load_cert_chain(settings.certfile, settings.keyfile)
        self.settings = settings
        not_applied = tuple(name for name in changed if name not in RELOADED)
        facts = {"models": list(settings.model_entries), "not_applied": list(not_applied)}
        log.info("files read again", api_keys=self._access.keys is not None, tls=self.tls is not None, **facts)
        return Reload(changed, not_applied)

    def _check_files(self) -> None:
        """Read the keys and the certificate once, so that nothing is changed before they are known to be good."""
        if self._access.keys is not None:
            read_keys(self._access.keys.path)
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            try:
                context.load_cert_chain(self.settings.certfile, self.settings.keyfile)
            except OSError as error:
                raise ReloadError(f"TLS certificate not read again: {error}") from error
