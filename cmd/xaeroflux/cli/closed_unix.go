// SPDX-License-Identifier: MPL-2.0

//go:build unix && cgo

package cli

/*
#include <fcntl.h>

static int was_closed[2];

// Before Go's runtime begins: it puts /dev/null if a standard file is closed.
__attribute__((constructor)) static void look_at_files(void) {
	for (int i = 0; i < 2; i++) was_closed[i] = fcntl(i, F_GETFD) == -1;
}

static int was_file_closed(int i) { return was_closed[i]; }
*/
import "C"

// startedWithout reports whether the process was started without standard input, 0,
// or output, 1.
func startedWithout(fd int) bool { return C.was_file_closed(C.int(fd)) != 0 }
