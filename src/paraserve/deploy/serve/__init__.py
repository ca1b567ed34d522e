"""Live clients and uploads on Ray Serve, an experiment. `paraserve.deploy.ray:app` is what users name."""
