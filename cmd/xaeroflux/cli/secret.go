// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/xaeroflux/xaeroflux/identity"
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
	line, err := a.nextLine()
	if err != nil {
		return "", err
	}
	if line == "" {
		return "", hint(usage("nothing came on standard input: - stands for a line of it"), "the invite or the address, and a newline, on standard input")
	}
	return a.wholeInvite(line)
}

// nextLine returns the next line of stdin without space around it and a byte order mark.
func (a *app) nextLine() (string, error) {
	line, err := a.lines.ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "\ufeff")), nil
}

// wholeInvite returns a line, with those behind it if it is an invite of which a mail or a
// chat made several.
func (a *app) wholeInvite(line string) (string, error) {
	for goesOn(line) {
		more, err := a.nextLine()
		if err != nil {
			return "", err
		}
		if more == "" || strings.ContainsFunc(more, func(r rune) bool { return !strings.ContainsRune(inviteLetters, unicode.ToLower(r)) }) {
			a.lines = bufio.NewReader(io.MultiReader(strings.NewReader(more+"\n"), a.lines)) // it is something else
			return line, nil
		}
		line += more
	}
	return line, nil
}

// inviteLetters are what lines of an invite consist of.
const inviteLetters = "abcdefghijklmnopqrstuvwxyz234567"

// goesOn reports whether a text is the beginning of an invite, and no more.
func goesOn(line string) bool {
	if !identity.IsInvite(line) {
		return false
	}
	_, err := identity.ParseInvite(line)
	var e *identity.InviteError
	return errors.As(err, &e) && e.Fault == identity.FaultTruncated
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
