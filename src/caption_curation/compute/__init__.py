"""Devices, precision, and the process group of a stage."""
