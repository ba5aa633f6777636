#include <stddef.h>

/* Starts a measurement: resets the peak. */
void heap_begin(void);

/* The peak size of the heap since heap_begin, minus its size then, in bytes. */
size_t heap_growth(void);
