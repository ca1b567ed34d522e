"""Rules of written numbers in Chinese and English."""
