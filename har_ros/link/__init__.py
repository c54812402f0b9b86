"""The ESP32's socket: wire protocol, connections, clock and a device to test with; no ROS in it."""
