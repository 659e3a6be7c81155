"""The nets: AlexNets as data, the Paddle layer that is built from them, and its layers. Knows no data, no training."""
