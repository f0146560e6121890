"""The world: time, messages between parties, platforms, devices, weather and the grid."""
