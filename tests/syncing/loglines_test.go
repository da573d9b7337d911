// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// logged is where a logger writes to.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lines returns the lines with a message.
func (l *logged) lines(msg string) (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, msg) {
			all = append(all, line)
		}
	}
	return all
}

// The log has one line when a peer is not reached, however often it is tried, one when it
// is connected, and one when that ends, with the reason.
func TestLogOfAPeer(t *testing.T) {
	dir := t.TempDir()
	b := storetest.Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Listen: "127.0.0.1:0"})
	at, invite := b.SyncStatus().Listening[0].Address, storetest.Invited(b)
	storetest.Must(t, b.Close())

	var log logged
	a := storetest.Open(t, t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	heard := a.SyncEvents(t.Context())
	storetest.Must(t, a.Connect(t.Context(), at.String()))
	tries := 0
	for e, err := range heard {
		storetest.Must(t, err)
		if e.Kind == xaeroflux.SyncUnreachable {
			tries++
		}
		if tries == 2 {
			break
		}
	}
	one := func(msg, want string) {
		t.Helper()
		if lines := log.lines(msg); len(lines) != 1 || !regexp.MustCompile("level=INFO .*"+want).MatchString(lines[0]) {
			t.Errorf("%s: %q, want one of %s", msg, lines, want)
		}
	}
	one("is not reached", ` address=`+regexp.QuoteMeta(at.String())+` error=`)
	b = storetest.Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Listen: at.Host})
	storetest.Await(t, func() bool { return len(log.lines("msg=connected")) > 0 })
	storetest.Must(t, b.Close())
	storetest.Await(t, func() bool { return len(log.lines("msg=disconnected")) > 0 })
	session := ` peer=` + at.Peer.Short() + ` carrier=(quic|tcp) address=127\.0\.0\.1:\d+`
	one("msg=connected", session)
	one("msg=disconnected", session+` after=\S+s why=".*clos`)
	storetest.Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Listen: at.Host})
	storetest.Await(t, func() bool { return len(log.lines("msg=connected")) > 1 })
	storetest.Must(t, a.Close())
	if lines := log.lines("msg=disconnected"); len(lines) != 2 || !strings.Contains(lines[1], `why="ended here: closing"`) {
		t.Errorf("after Close: %q", lines)
	}
	if all := log.lines("a session ended"); len(all) > 0 {
		t.Errorf("%q", all)
	}
}
