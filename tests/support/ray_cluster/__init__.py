"""Clusters of Ray on this machine, and recordings for them."""
