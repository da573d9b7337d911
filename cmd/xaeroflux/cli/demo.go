// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

func (a *app) demoCmd() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo [FILE]",
		Short: "See it at work: two nodes append, sync, prove and verify",
		Long: `Runs two nodes on this machine, each with a store of its own in a temporary
directory: one appends the lines of FILE (default: the text of the MPL-2.0), the
other gets them over QUIC and verifies them. Prints each step with its figures.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.demo(cmd.Context(), args, keep)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the two stores afterwards, to look at")
	return cmd
}

// A demo is two nodes and what is known of them so far.
type demo struct {
	out      io.Writer // the story; discarded with --json
	dir      string
	ada, ben *xaeroflux.DB
	addr     xaeroflux.Address // Ada's
	steps    int
	sum      demoSummary
}

// demoSummary is the demo's figures, as --json prints them.
type demoSummary struct {
	Input          string  `json:"input"`
	Events         uint64  `json:"events"`
	Bytes          uint64  `json:"bytes"`
	AppendSeconds  float64 `json:"append_seconds"`
	SyncSeconds    float64 `json:"sync_seconds"`
	SyncBytes      uint64  `json:"sync_bytes"`
	SyncRoundTrips uint64  `json:"sync_round_trips"`
	Root           string  `json:"root"`
	SameHeads      bool    `json:"same_heads"`
	ProofBytes     int     `json:"proof_bytes"`
	Verified       bool    `json:"verified"`
	ForgeryRefused bool    `json:"forgery_refused"`
	LiveSeconds    float64 `json:"live_seconds"`
	Clean          bool    `json:"clean"`
	Dir            string  `json:"dir,omitempty"` // where the stores are kept
}

func (a *app) demo(ctx context.Context, args []string, keep bool) (err error) {
	in, err := openDemoInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	dir, err := os.MkdirTemp("", "xaeroflux-demo-")
	if err != nil {
		return err
	}
	d := &demo{out: a.out, dir: dir}
	if a.json {
		d.out = io.Discard
	}
	d.sum.Input = in.name
	err = d.tell(ctx, a, in)
	err = errors.Join(err, d.close())
	if keep {
		d.sum.Dir = dir
		d.say("\nKept: xaeroflux head --dir %s   (and .../ben)", quoted(filepath.Join(dir, "ada")))
	} else {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil || !a.json {
		return err
	}
	return a.print(d.sum, nil)
}

// tell goes through the steps.
func (d *demo) tell(ctx context.Context, a *app, in *demoInput) error {
	d.say("Two nodes on this machine, Ada's and Ben's, each with a store of its own in\n%s", d.dir)
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return d.adaAppends(ctx, a, in) },
		d.benJoins, d.benSyncs, d.compareHeads, d.adaProves, d.benAppendsLive, d.checkBoth,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) close() error {
	var errs []error
	for _, db := range []*xaeroflux.DB{d.ben, d.ada} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// step begins a step.
func (d *demo) step(format string, args ...any) {
	d.steps++
	d.say("\n%d. "+format, append([]any{d.steps}, args...)...)
}

// fact adds a line to a step.
func (d *demo) fact(format string, args ...any) { d.say("   "+format, args...) }

func ms(t time.Duration) string {
	switch {
	case t < time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(t)/1e6)
	case t < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(t)/1e6)
	case t < 10*time.Second:
		return fmt.Sprintf("%d ms", t.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", t.Seconds())
}

// count writes a number with its thousands apart.
func count(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func perSecond(n uint64, t time.Duration) string {
	return count(uint64(float64(n)/max(t.Seconds(), 1e-9))) + " events/s"
}
