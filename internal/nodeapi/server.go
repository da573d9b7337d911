// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/durable"
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
	Topic  string            `json:"topic,omitempty"`
	Log    string            `json:"log,omitempty"`
	Count  int               `json:"count,omitempty"`
	Invite string            `json:"invite,omitempty"`
	Words  string            `json:"words,omitempty"`
	Peer   string            `json:"peer,omitempty"`
	Place  string            `json:"place,omitempty"`
	Dir    string            `json:"dir,omitempty"`
	Query  *Query            `json:"query,omitempty"`
	Events []xaeroflux.Event `json:"events,omitempty"`

	Followed *Followed               `json:"followed,omitempty"`
	Fetch    xaeroflux.Fetch         `json:"fetch,omitzero"`
	Backup   xaeroflux.BackupOptions `json:"backup,omitzero"`
	Prove    *Prove                  `json:"prove,omitempty"`
	Change   TopicChange             `json:"change,omitzero"`
	Inviting Inviting                `json:"inviting,omitzero"`
	Linking  Linking                 `json:"linking,omitzero"`
	Member   MemberChange            `json:"member,omitzero"`
	Roster   RosterChange            `json:"roster,omitzero"`
	Invites  InviteChange            `json:"invites,omitzero"`
	Device   DeviceChange            `json:"device,omitzero"`

	Succession SuccessionChange `json:"succession,omitzero"`
}

// A Server offers a Backend to the commands of the store's owner.
type Server struct {
	b        Backend
	classify func(error) *Error
	sock     *socket
	door     *door
	http     *http.Server
	cancel   context.CancelFunc
	most     bounds
	appends  chan struct{} // one per append under way
	follows  chan struct{} // one per call that follows
	ended    chan struct{}
	ctx      context.Context
	pipes    sync.WaitGroup // calls that took over their connection

	closeOnce sync.Once
	closeErr  error
}

// Serve serves b on the socket of the store in dir, whose lock the caller
// holds. Classify tells what b's errors are to a caller. Warn is told what a person should
// know and no caller is told.
func Serve(dir string, b Backend, classify func(error) *Error, warn func(text string)) (*Server, error) {
	return serveBounded(dir, b, classify, warn, bounds{body: maxBody, silence: headTimeout, callers: callersOf(durable.DescriptorLimit())})
}

// bounds of a server.
type bounds struct {
	body    int64         // bytes of a request
	silence time.Duration // of a caller within one
	callers int
}

func serveBounded(dir string, b Backend, classify func(error) *Error, warn func(string), most bounds) (*Server, error) {
	sock, err := listen(dir)
	if err != nil {
		return nil, fmt.Errorf("serve commands: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		b: b, classify: classify, sock: sock, door: newDoor(sock.UnixListener, most.callers, warn), cancel: cancel, most: most,
		appends: make(chan struct{}, maxAppends), follows: make(chan struct{}, max(most.callers*3/4, 1)), ended: make(chan struct{}), ctx: ctx,
	}
	s.http = &http.Server{
		Handler: s.orBusy(s.routes()), ReadHeaderTimeout: most.silence, ErrorLog: log.New(warner(warn), "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: markBusy,
	}
	go func() {
		defer close(s.ended)
		s.http.Serve(s.door) // ends with Close
	}()
	return s, nil
}

// A warner passes on what net/http has to say, such as that a handler panicked.
type warner func(text string)

// Write implements io.Writer.
func (w warner) Write(b []byte) (int, error) {
	w(strings.TrimSpace(string(b)))
	return len(b), nil
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
		s.closeErr = errors.Join(ignoreClosed(s.door.Close()), s.sock.Close())
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
	handle("topics", one(func(ctx context.Context, r *request) ([]TopicInfo, error) { return s.b.Topics(ctx, r.Change) }))
	handle("invite", one(func(ctx context.Context, r *request) (string, error) { return s.b.Invite(ctx, r.Topic, r.Inviting) }))
	handle("members", one(func(ctx context.Context, r *request) ([]xaeroflux.Member, error) {
		return s.b.Members(ctx, r.Topic, r.Member)
	}))
	handle("roster", one(func(ctx context.Context, r *request) (xaeroflux.RosterStatus, error) {
		return s.b.Roster(ctx, r.Topic, r.Roster)
	}))
	handle("succession", one(func(ctx context.Context, r *request) (Succession, error) {
		return s.b.Succession(ctx, r.Topic, r.Succession)
	}))
	handle("link", one(func(ctx context.Context, r *request) (string, error) { return s.b.Link(ctx, r.Linking) }))
	handle("devices", one(func(ctx context.Context, r *request) ([]xaeroflux.Device, error) { return s.b.Devices(ctx, r.Device) }))
	handle("remove-everywhere", one(func(ctx context.Context, r *request) ([]xaeroflux.DeviceRemoval, error) {
		return s.b.RemoveEverywhere(ctx, r.Device)
	}))
	handle("invites", one(func(ctx context.Context, r *request) ([]xaeroflux.OpenInvite, error) {
		return s.b.Invites(ctx, r.Topic, r.Invites)
	}))
	handle("asks", one(func(ctx context.Context, r *request) ([]xaeroflux.Ask, error) { return s.b.Asks(ctx, r.Topic) }))
	handle("join", one(func(ctx context.Context, r *request) (Info, error) { return s.b.Join(ctx, r.Invite, r.Words) }))
	handle("sync", one(func(ctx context.Context, r *request) (xaeroflux.SyncReport, error) { return s.b.Sync(ctx, r.Peer) }))
	handle("fetch", one(func(ctx context.Context, r *request) (xaeroflux.FetchReport, error) {
		return s.b.Fetch(ctx, r.Topic, r.Log, r.Fetch)
	}))
	handle("gaps", one(func(ctx context.Context, r *request) ([]Gaps, error) { return s.b.Gaps(ctx, r.Topic, r.Log) }))
	handle("network-changed", one(func(ctx context.Context, _ *request) (bool, error) { return true, s.b.NetworkChanged(ctx) }))
	handle("status", one(func(ctx context.Context, _ *request) (Status, error) { return s.b.Status(ctx) }))
	handle("events", s.events)
	handle("check", inSteps(func(ctx context.Context, _ *request, progress func(done, total int64)) (xaeroflux.CheckReport, error) {
		return s.b.Check(ctx, progress)
	}))
	handle("backup", inSteps(func(ctx context.Context, r *request, progress func(done, total int64)) (xaeroflux.BackupReport, error) {
		if r.Dir == "" {
			return xaeroflux.BackupReport{}, &Error{Kind: Usage, Text: "a request for a backup that does not say where"}
		}
		r.Backup.Progress = progress
		return s.b.Backup(ctx, r.Dir, r.Backup)
	}))
	pipe := func(name string, call func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error)) {
		m.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) { s.pipe(w, r, call) })
	}
	pipe("sync-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		return s.b.SyncOver(ctx, rw, r.Place)
	})
	pipe("serve-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		return xaeroflux.SyncReport{}, s.b.ServeOver(ctx, rw, r.Place)
	})
	pipe("backup-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		report, err := s.b.BackupOver(ctx, rw, r.Backup)
		report.Logs = nil // its answer has to be short
		return report, err
	})
	pipe("fetch-over", func(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
		return s.b.FetchOver(ctx, rw, r.Place, r.Topic, r.Log, r.Fetch)
	})
	append := one(func(ctx context.Context, r *request) (xaeroflux.Receipt, error) {
		return s.b.Append(ctx, r.Topic, r.Events)
	})
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
		if list := reflect.ValueOf(&v).Elem(); list.Kind() == reflect.Slice && list.IsNil() {
			list.Set(reflect.MakeSlice(list.Type(), 0, 0)) // null would be no answer
		}
		return send(v)
	}
}

func (s *Server) events(ctx context.Context, r *request, send func(any) error) error {
	if r.Query == nil {
		return &Error{Kind: Usage, Text: "a request for events without a query"}
	}
	if r.Query.Follow { // for long: it leaves room for others
		select {
		case s.follows <- struct{}{}:
			defer func() { <-s.follows }()
		default:
			return &Error{Kind: Busy, Text: fmt.Sprintf("the node is busy: %d commands follow its events, as many as it takes", cap(s.follows))}
		}
	}
	return s.b.Events(ctx, *r.Query, func(rec *Record) error { return send(rec) })
}

// readRequest reads a request, from a caller that is not silent for long: one that
// is stopped would keep a place of an append.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request, most int64, to *request) error {
	conn := http.NewResponseController(w)
	body := &impatientReader{http.MaxBytesReader(w, r.Body, most), conn, s.most.silence}
	err := json.NewDecoder(body).Decode(to)
	if err != nil {
		return err // the deadline stays: net/http reads what is left before it answers
	}
	io.Copy(io.Discard, body) // only past its end does net/http notice that a client went away
	return conn.SetReadDeadline(time.Time{})
}

// An impatientReader reads a body, of a caller that is not silent for longer than
// it may.
type impatientReader struct {
	io.Reader
	conn    *http.ResponseController
	silence time.Duration
}

// Read implements io.Reader.
func (r *impatientReader) Read(p []byte) (int, error) {
	r.conn.SetReadDeadline(time.Now().Add(r.silence))
	return r.Reader.Read(p)
}

// serve reads the request, runs the call, and ends the stream with a line that
// says how it went.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, call func(context.Context, *request, func(any) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := NewLazyWriter(w, http.NewResponseController(w).Flush)
	defer out.Close()
	enc, started := json.NewEncoder(out), false
	var req request
	err := s.readRequest(w, r, s.most.body, &req)
	if err != nil {
		err = &Error{Kind: Usage, Text: "malformed request: " + err.Error()}
	} else {
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
	return s.classify(err)
}
