// A call of Linux that the Swift module of the C library leaves out.

#define _GNU_SOURCE
#include "Kernels.h"

#include <fcntl.h>

void kernels_start_writing(int descriptor, int64_t offset, int64_t count) {
#if defined(__linux__)
  // The result is ignored: an error comes again, and counts, in the sync.
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#endif
}
