// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// An Answer is what a peer says to one request on a transfer stream.
type Answer struct {
	peer identity.PeerID
	in   *bufio.Reader
}

// NewAnswer reads the answer of a peer.
func NewAnswer(peer identity.PeerID, r io.Reader) *Answer {
	return &Answer{peer: peer, in: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next message. The error is io.EOF after the last, a *PeerError
// if the peer says why there is none, and a *Violation if there may be no such
// message.
func (a *Answer) Next() (messages.Message, error) {
	body, err := messages.ReadFrame(a.in, messages.MaxEventsFrame, nil)
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, Violated(err)
	}
	m, err := messages.Decode(body)
	if err != nil {
		return nil, Violated(err)
	}
	if e, ok := m.(*messages.Error); ok {
		return nil, a.Said(e.Code, e.Text)
	}
	return m, nil
}

// Said is the error of an answer in which the peer gives a reason.
func (a *Answer) Said(code messages.Code, text string) error {
	return &PeerError{Peer: a.peer, Code: code, Text: text, Remote: true}
}

// Raw returns n bytes that follow a message, in buf if they have room there.
func (a *Answer) Raw(n int, buf []byte) ([]byte, error) {
	b, err := messages.ReadRaw(a.in, n, buf)
	return b, Violated(err)
}

// Unexpected is what a message is that belongs to no transfer.
func Unexpected(m messages.Message) error {
	return violation(messages.CodeUnexpectedMessage, "%s in a transfer", m.Type())
}

// A PeerError says why a peer was dropped, or why it dropped us.
type PeerError struct {
	Peer   identity.PeerID
	Code   messages.Code
	Text   string
	Remote bool // the peer says so
}

// ErrNoLog is wrapped by the PeerError of a peer that says that it does not have a log.
var ErrNoLog = errors.New("the peer does not have the log")

// Unwrap returns ErrNoLog if the peer says so.
func (e *PeerError) Unwrap() error {
	if e.Remote && e.Code == messages.CodeUnknownLog {
		return ErrNoLog
	}
	return nil
}

func (e *PeerError) Error() string {
	who := "peer " + e.Peer.Short()
	if e.Remote {
		who += " says"
	}
	switch {
	case e.Text == "", e.Text == e.Code.String():
		return fmt.Sprintf("%s: %s", who, e.Code)
	case e.Remote: // its words, and so quoted
		return fmt.Sprintf("%s: %s: %q", who, e.Code, e.Text)
	}
	return fmt.Sprintf("%s: %s: %s", who, e.Code, e.Text)
}

// Violated tells what a peer may not send from a stream that failed.
func Violated(err error) error {
	var d *messages.DecodeError
	switch {
	case errors.Is(err, messages.ErrTooLong):
		return &Violation{Code: messages.CodeTooLong, Text: err.Error()}
	case errors.Is(err, messages.ErrUnknownType):
		return &Violation{Code: messages.CodeUnknownType, Text: err.Error()}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Violation{Code: messages.CodeMalformed, Text: "the stream ends inside of a message"}
	case errors.As(err, &d):
		return &Violation{Code: messages.CodeMalformed, Text: err.Error()}
	}
	return err
}
