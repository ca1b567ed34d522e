"""`paraserve jobs`: recordings that a server keeps and transcribes, however long that takes."""
