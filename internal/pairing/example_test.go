// SPDX-License-Identifier: MPL-2.0

package pairing_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/pairing"
)

// pair drives a session over a carrier's stream: it hands over what, and returns
// what the other device did. The responder waits for the initiator's payload first.
func pair(stream io.ReadWriter, u pairing.Setup, what string) (got string, err error) {
	s, send, err := pairing.Begin(u)
	for sealed := false; err == nil; {
		ours := s.State() == pairing.Received || s.State() == pairing.Confirmed && u.Role == pairing.Initiator
		if ours && !sealed {
			sealed = true
			var m []byte
			m, err = s.Seal([]byte(what))
			send = append(send, m...)
		}
		if len(send) > 0 && err == nil {
			_, err = stream.Write(send)
		}
		if err != nil || s.State() == pairing.Received {
			return got, err
		}
		var r pairing.Result
		r, err = next(stream, s)
		send, got = r.Send, string(r.Payload)
	}
	if len(send) > 0 {
		stream.Write(send) // a refusal: the session has failed, whatever comes of this
	}
	return "", err
}

// next reads the peer's next message and hands it to the session.
func next(stream io.Reader, s *pairing.Session) (pairing.Result, error) {
	message := make([]byte, pairing.HeaderBytes)
	if _, err := io.ReadFull(stream, message); err != nil {
		return pairing.Result{}, err
	}
	n, err := s.Body(message)
	if err != nil {
		return pairing.Result{}, err
	}
	message = append(message, make([]byte, n)...)
	if _, err := io.ReadFull(stream, message[pairing.HeaderBytes:]); err != nil {
		return pairing.Result{}, err
	}
	return s.Step(message)
}

// A laptop shows a code, a person types it on the phone, and the laptop hands
// over an invite.
func Example() {
	var onLaptop, onPhone pairing.Codes
	shown, err := onLaptop.Show(rand.Reader, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	typed, _ := pairing.ParseCode(shown.String())
	if err := onPhone.Enter(typed, time.Now()); err != nil {
		fmt.Println(err)
		return
	}

	// Both from the connection, which has proven them.
	binding, laptop, phone := [pairing.BindingBytes]byte{1}, identity.PeerID{2}, identity.PeerID{3}
	phoneEnd, laptopEnd := net.Pipe()
	end := func(stream net.Conn, codes *pairing.Codes, u pairing.Setup, what string) (string, error) {
		defer stream.Close()
		code, err := codes.Take(time.Now()) // the one guess
		if err != nil {
			return "", err
		}
		u.Code, u.Binding, u.Rand = code, binding, rand.Reader
		return pair(stream, u, what)
	}
	done := make(chan string)
	go func() {
		got, err := end(phoneEnd, &onPhone, pairing.Setup{Role: pairing.Initiator, Self: phone, Peer: laptop}, "may I?")
		done <- fmt.Sprintln("phone: ", got, err)
	}()
	got, err := end(laptopEnd, &onLaptop, pairing.Setup{Role: pairing.Responder, Self: laptop, Peer: phone}, "xf2…")
	fmt.Println("laptop:", got, err)
	fmt.Print(<-done)
	// Output:
	// laptop: may I? <nil>
	// phone:  xf2… <nil>
}
