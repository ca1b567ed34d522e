"""Many recordings on a Ray cluster, or on all CPUs or GPUs of one machine: `python -m paraserve.deploy.bulk`."""
