"""What `paraserve serve` does before and beside the server: flags of all settings, certificates, the page opened."""
