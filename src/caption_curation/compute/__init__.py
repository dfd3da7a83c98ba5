"""Devices, precision, and the processes of a stage that compute together."""
