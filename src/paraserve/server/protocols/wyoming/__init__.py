"""The Wyoming protocol of Home Assistant: JSON lines with audio behind them."""
