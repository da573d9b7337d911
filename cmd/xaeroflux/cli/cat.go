// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) catCmd() *cobra.Command {
	var q nodeapi.Query
	var order string
	var who bool
	cmd := &cobra.Command{
		Use:   "cat",
		Short: "Print events",
		Long: `Prints the payloads of the topic's events, one a line, log after log, each log in
order. A terminal gets control characters as \x1b; "xaeroflux get" prints one
payload byte for byte. With --json, an object for each event: log, author, in a topic
that has members the account and name of the author's person, seq, time,
type, key and payload (base64), id and refs if it has them, leaf (base64 of the
RFC 6962 leaf data) and hash; if the type is not UTF-8, type_bytes (base64) has it
as it is. An event of a private topic whose key is not here is a line
"(sealed: no key here)", and has "sealed" with --json. Of the engine's own events, which --engine prints too, the payload is
shown as JSON of its fields behind the type, and is "decoded" with --json; keys
are in hex. With --follow, goes on with events as they come, until ctrl-C.

With --order settled, events come by time, and none before one that it refers to, the same on every
device that holds the same. An event that comes behind its place has "late" with --json.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 0 {
				return usage("--limit is %d, want 0 or more", q.Limit)
			}
			if order != "log" && order != "settled" {
				return usage("--order is %s, want log or settled", order)
			}
			if q.SettleAfter < 0 {
				return usage("--settle-after is %v, want 0 or more", q.SettleAfter)
			}
			q.Settled = order == "settled"
			q.Topic, q.Leaves, q.Names = a.topic, a.json, a.json || who
			return a.with(cmd.Context(), func(b backend) error { return a.cat(cmd.Context(), b, q) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Log, "log", "", `only this log: id, unique beginning of it, or "own" (default: all)`)
	f.Uint64Var(&q.From, "from", 0, "first sequence wanted, of each log")
	f.IntVar(&q.Limit, "limit", 0, "print so many events at most (default: all)")
	f.BoolVar(&q.Follow, "follow", false, "go on with new events as they come")
	f.BoolVar(&q.Ranges, "ranges", false, `what "xaeroflux fetch" brought beyond gaps too`)
	f.BoolVar(&who, "who", false, "print before each event who wrote it: the name as \"xaeroflux members\" shows it, or the beginning of the account's key, or in an open topic of the author's")
	f.StringVar(&order, "order", "log", "in which order logs come: log (one after another), or settled (by time, the same everywhere)")
	f.DurationVar(&q.SettleAfter, "settle-after", 2*time.Second, "with --follow --order settled: when an event is printed though other logs are silent; 0 never")
	f.BoolVar(&q.Engine, "engine", false, `the engine's own events too, whose types begin with "xf/"`)
	return cmd
}

func (a *app) cat(ctx context.Context, b backend, q nodeapi.Query) error {
	if q.Follow && !a.readOnly { // it may hold the store for long: let others in
		stop, err := serve(a.dir, b, func(text string) { a.say("%s", text) })
		if err != nil {
			return err
		}
		defer stop()
	}
	out := nodeapi.NewLazyWriter(a.out, nil)
	print := printPayload
	if q.Names {
		print = printWithAuthor
	}
	if a.json {
		enc := json.NewEncoder(out)
		print = func(_ io.Writer, r *nodeapi.Record) error { return enc.Encode(r) }
	}
	err := b.Events(ctx, q, func(r *nodeapi.Record) error { return print(out, r) })
	if end := out.Close(); err == nil {
		err = end
	}
	if q.Follow && kindOf(err) == nodeapi.Closed && !errors.As(err, new(*nodeapi.UnansweredError)) {
		a.say("%v", err)
		return nil // there is nothing left to follow
	}
	return err
}

var newline = []byte{'\n'}

func printPayload(w io.Writer, r *nodeapi.Record) error {
	if r.Sealed != "" {
		_, err := fmt.Fprintf(w, "(sealed: %s)\n", r.Sealed)
		return err
	}
	if r.Decoded != nil {
		_, err := fmt.Fprintf(w, "%s %s\n", r.Type, r.Decoded)
		return err
	}
	if _, err := w.Write(r.Payload); err != nil {
		return err
	}
	_, err := w.Write(newline)
	return err
}

func printWithAuthor(w io.Writer, r *nodeapi.Record) error {
	if _, err := fmt.Fprintf(w, "%s: ", authorOf(r)); err != nil {
		return err
	}
	return printPayload(w, r)
}

// authorOf says who wrote an event.
func authorOf(r *nodeapi.Record) string {
	switch {
	case r.Name != "":
		return r.Name
	case !r.Account.IsZero():
		return r.Account.Short()
	}
	return r.Author.Short()
}

// serve lets other commands work through this process if it has opened the
// store itself. The function it returns ends that; warn is told what no command is.
func serve(dir string, b backend, warn func(text string)) (stop func() error, err error) {
	l, ok := b.(*local)
	if !ok {
		return func() error { return nil }, nil
	}
	s, err := nodeapi.Serve(dir, b, l.told, warn)
	if err != nil {
		return nil, err
	}
	return s.Close, nil
}

// told is an error as it reaches a command that works through this process. A store
// that became read-only is so until it is opened again.
func (b *local) told(err error) *nodeapi.Error {
	why := b.db.ReadOnly()
	latched := why != nil && !errors.Is(why, durable.ErrOpenedReadOnly)
	writes := errors.Is(err, xaeroflux.ErrReadOnly) || durable.TroubleOf(err) != durable.NoTrouble
	return &nodeapi.Error{Kind: kindOf(err), Text: err.Error(), Restart: latched && writes}
}
