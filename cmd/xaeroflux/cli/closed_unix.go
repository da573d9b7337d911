// SPDX-License-Identifier: MPL-2.0

//go:build unix && cgo

package cli

/*
#include <fcntl.h>

static int stdout_closed;

// Before Go's runtime begins: it puts /dev/null where a standard file is closed.
__attribute__((constructor)) static void look_at_stdout(void) {
	stdout_closed = fcntl(1, F_GETFD) == -1;
}

static int was_stdout_closed(void) { return stdout_closed; }
*/
import "C"

// stdoutClosed reports whether the process was started without a standard output.
func stdoutClosed() bool { return C.was_stdout_closed() != 0 }
