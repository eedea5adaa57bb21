"""The tests of Frikort."""
