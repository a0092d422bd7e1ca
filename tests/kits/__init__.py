"""Kits that inject faults: syscalls, kills, power cuts, full disks, lost sound, bad models."""
