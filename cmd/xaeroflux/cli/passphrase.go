// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// passphraseEnv names the file with the passphrase of the store if no flag does.
const passphraseEnv = "XAEROFLUX_PASSPHRASE_FILE"

// errUnasked is why there is no passphrase: nothing names a file with it, and there is
// nobody to ask.
var errUnasked = errors.New("nothing says where it is, and standard input is no terminal to ask on")

// passphrases are where the passphrase of the store comes from, and what it is once it
// was asked for: one command may open the store several times.
type passphrases struct {
	file    string // of --passphrase-file
	keyring bool   // look into the system's keyring
	known   []byte
}

// passphrase returns the one that the store has, which is asked for once. It is never an
// argument: other users of the machine can read those.
func (a *app) passphrase() ([]byte, error) {
	if a.pass.known == nil {
		b, err := a.keptPassphrase()
		if err == nil && b == nil {
			b, err = a.readPassphrase(a.pass.file, "passphrase of "+a.dir)
		}
		if err != nil {
			return nil, err
		}
		a.pass.known = b
	}
	return bytes.Clone(a.pass.known), nil
}

// keptPassphrase returns the one that the keyring has, if it is to be asked.
func (a *app) keptPassphrase() ([]byte, error) {
	if !a.pass.keyring || a.pass.file != "" {
		return nil, nil
	}
	return a.fromKeyring()
}

// namedPassphrase is passphrase if something says where it is, and otherwise nil: for what
// works without it, too.
func (a *app) namedPassphrase() func() ([]byte, error) {
	if a.pass.file == "" && !a.pass.keyring {
		return nil
	}
	return a.passphrase
}

// firstPassphrase returns the one that a store which is created is to have: from the file
// that is named, or else asked for twice.
func (a *app) firstPassphrase() ([]byte, error) {
	if a.pass.file == "" {
		return a.newPassphrase("")
	}
	b, err := a.passphrase()
	if err == nil {
		err = a.forKeyring(b)
	}
	return b, err
}

// newPassphrase reads one that a store is to have, from a file or else from the
// terminal, twice.
func (a *app) newPassphrase(file string) ([]byte, error) {
	first, err := a.readPassphrase(file, "new passphrase")
	if err == errUnasked {
		err = hint(usage("no new passphrase: %v", err), "the same with a file that has it in its first line: --new FILE for xaeroflux passwd, --passphrase-file FILE for init and join")
	}
	if err == nil {
		err = a.forKeyring(first)
	}
	if err != nil || file != "" {
		return first, err
	}
	again, err := a.readPassphrase("", "the same again")
	defer clear(again)
	if err == nil && !bytes.Equal(first, again) {
		err = usage("the two differ, and nothing was changed")
	}
	return first, err
}

// readPassphrase reads the first line of a file, of standard input if that is "-", or
// asks on the terminal if there is no name.
func (a *app) readPassphrase(file, what string) (b []byte, err error) {
	switch {
	case file == "-":
		b, err = a.secretLine()
	case file != "":
		b, err = firstLineOf(a.ctx, file)
	case terminal(a.in):
		b, err = a.askHidden(what)
	default:
		err = errUnasked
	}
	if err == nil && len(b) == 0 {
		err = usage("an empty passphrase is none")
	}
	return b, err
}

func firstLineOf(ctx context.Context, file string) ([]byte, error) {
	f, err := openFile(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("the file of the passphrase: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// secretLine reads a line of standard input and no byte more: what follows is for
// others.
func (a *app) secretLine() ([]byte, error) {
	if a.lines != nil {
		line, err := a.lines.ReadBytes('\n')
		if err == io.EOF {
			err = nil
		}
		return bytes.TrimRight(line, "\r\n"), err
	}
	var line []byte
	in := a.stdin()
	for one := make([]byte, 1); len(line) < maxSecret; {
		n, err := in.Read(one)
		if n == 1 && one[0] == '\n' || err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		line = append(line, one[:n]...)
	}
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// askHidden asks on the terminal, which shows nothing of what is typed. Ctrl-C and a
// signal end it; the terminal is as it was afterwards.
func (a *app) askHidden(what string) (_ []byte, err error) {
	fd := int(a.in.(*os.File).Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, term.Restore(fd, before)) }()
	fmt.Fprintf(forPeople(a.err), "%s: ", what)
	line, err := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{interruptible(a.ctx, a.in), a.err}, "").ReadPassword("")
	if err == io.EOF { // ctrl-C, or ctrl-D
		err = errInterrupted
	}
	return []byte(line), err
}
