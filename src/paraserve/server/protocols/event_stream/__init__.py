"""The typed events of live sessions over gRPC: `paraserve.v1.Recognizer/Stream`."""
