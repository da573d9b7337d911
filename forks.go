// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "github.com/xaeroflux/xaeroflux/proof"

// A Fork is two heads of one log that its author signed and that cannot both
// be true, with what proves that to anybody. Its Encode is a file that
// `xaeroflux verify` checks.
type Fork = proof.Fork

// MaxFork is the length in bytes of the longest fork file.
const MaxFork = proof.MaxFork

// ParseFork decodes a fork file, and verifies it.
func ParseFork(text []byte) (Fork, error) {
	f, err := proof.ParseFork(text)
	if err != nil {
		return Fork{}, err
	}
	return f, f.Verify()
}

// Forks returns the forks this store knows of, in all topics, ordered by log.
// The log of each is frozen; everything else goes on. They are kept for good.
func (db *DB) Forks() ([]Fork, error) {
	if err := db.usable(); err != nil {
		return nil, err
	}
	return db.st.Forks()
}

// Frozen returns the fork that the log is frozen by, if there is one. What was
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
	return f, err == nil
}
