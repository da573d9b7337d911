// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// waitInUse is how long a command waits for a store that is in use by a
// process that serves no commands: another command that is about to end, or a
// node that is about to serve.
const waitInUse = 2 * time.Second

// noArgs refuses arguments of a command that has none, as cobra.NoArgs does; its
// error would call them unknown commands.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, not %q; a store is named by --dir %s", cmd.Name(), args[0], quoted(args[0]))
}

// A backend is a nodeapi.Backend that is closed after use.
type backend interface {
	nodeapi.Backend
	io.Closer
}

// reach works through the node on the store, if one is running, and
// otherwise alone.
func (a *app) reach(ctx context.Context, node func(*nodeapi.Client) error, alone func() error) error {
	deadline := time.Now().Add(waitInUse)
	for {
		c, err := nodeapi.Dial(a.dir)
		if err == nil {
			return node(c)
		}
		if !errors.Is(err, nodeapi.ErrNoNode) {
			return err
		}
		err = alone()
		if !errors.Is(err, xaeroflux.ErrInUse) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return errInterrupted
		}
	}
}

// open returns the running node's backend, or else opens the store.
func (a *app) open(ctx context.Context) (b backend, err error) {
	quota, err := a.quota()
	if err != nil {
		return nil, err
	}
	err = a.reach(ctx, func(c *nodeapi.Client) error {
		if len(a.quotas) > 0 {
			err := usage("--quota: a node is running on %s, and keeps to its own", a.dir)
			return errors.Join(hint(err, "xaeroflux run --quota, or this command when the node has stopped"), c.Close())
		}
		b = c
		return nil
	}, func() error {
		db, err := a.openStore(&xaeroflux.Options{MustExist: true, ReadOnly: a.readOnly, Quota: quota})
		b = &local{db: db}
		return err
	})
	return b, err
}

// openStore opens the store in this process, and says so if it found itself in
// another place.
func (a *app) openStore(o *xaeroflux.Options) (*xaeroflux.DB, error) {
	o.Passphrase = a.passphrase
	db, err := xaeroflux.Open(a.dir, o)
	if err != nil {
		return nil, err
	}
	if m := db.Moved(); m != nil && m.Now {
		a.say("%s", movedText(m))
	}
	return db, nil
}

// with opens the backend, calls f, and closes it.
func (a *app) with(ctx context.Context, f func(backend) error) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	err = f(b)
	return errors.Join(err, b.Close())
}
