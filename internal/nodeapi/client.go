// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// A Client is the Backend of a node in another process.
type Client struct {
	dir, path string // of the store, and of its socket
	http      *http.Client
	dial      func(ctx context.Context, network, addr string) (net.Conn, error)

	askAfter, askPeriod time.Duration // as the constants
}

var _ Backend = (*Client)(nil)

// Dial finds the node that serves the store in dir. The error is ErrNoNode
// if there is none, or only the socket of one that was killed.
func Dial(dir string) (*Client, error) { return dialAsking(dir, askAfter, askPeriod) }

func dialAsking(dir string, after, period time.Duration) (*Client, error) {
	path, err := find(dir)
	if err != nil {
		return nil, err
	}
	c := &Client{dir: dir, path: path, askAfter: after, askPeriod: period}
	c.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return c.connect(ctx) }
	c.http = &http.Client{Transport: &http.Transport{DialContext: c.dial, DisableCompression: true}}
	conn, err := c.connect(context.Background())
	switch {
	case err == nil:
		return c, conn.Close()
	case gone(err):
		return nil, ErrNoNode
	case errors.Is(err, ErrSilent):
		return nil, err
	}
	return nil, fmt.Errorf("node at %s: %w", path, err)
}

// gone reports whether nobody listens at a socket.
func gone(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// connect connects to the node. If as many callers wait as its socket takes, it
// waits for the node to take some in.
func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	began := time.Now()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.path)
		if !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		if time.Since(began) > c.askPeriod {
			return nil, c.silent(began, err)
		}
		select {
		case <-time.After(connectPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// connectPause is how long a caller lets a node take in others.
const connectPause = 20 * time.Millisecond

// Close lets go of the connection.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Info implements Backend.
func (c *Client) Info(ctx context.Context, topic string) (Info, error) {
	return single[Info](ctx, c, "info", request{Topic: topic})
}

// Heads implements Backend.
func (c *Client) Heads(ctx context.Context, topic string) ([]Head, error) {
	return single[[]Head](ctx, c, "heads", request{Topic: topic})
}

// Append implements Backend.
func (c *Client) Append(ctx context.Context, topic string, events []xaeroflux.Event) (xaeroflux.Receipt, error) {
	return single[xaeroflux.Receipt](ctx, c, "append", request{Topic: topic, Events: events})
}

// Note implements Backend.
func (c *Client) Note(ctx context.Context, topic, log string) ([]byte, error) {
	return single[[]byte](ctx, c, "note", request{Topic: topic, Log: log})
}

// Cosigned implements Backend.
func (c *Client) Cosigned(ctx context.Context, topic, log string, n int) ([]byte, error) {
	return single[[]byte](ctx, c, "cosigned", request{Topic: topic, Log: log, Count: n})
}

// Forks implements Backend.
func (c *Client) Forks(ctx context.Context) ([][]byte, error) {
	return single[[][]byte](ctx, c, "forks", request{})
}

// Followed implements Backend.
func (c *Client) Followed(ctx context.Context, topic string) (Followed, error) {
	return single[Followed](ctx, c, "follow", request{Topic: topic})
}

// Follow implements Backend.
func (c *Client) Follow(ctx context.Context, topic string, f Followed) error {
	_, err := single[Followed](ctx, c, "follow", request{Topic: topic, Followed: &f})
	return err
}

// Prove implements Backend.
func (c *Client) Prove(ctx context.Context, p Prove) ([]byte, error) {
	return single[[]byte](ctx, c, "prove", request{Prove: &p})
}

// Topics implements Backend.
func (c *Client) Topics(ctx context.Context, change TopicChange) ([]TopicInfo, error) {
	return single[[]TopicInfo](ctx, c, "topics", request{Change: change})
}

// Invite implements Backend.
func (c *Client) Invite(ctx context.Context, topic string, o Inviting) (string, error) {
	return single[string](ctx, c, "invite", request{Topic: topic, Inviting: o})
}

// Members implements Backend.
func (c *Client) Members(ctx context.Context, topic string, change MemberChange) ([]xaeroflux.Member, error) {
	return single[[]xaeroflux.Member](ctx, c, "members", request{Topic: topic, Member: change})
}

// Roster implements Backend.
func (c *Client) Roster(ctx context.Context, topic string, change RosterChange) (xaeroflux.RosterStatus, error) {
	return single[xaeroflux.RosterStatus](ctx, c, "roster", request{Topic: topic, Roster: change})
}

// Succession implements Backend.
func (c *Client) Succession(ctx context.Context, topic string, s SuccessionChange) (Succession, error) {
	return single[Succession](ctx, c, "succession", request{Topic: topic, Succession: s})
}

// Link implements Backend.
func (c *Client) Link(ctx context.Context, o Linking) (string, error) {
	return single[string](ctx, c, "link", request{Linking: o})
}

// Devices implements Backend.
func (c *Client) Devices(ctx context.Context, change DeviceChange) ([]xaeroflux.Device, error) {
	return single[[]xaeroflux.Device](ctx, c, "devices", request{Device: change})
}

// RemoveEverywhere implements Backend.
func (c *Client) RemoveEverywhere(ctx context.Context, change DeviceChange) ([]xaeroflux.DeviceRemoval, error) {
	return single[[]xaeroflux.DeviceRemoval](ctx, c, "remove-everywhere", request{Device: change})
}

// Invites implements Backend.
func (c *Client) Invites(ctx context.Context, topic string, change InviteChange) ([]xaeroflux.OpenInvite, error) {
	return single[[]xaeroflux.OpenInvite](ctx, c, "invites", request{Topic: topic, Invites: change})
}

// Asks implements Backend.
func (c *Client) Asks(ctx context.Context, topic string) ([]xaeroflux.Ask, error) {
	return single[[]xaeroflux.Ask](ctx, c, "asks", request{Topic: topic})
}

// Join implements Backend.
func (c *Client) Join(ctx context.Context, invite, words string) (Info, error) {
	return single[Info](ctx, c, "join", request{Invite: invite, Words: words})
}

// Sync implements Backend.
func (c *Client) Sync(ctx context.Context, peer string) (xaeroflux.SyncReport, error) {
	return single[xaeroflux.SyncReport](ctx, c, "sync", request{Peer: peer})
}

// Fetch implements Backend.
func (c *Client) Fetch(ctx context.Context, topic, log string, f xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
	return single[xaeroflux.FetchReport](ctx, c, "fetch", request{Topic: topic, Log: log, Fetch: f})
}

// Gaps implements Backend.
func (c *Client) Gaps(ctx context.Context, topic, log string) ([]Gaps, error) {
	return single[[]Gaps](ctx, c, "gaps", request{Topic: topic, Log: log})
}

// NetworkChanged implements Backend.
func (c *Client) NetworkChanged(ctx context.Context) error {
	_, err := single[bool](ctx, c, "network-changed", request{})
	return err
}

// Status implements Backend.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return single[Status](ctx, c, "status", request{})
}

// Events implements Backend.
func (c *Client) Events(ctx context.Context, q Query, yield func(*Record) error) error {
	err := stream(ctx, c, "events", request{Query: &q}, yield)
	if q.Follow && ctx.Err() != nil {
		return nil // as agreed
	}
	return err
}

// Check implements Backend.
func (c *Client) Check(ctx context.Context, progress func(done, total int64)) (xaeroflux.CheckReport, error) {
	return steps[xaeroflux.CheckReport](ctx, c, "check", request{}, progress)
}

// Backup implements Backend.
func (c *Client) Backup(ctx context.Context, dir string, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error) {
	return steps[xaeroflux.BackupReport](ctx, c, "backup", request{Dir: dir, Backup: o}, o.Progress)
}

var errCutOff = &Error{Kind: Closed, Text: "the node went away in the middle of its answer"}

// single makes a call that answers once.
func single[T any](ctx context.Context, c *Client, name string, r request) (T, error) {
	var answer *T
	err := stream(ctx, c, name, r, func(v *T) error {
		answer = v
		return nil
	})
	if err == nil && answer == nil {
		err = errCutOff
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return *answer, nil
}

// stream makes a call and yields the items of its answer as they come.
func stream[T any](ctx context.Context, c *Client, name string, r request, yield func(*T) error) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, w := c.watched(ctx)
	defer w.end() // ends the call at the node too when yield wants no more
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/v1/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return away(ctx, err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "application/x-ndjson" {
		return &Error{Kind: Failure, Text: fmt.Sprintf("the node does not know %q: it is of another version", name)}
	}
	dec := json.NewDecoder(bufio.NewReaderSize(&watchedReader{resp.Body, w}, 64<<10))
	for {
		var l line[T]
		if err := dec.Decode(&l); err != nil {
			return away(ctx, err)
		}
		switch {
		case l.Error != nil:
			return l.Error
		case l.Done:
			io.Copy(io.Discard, resp.Body) // so that the connection is used again
			return nil
		case l.Item != nil:
			if err := yield(l.Item); err != nil {
				return err
			}
		}
	}
}

// An UnansweredError is the end of a call that the node did not finish: what it was
// to do may be done. Err is a *SilentError, the error of the context, or of kind
// Closed.
type UnansweredError struct{ Err error }

func (e *UnansweredError) Error() string { return e.Err.Error() }

// Unwrap returns why there is no answer.
func (e *UnansweredError) Unwrap() error { return e.Err }

// away is the error of a call that the node did not finish.
func away(ctx context.Context, err error) error {
	var op *net.OpError
	switch silent := context.Cause(ctx); {
	case errors.Is(silent, ErrSilent):
		return &UnansweredError{silent}
	case ctx.Err() != nil:
		return &UnansweredError{ctx.Err()}
	case errors.As(err, &op) && op.Op == "dial":
		return &Error{Kind: Closed, Text: fmt.Sprintf("the node has gone (%v)", op.Err)}
	}
	return &UnansweredError{&Error{Kind: Closed, Text: fmt.Sprintf("%s (%v)", errCutOff.Text, err)}}
}
