// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ErrLog is what every *LogError is.
var ErrLog = errors.New("the log takes nothing more")

// A LogError says why one log takes nothing more while the store goes on: its
// files are lost, damaged, or may not be written. Acknowledged events are in the
// AOF. Opening the store again tries anew.
type LogError struct {
	Log digest.Hash
	Err error
}

func (e *LogError) Error() string {
	return fmt.Sprintf("log %s takes nothing more, all others do: %v; close the store and check it", e.Log.Short(), e.Err)
}

// Is makes the error an ErrLog, and one that leaves a log alone in a sync.
func (e *LogError) Is(target error) bool { return target == ErrLog || target == syncer.ErrUnwanted }

// Unwrap returns what is wrong with the files.
func (e *LogError) Unwrap() error { return e.Err }

// ofDisk reports whether a failed write of one log's files means the disk, which
// all logs share. A file or directory that is gone, was replaced, or has another
// mode means that log.
func ofDisk(err error) bool {
	if changed := (*durable.ChangedError)(nil); errors.As(err, &changed) {
		return changed.Shared
	}
	t := durable.TroubleOf(err)
	return t == durable.Full || t == durable.Failing
}

// mark refuses a log from now on whose files cannot be written. Committed events
// of a log of ours count all the same, so they are acknowledged.
func (p *Pipeline) mark(log digest.Hash, err error) {
	if changed := p.st.Unchanged(); changed != nil { // and with it the log's files
		p.Break(changed)
		return
	}
	why := &LogError{log, err}
	p.log.Error("a log takes nothing more", slog.String("log", log.String()), slog.Any("error", err))
	p.refuse(log, why)
	to, err := p.st.Committed(log)
	if err == nil {
		err = p.publish(to, nil)
	}
	if err != nil {
		p.log.Error("what is committed of it is not counted", slog.String("log", log.String()), slog.Any("error", err))
	}
	p.published(log)
	p.acks.failLog(log, why)
}

// notSynced takes note of files of a log that could not be synced.
func (p *Pipeline) notSynced(log digest.Hash, err error) {
	class := supervisor.ClassOf(err)
	if ofDisk(err) || class != supervisor.IO && class != supervisor.Corruption {
		p.Break(err)
		return
	}
	p.mark(log, err)
}

// marked returns why a log takes nothing more from peers either, or nil.
func (in *ingress) marked(log digest.Hash) error {
	var why *LogError
	if errors.As(in.refused[log].err, &why) {
		return why
	}
	return nil
}
