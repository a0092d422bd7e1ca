"""Kits that inject faults: syscalls, kills, power cuts, full disks, broken sound, hostile models."""
