// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "github.com/xaeroflux/xaeroflux/proof"

// A Fork is two heads of one log that its author signed and that cannot both be true.
// The log is frozen; everything else goes on.
type Fork struct {
	Log      LogID
	Author   AuthorKey
	Old, New Head
	Text     []byte // a fork file, which proves it to anybody: proof.ParseFork reads it
}

func forkOf(f proof.Fork) Fork {
	return Fork{Log: LogID(f.Log()), Author: AuthorKey(f.Author), Old: headOf(f.Old, f.Author), New: headOf(f.New, f.Author), Text: f.Encode()}
}

// Forks returns the forks this store knows of, in all topics, ordered by log. They are
// kept for good.
func (db *DB) Forks() (_ []Fork, err error) {
	defer db.out(&err)
	if err := db.usable(); err != nil {
		return nil, err
	}
	inner, err := db.st.Forks()
	var all []Fork
	for _, f := range inner {
		all = append(all, forkOf(f))
	}
	return all, err
}

// Frozen returns the fork that the log is frozen by, if there is one. Events
// held of the log when it became known can be read; nothing is added.
func (l *Log) Frozen() (Fork, bool) {
	if l.l == nil {
		return Fork{}, false
	}
	text := l.db.st.Fork(l.l.ID)
	if text == nil {
		return Fork{}, false
	}
	f, err := proof.ParseFork(text)
	if err != nil {
		return Fork{}, false
	}
	return forkOf(f), true
}
