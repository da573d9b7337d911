// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of a server.
const (
	maxBody     = 64 << 20 // a batch of the largest event, in base64
	maxAppends  = 4        // bodies of appends in memory at once
	headTimeout = 10 * time.Second
	closeGrace  = 3 * time.Second // for answers under way
)

// A request is the body of every call; a call reads the fields it needs.
type request struct {
	Topic  string  `json:"topic,omitempty"`
	Log    string  `json:"log,omitempty"`
	Count  int     `json:"count,omitempty"`
	Invite string  `json:"invite,omitempty"`
	Peer   string  `json:"peer,omitempty"`
	Place  string  `json:"place,omitempty"`
	Query  *Query  `json:"query,omitempty"`
	Events []Event `json:"events,omitempty"`

	Followed *Followed `json:"followed,omitempty"`
	Fetch    *Fetch    `json:"fetch,omitempty"`
	Backup   *Backup   `json:"backup,omitempty"`
	Prove    *Prove    `json:"prove,omitempty"`
}

// A checkStep is what Check streams: progress, and at last the report.
type checkStep struct {
	Done   int64        `json:"done,omitempty"`
	Total  int64        `json:"total,omitempty"`
	Report *CheckReport `json:"report,omitempty"`
}

// A Server offers a Backend to the commands of the store's owner.
type Server struct {
	b        Backend
	classify func(error) Kind
	sock     *socket
	http     *http.Server
	cancel   context.CancelFunc
	maxBody  int64
	appends  chan struct{} // one per append under way
	ended    chan struct{}
	ctx      context.Context
	pipes    sync.WaitGroup // calls that took over their connection

	closeOnce sync.Once
	closeErr  error
}

// Serve serves b on the socket of the store in dir, whose lock the caller
// holds. Classify tells the kind of b's errors.
func Serve(dir string, b Backend, classify func(error) Kind) (*Server, error) {
	return serveBodies(dir, b, classify, maxBody)
}

func serveBodies(dir string, b Backend, classify func(error) Kind, maxBody int64) (*Server, error) {
	sock, err := listen(dir)
	if err != nil {
		return nil, fmt.Errorf("serve commands: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		b: b, classify: classify, sock: sock, cancel: cancel, maxBody: maxBody,
		appends: make(chan struct{}, maxAppends), ended: make(chan struct{}), ctx: ctx,
	}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: headTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() {
		defer close(s.ended)
		s.http.Serve(sock) // ends with Close
	}()
	return s, nil
}

// Close ends streams, waits a moment for other calls under way, and removes
// the socket.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			s.http.Close()
		}
		s.pipes.Wait()
		<-s.ended
		s.closeErr = s.sock.Close()
	})
	return s.closeErr
}

func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	handle := func(name string, call func(ctx context.Context, r *request, send func(any) error) error) {
		m.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, call) })
	}
	handle("alive", func(context.Context, *request, func(any) error) error { return nil })
	handle("info", one(func(ctx context.Context, r *request) (Info, error) { return s.b.Info(ctx, r.Topic) }))
	handle("heads", one(func(ctx context.Context, r *request) ([]Head, error) { return s.b.Heads(ctx, r.Topic) }))
	handle("note", one(func(ctx context.Context, r *request) ([]byte, error) { return s.b.Note(ctx, r.Topic, r.Log) }))
	handle("cosigned", one(func(ctx context.Context, r *request) ([]byte, error) {
		return s.b.Cosigned(ctx, r.Topic, r.Log, r.Count)
	}))
	handle("forks", one(func(ctx context.Context, _ *request) ([][]byte, error) { return s.b.Forks(ctx) }))
	handle("follow", one(func(ctx context.Context, r *request) (Followed, error) {
		if r.Followed != nil {
			if err := s.b.Follow(ctx, r.Topic, *r.Followed); err != nil {
				return Followed{}, err
			}
		}
		return s.b.Followed(ctx, r.Topic)
	}))
	handle("prove", one(func(ctx context.Context, r *request) ([]byte, error) {
		if r.Prove == nil {
			return nil, &Error{Kind: Usage, Text: "a request for a proof that does not say of what"}
		}
		return s.b.Prove(ctx, *r.Prove)
	}))
	handle("join", one(func(ctx context.Context, r *request) (Info, error) { return s.b.Join(ctx, r.Invite) }))
	handle("sync", one(func(ctx context.Context, r *request) (SyncReport, error) { return s.b.Sync(ctx, r.Peer) }))
	handle("fetch", one(func(ctx context.Context, r *request) (FetchReport, error) {
		if r.Fetch == nil {
			return FetchReport{}, &Error{Kind: Usage, Text: "a request to fetch that does not say what"}
		}
		return s.b.Fetch(ctx, *r.Fetch)
	}))
	handle("gaps", one(func(ctx context.Context, r *request) ([]Gaps, error) { return s.b.Gaps(ctx, r.Topic, r.Log) }))
	handle("status", one(func(ctx context.Context, _ *request) (Status, error) { return s.b.Status(ctx) }))
	handle("events", s.events)
	handle("check", s.check)
	handle("backup", s.backup)
	pipe := func(name string, call func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error)) {
		m.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) { s.pipe(w, r, call) })
	}
	pipe("sync-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		return s.b.SyncOver(ctx, rw, r.Place)
	})
	pipe("serve-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		return SyncReport{}, s.b.ServeOver(ctx, rw, r.Place)
	})
	pipe("backup-over", s.backupOver)
	pipe("fetch-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		if r.Fetch == nil {
			return nil, &Error{Kind: Usage, Text: "a request to fetch that does not say what"}
		}
		return s.b.FetchOver(ctx, rw, r.Place, *r.Fetch)
	})
	append := one(func(ctx context.Context, r *request) (Receipt, error) { return s.b.Append(ctx, r.Topic, r.Events) })
	m.HandleFunc("POST /v1/append", func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.appends <- struct{}{}:
			defer func() { <-s.appends }()
			s.serve(w, r, append)
		case <-r.Context().Done():
		}
	})
	return m
}

// one makes a call of a method that answers once.
func one[T any](f func(context.Context, *request) (T, error)) func(context.Context, *request, func(any) error) error {
	return func(ctx context.Context, r *request, send func(any) error) error {
		v, err := f(ctx, r)
		if err != nil {
			return err
		}
		return send(v)
	}
}

func (s *Server) events(ctx context.Context, r *request, send func(any) error) error {
	if r.Query == nil {
		return &Error{Kind: Usage, Text: "a request for events without a query"}
	}
	return s.b.Events(ctx, *r.Query, func(rec *Record) error { return send(rec) })
}

func (s *Server) check(ctx context.Context, _ *request, send func(any) error) error {
	report, err := s.b.Check(ctx, nowAndThen(func(done, total int64) { send(checkStep{Done: done, Total: total}) }))
	if err != nil {
		return err
	}
	return send(checkStep{Report: &report})
}

// nowAndThen passes on a call when enough time went by since the last.
func nowAndThen(f func(done, total int64)) func(done, total int64) {
	var last time.Time
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) > 200*time.Millisecond {
			last = now
			f(done, total)
		}
	}
}

// serve reads the request, runs the call, and ends the stream with a line that
// says how it went.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, call func(context.Context, *request, func(any) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := NewLazyWriter(w, http.NewResponseController(w).Flush)
	defer out.Close()
	enc, started := json.NewEncoder(out), false
	var req request
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.maxBody)).Decode(&req)
	if err != nil {
		err = &Error{Kind: Usage, Text: "malformed request: " + err.Error()}
	} else {
		io.Copy(io.Discard, r.Body) // only past its end does net/http notice that a client went away
		err = call(r.Context(), &req, func(item any) error {
			started = true
			return enc.Encode(line[any]{Item: &item})
		})
	}
	if err == nil && req.Query != nil && req.Query.Follow && r.Context().Err() != nil {
		err = &Error{Kind: Closed, Text: "the node has stopped"} // or the client has, and reads no more
	}
	if err == nil {
		enc.Encode(line[any]{Done: true})
		return
	}
	e := s.toError(err)
	if !started {
		w.WriteHeader(e.Kind.status())
	}
	enc.Encode(line[any]{Error: e})
}

func (s *Server) toError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.Canceled) { // or the client has gone, and reads no more
		return &Error{Kind: Closed, Text: "the node is stopping: " + err.Error()}
	}
	return &Error{Kind: s.classify(err), Text: err.Error()}
}
