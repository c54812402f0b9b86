"""Simulated people: motion, picture and accelerometer of one body."""
