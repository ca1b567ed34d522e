"""Health check of the images: exit code 0 if the server on PARASERVE_PORT is ready, which it says over TLS, too."""

import os
import ssl
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 11.0

scheme = "https" if os.environ.get("PARASERVE_CERTFILE") else "http"
port = os.environ.get("PARASERVE_PORT", "")
if not port.isdigit():  # not set, or the address of a Kubernetes Service of this name
    port = "10095"
url = f"{scheme}://127.0.0.1:{port}/readyz"
unverified = ssl._create_unverified_context()  # noqa: SLF001 - the certificate names the host, not this address
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified))
try:
    direct.open(url, timeout=TIMEOUT_S).close()
except (urllib.error.URLError, OSError) as error:
    sys.exit(f"{url}: {error}")
