/* What must happen before anything else does. */
#pragma once

/* OpenBLAS picks its kernels while it is loaded, from OPENBLAS_CORETYPE or from the processors that its release knew. On
   a newer x86-64 processor with AVX-512 it falls back to AVX2 kernels, at half the speed. Then this sets the variable and
   starts the program over; it returns where there is nothing to gain, or where that fails. */
void startup_prefer_wide_kernels(void);
