// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// changing are the commands that are nothing without changing a store. Others find
// out by its answer.
var changing = []string{"init", "run", "join", "repair", "adopt", "demo"}

// mayChange refuses --read-only for a command that changes the store.
func (a *app) mayChange(cmd *cobra.Command) error {
	if a.readOnly && slices.Contains(changing, cmd.Name()) {
		return hint(usage("--read-only: %s changes the store", cmd.Name()), "%s without --read-only", cmd.CommandPath())
	}
	return nil
}

// A readBackend is a node's backend for a command that was told to change nothing.
type readBackend struct{ backend }

var errReads = fmt.Errorf("%w: the command was told --read-only", xaeroflux.ErrReadOnly)

func (readBackend) Append(context.Context, string, []nodeapi.Event) (nodeapi.Receipt, error) {
	return nodeapi.Receipt{}, errReads
}

func (readBackend) Follow(context.Context, string, nodeapi.Followed) error { return errReads }

func (readBackend) Join(context.Context, string) (nodeapi.Info, error) {
	return nodeapi.Info{}, errReads
}

func (readBackend) Sync(context.Context, string) (nodeapi.SyncReport, error) {
	return nodeapi.SyncReport{}, errReads
}

func (readBackend) Fetch(context.Context, nodeapi.Fetch) (nodeapi.FetchReport, error) {
	return nodeapi.FetchReport{}, errReads
}

func (readBackend) FetchOver(_ context.Context, rw io.ReadWriteCloser, _ string, _ nodeapi.Fetch) (nodeapi.FetchReport, error) {
	return nodeapi.FetchReport{}, errors.Join(errReads, rw.Close())
}

func (readBackend) SyncOver(_ context.Context, rw io.ReadWriteCloser, _ string) (nodeapi.SyncReport, error) {
	return nodeapi.SyncReport{}, errors.Join(errReads, rw.Close())
}

func (readBackend) ServeOver(_ context.Context, rw io.ReadWriteCloser, _ string) error {
	return errors.Join(errReads, rw.Close())
}
