"""Colours of charts, which colour-blind people can tell apart: Okabe and Ito (2008), "Color Universal Design".

Without coordination is always vermilion and dashed, with it blue and solid, so that no chart depends on colour alone.
"""

from typing import Final

WITH: Final = "#0072B2"
WITHOUT: Final = "#D55E00"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
GREY: Final = "#6b6b6b"
PALE: Final = "#d9d9d9"
BLACK: Final = "#1a1a1a"
