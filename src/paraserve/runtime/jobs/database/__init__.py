"""The database of jobs. The only importer of SQLAlchemy."""
