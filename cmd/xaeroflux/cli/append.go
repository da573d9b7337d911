// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// appendFlags are the flags of append.
type appendFlags struct {
	kind, key   string
	resume      string // token of an append that did not come to its end
	whole, acks bool
}

func (a *app) appendCmd() *cobra.Command {
	var f appendFlags
	cmd := &cobra.Command{
		Use:   "append [FILE…]",
		Short: "Append events: one for each line of the files or of stdin",
		Long: `Appends one event for each line of the files, or of stdin where none is given or
one is "-". The newline is not part of the event; everything else is kept as it
is. With --whole, each file is one event. A line or file holds at most 16 MiB.

Events are on disk and in the root when the summary is printed: the log, the
sequence of the first event, their count, and the log's size and root.

If appending files does not come to its end, for whatever reason, some of it may
be there. Then, and before the first of several batches, it prints a token, and

  xaeroflux append --resume TOKEN FILE…

with the same files and flags adds just what is missing, as often as it takes; if
lines are missing that were appended with the token, it says so and exits 2. An
append that fails and prints no token has appended nothing: repeat it. A
token of your own choice can be given from the start; with one, stdin can be
repeated too, and is appended in whole batches of 1000 lines or 1 MiB.`,
		Example: "  echo 'hello world' | xaeroflux append --type note\n  xaeroflux append --whole --type photo --key beach beach.jpg",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error { return a.append(cmd.Context(), b, f, args) })
		},
	}
	a.quotaFlag(cmd)
	cmd.Flags().StringVar(&f.kind, "type", "", "type of the events, at most 63 bytes")
	cmd.Flags().StringVar(&f.key, "key", "", "key of the events, at most 1023 bytes")
	cmd.Flags().StringVar(&f.resume, "resume", "", "go on with an append that ended early: the token that it printed, or any text of 8 to 128 bytes")
	cmd.Flags().BoolVar(&f.whole, "whole", false, "one event for each file, not for each line")
	cmd.Flags().BoolVar(&f.acks, "acks", false, "print a summary after each batch that is on disk, not only at the end")
	return cmd
}

func (f appendFlags) check() error {
	if len(f.kind) > event.MaxType {
		return usage("--type has %d bytes, limit %d", len(f.kind), event.MaxType)
	}
	if !utf8.ValidString(f.kind) {
		return hint(usage("--type %q is not UTF-8", f.kind), "another --type, or the bytes as --key, which may be any")
	}
	if event.IsReserved([]byte(f.kind)) {
		return hint(usage("--type %q: types that begin with %q are the engine's", f.kind, event.Reserved), "another --type")
	}
	if f.resume != "" && (len(f.resume) < 8 || len(f.resume) > 128) {
		return usage("--resume: a token of %d bytes, want 8 to 128", len(f.resume))
	}
	if len(f.key) > event.MaxKey {
		return usage("--key has %d bytes, limit %d", len(f.key), event.MaxKey)
	}
	return nil
}

func (f appendFlags) event(payload []byte) xaeroflux.Event {
	return xaeroflux.Event{Type: f.kind, Key: []byte(f.key), Payload: payload}
}

// append appends all inputs and prints the summary, which also is printed of
// what was appended before an error.
func (a *app) append(ctx context.Context, b backend, f appendFlags, files []string) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	if err := allThere(files); err != nil {
		return err
	}
	m := a.meter("appending", totalBytes(files), true)
	w := &batcher{b: b, topic: a.topic, token: f.resume, given: f.resume != ""}
	if w.token == "" && !slices.Contains(files, "-") {
		w.token = rand.Text()
		w.many = func() { a.say("if this does not come to its end: %s", a.resumeCommand(w.token, f, files)) }
	}
	w.done = func(r xaeroflux.Receipt) error {
		if f.acks {
			return a.printReceipt(r)
		}
		return nil
	}
	err := a.appendFiles(ctx, w, f, files, m)
	m.end()
	if err != nil && w.resumable() {
		a.say("to add what is missing, and nothing twice: %s", a.resumeCommand(w.token, f, files))
	}
	if w.unknown > 0 {
		err = fmt.Errorf("%w; the fate of %s is not known", err, counted(w.unknown, "event"))
	}
	switch {
	case err != nil && w.resumable() && errors.Is(err, errInterrupted):
		err = hint(err, "the command with --resume that is named above, which adds what is missing")
	case err != nil && w.token == "" && w.before > 0 && w.unknown == 0:
		err = hint(err, "the input from behind its first %s on, which are appended; with --resume and a token of your own from the start, all of it could be repeated", counted(int(w.before), "event"))
	case w.unknown > 0 && w.token == "":
		err = hint(err, "xaeroflux cat --log own, which shows whether they are there")
	}
	if err != nil && w.before == 0 {
		return err
	}
	if err != nil {
		err = fmt.Errorf("%w; the events before it, %d, are appended", err, w.before)
	}
	return errors.Join(err, a.summary(ctx, w, f.acks))
}

// allThere says which of the files is not there, before anything is appended.
func allThere(files []string) error {
	for _, name := range files {
		if _, err := os.Stat(name); name != "-" && errors.Is(err, fs.ErrNotExist) {
			return hint(usage("%v: nothing was appended", err), "the path of a file that is there")
		}
	}
	return nil
}

// resumeCommand is the command that goes on with an append.
func (a *app) resumeCommand(token string, f appendFlags, files []string) string {
	text := fmt.Sprintf("xaeroflux append --dir %s --resume %s", quoted(a.dir), quoted(token))
	for _, flag := range []struct{ name, value string }{{"topic", a.topic}, {"type", f.kind}, {"key", f.key}} {
		if flag.value != "" {
			text += fmt.Sprintf(" --%s %s", flag.name, quoted(flag.value))
		}
	}
	if f.whole {
		text += " --whole"
	}
	for _, name := range files {
		text += " " + quoted(name)
	}
	return text
}

func (a *app) appendFiles(ctx context.Context, w *batcher, f appendFlags, files []string, m *meter) error {
	for _, name := range files {
		in, err := a.input(ctx, name)
		if err == nil {
			add := a.appendLines
			if f.whole {
				add = a.appendWhole
			}
			err = add(ctx, w, f, name, &countingReader{in, m})
			err = errors.Join(err, in.Close())
		}
		if err != nil && !errors.Is(err, errAppend) && w.token == "" {
			err = errors.Join(err, w.flush(ctx)) // what was read before it; a batch with a token is whole
		}
		if err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.whole(ctx)
}

// errAppend marks an error of the store, after which nothing is appended.
var errAppend = errors.New("append")

type appendError struct{ error }

func (e *appendError) Unwrap() error        { return e.error }
func (e *appendError) Is(target error) bool { return target == errAppend }

func (a *app) appendLines(ctx context.Context, w *batcher, f appendFlags, name string, in io.Reader) error {
	l := newLines(name, in)
	for {
		if ctx.Err() != nil {
			return errInterrupted
		}
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var long *errLine
		if errors.As(err, &long) {
			return &hinted{kinded(nodeapi.TooLarge, "%v", err), "break the line up, or append the file in pieces"}
		}
		if err != nil {
			return err
		}
		if err := w.add(ctx, f.event(line)); err != nil {
			return &appendError{err}
		}
		if w.token == "" && l.waits() && name == "-" {
			if err := w.flush(ctx); err != nil { // nobody waits for a batch to fill
				return &appendError{err}
			}
		}
	}
}

func (a *app) appendWhole(ctx context.Context, w *batcher, f appendFlags, name string, in io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(in, event.MaxPayload+1))
	if err != nil {
		return err
	}
	if len(b) > event.MaxPayload {
		return &hinted{kinded(nodeapi.TooLarge, "%s: longer than the %d bytes that an event holds", name, event.MaxPayload), "append it in pieces (split -b 16m)"}
	}
	if err := w.add(ctx, f.event(b)); err != nil {
		return &appendError{err}
	}
	return nil
}

// summary prints the receipt of everything appended.
func (a *app) summary(ctx context.Context, w *batcher, acks bool) error {
	if w.before == 0 {
		heads, err := w.b.Heads(ctx, a.topic)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if h.Own {
				w.total = xaeroflux.Receipt{Log: h.Log, Seq: h.Size, Size: h.Size, Root: h.Root}
			}
		}
	} else if acks {
		return nil // printed with the last batch
	}
	return a.printReceipt(w.total)
}

func (a *app) printReceipt(r xaeroflux.Receipt) error {
	if r.Ahead > 0 {
		a.say("these events carry the time %s, which this machine's clock has not reached: one was appended when the clock was wrong, and times do not go back in a log",
			r.Time.Format(time.RFC3339))
	}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "log     %s\nfirst   %d\ncount   %d\nsize    %d\nroot    %s\n", r.Log, r.Seq, r.Count, r.Size, r.Root)
		if r.Repeated > 0 {
			fmt.Fprintf(w, "before  %d\n", r.Repeated)
		}
	})
}
