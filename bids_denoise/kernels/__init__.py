"""Compiled inner loops: arrays in, arrays out. One family of algorithms a file."""
