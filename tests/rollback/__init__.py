"""The previous release on the data of this one, and back."""
