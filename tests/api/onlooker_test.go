// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bytes"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A tap is an end of a pipe of which somebody on the way keeps all that goes by.
type tap struct {
	net.Conn
	seen *seen
}

type seen struct {
	mu  sync.Mutex // guards all
	all bytes.Buffer
}

func (c tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	c.seen.all.Write(b[:n])
	return n, err
}

// TestOnlookerReadsNothing: whoever carries the bytes between two members sees no event,
// and no key or id of the topic or of its members.
func TestOnlookerReadsNothing(t *testing.T) {
	h := newHost(t, xaeroflux.PlainTopic)
	h.append("a present for Ben")
	db := Open(t, filepath.Join(t.TempDir(), "guest"), &xaeroflux.Options{Invite: h.invite(xaeroflux.RoleWriter)})
	onlooker := &seen{}
	here, there := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- h.db.ServeOver(ctx, tap{there, onlooker}, "there") }()
	_, err := db.SyncOver(ctx, tap{here, onlooker}, "here")
	Must(t, err)
	<-served
	if got := texts(t, TopicOf(t, db)); !got["private-type:a present for Ben"] {
		t.Errorf("the guest reads %v", got)
	}
	onlooker.mu.Lock()
	defer onlooker.mu.Unlock()
	carried := onlooker.all.Bytes()
	topic, one, other := h.topic.ID(), h.db.PeerID(), db.PeerID()
	author := h.topic.Log().Author()
	for what, b := range map[string][]byte{
		"the payload": []byte("a present for Ben"), "the type": []byte("private-type"), "the topic's id": topic[:],
		"a peer id": one[:], "the other peer id": other[:], "an author": author[:],
	} {
		if bytes.Contains(carried, b) {
			t.Errorf("%s goes by in the clear", what)
		}
	}
	if len(carried) < 1000 {
		t.Errorf("%d bytes went by", len(carried))
	}
}
