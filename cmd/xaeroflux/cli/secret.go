// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bufio"
	"io"
	"strings"
)

// maxSecret is longer than any invite.
const maxSecret = 64 << 10

// secret returns an argument, or the next line of stdin if it is "-": an
// invite on the command line can be read by every user of the machine.
func (a *app) secret(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	if a.lines == nil {
		a.lines = bufio.NewReader(io.LimitReader(a.stdin(), maxSecret))
	}
	line, err := a.lines.ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", hint(usage("nothing came on standard input: - stands for a line of it"), "the invite or the address, and a newline, on standard input")
	}
	return line, nil
}

// secrets is secret for arguments of a flag, in their place.
func (a *app) secrets(args []string) (err error) {
	for i := range args {
		if args[i], err = a.secret(args[i]); err != nil {
			return err
		}
	}
	return nil
}
