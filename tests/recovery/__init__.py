"""The recovery drill: everything is destroyed and restored from a backup."""
