"""Names of the kinds of arrays that everything is made of."""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
U64 = NDArray[np.uint64]
C128 = NDArray[np.complex128]
Bool = NDArray[np.bool_]
Names = NDArray[np.str_]
