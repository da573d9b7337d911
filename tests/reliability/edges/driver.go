// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A driver is a process with one store that does what it is told, a line a
// command, and answers each with a line:
//
//	open DIR PLACE       opens or makes the store
//	topics N             founds topics until there are N
//	say TOPIC FROM N LEN appends N events with LEN bytes of padding, in one batch
//	chdir DIR
//	limit NAME N         descriptors, memory or file: of this process, from now on
//	readonly             answers why the store takes no writes, or "no"
//	close
//
// An answer is "ok", or "err KIND TEXT": damage, trouble, readonly, use or other.
type driver struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	errs  strings.Builder
	guard *time.Timer
}

// ChildName is the first argument of a driver's process.
const ChildName = "child-edges"

func startDriver(ctx context.Context, self, dir string) (*driver, error) {
	d := &driver{cmd: exec.CommandContext(ctx, self, ChildName)}
	d.cmd.Dir, d.cmd.Stderr = dir, &d.errs
	in, err := d.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.in, d.out = in, bufio.NewReader(out)
	d.guard = time.AfterFunc(4*patience, func() { d.cmd.Process.Kill() })
	return d, d.cmd.Start()
}

// do gives a command and returns what went wrong with it.
func (d *driver) do(format string, args ...any) error {
	if _, err := fmt.Fprintf(d.in, format+"\n", args...); err != nil {
		return fmt.Errorf("the process is gone: %w: %.600s", err, d.errs.String())
	}
	line, err := d.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the process is gone: %w: %.600s", err, d.errs.String())
	}
	line = strings.TrimSpace(line)
	if line == "ok" {
		return nil
	}
	kind, text, _ := strings.Cut(strings.TrimPrefix(line, "err "), " ")
	return &answer{kind, text}
}

// An answer is an error that a driver told.
type answer struct{ kind, text string }

func (a *answer) Error() string { return a.kind + ": " + a.text }

// kindOf returns the kind of a driver's answer; "gone" if it did not answer.
func kindOf(err error) string {
	var a *answer
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &a):
		return a.kind
	}
	return "gone"
}

// end closes the store, or kills the process, and waits for its end.
func (d *driver) end(kill bool) error {
	defer d.guard.Stop()
	var err error
	if kill {
		d.cmd.Process.Kill()
	} else {
		err = d.do("close")
	}
	d.in.Close()
	if waited := d.cmd.Wait(); err == nil && !kill {
		err = waited
	}
	return err
}

// Child is the process of a driver.
func Child(ctx context.Context, _ []string) error {
	var h hands
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		err := h.obey(ctx, strings.Fields(in.Text()))
		if err == nil {
			fmt.Println("ok")
			continue
		}
		fmt.Printf("err %s %s\n", kindOfError(err), strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return errors.Join(in.Err(), h.close())
}

func kindOfError(err error) string {
	switch {
	case errors.Is(err, xaeroflux.ErrInUse):
		return "use"
	case durable.TroubleOf(err) != durable.NoTrouble:
		return "trouble"
	case errors.Is(err, xaeroflux.ErrCorrupt):
		return "damage"
	case errors.Is(err, xaeroflux.ErrReadOnly):
		return "readonly"
	}
	return "other"
}

// hands are what a driver's process holds.
type hands struct {
	db     *xaeroflux.DB
	topics []*xaeroflux.Topic
}

func (h *hands) close() error {
	if h.db == nil {
		return nil
	}
	err := h.db.Close()
	h.db = nil
	return err
}

func (h *hands) obey(ctx context.Context, f []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var n [4]int
	for i := 1; i < len(f) && i <= len(n); i++ {
		fmt.Sscan(f[i], &n[i-1]) // a word that is no number is used as a word
	}
	switch f[0] {
	case "open":
		return h.open(f[1], f[2])
	case "topics":
		return h.found(ctx, n[0])
	case "say":
		return h.say(ctx, n[0], n[1], n[2], n[3])
	case "chdir":
		return os.Chdir(f[1])
	case "limit":
		return setLimit(f[1], uint64(n[1]))
	case "readonly":
		return h.db.ReadOnly()
	case "close":
		return h.close()
	}
	return fmt.Errorf("unknown command %q", f[0])
}

func (h *hands) open(dir, place string) (err error) {
	h.db, err = xaeroflux.Open(dir, newWorld().options(place))
	if err == nil {
		h.topics = h.db.Topics()
	}
	return err
}

func (h *hands) found(ctx context.Context, n int) error {
	for len(h.topics) < n {
		t, err := h.db.CreateTopic(ctx, "", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
		if err != nil {
			return err
		}
		h.topics = append(h.topics, t)
	}
	return nil
}

func (h *hands) say(ctx context.Context, topic, from, n, pad int) error {
	batch := make([]xaeroflux.Event, n)
	for i := range batch {
		batch[i] = xaeroflux.Event{Type: "said", Payload: []byte(text(topic, from+i, pad))}
	}
	_, err := h.topics[topic].AppendBatch(ctx, batch)
	return err
}

// text is what event seq of a driver's topic says.
func text(topic, seq, pad int) string { return fmt.Sprintf("%d %d %0*d", topic, seq, pad, 0) }
