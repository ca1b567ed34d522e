"""Jobs from complete resumable uploads, by the field `upload` of a submission or at once by the upload's metadata.

Such a job has the id of its upload, so an upload becomes one job at most, and can be found as that job later.
"""
