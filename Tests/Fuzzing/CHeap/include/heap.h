#include <stddef.h>

/* Starts to measure: the peak is forgotten. */
void heap_begin(void);

/* By how much the heap was larger, at its largest since then, than it was at the beginning. */
size_t heap_growth(void);
