// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// A wait is a device that hands text over, and the codes that it shows.
type wait struct {
	at    string
	codes chan string
	done  chan error
}

func waitWithCode(t *testing.T, ctx context.Context, text string) *wait {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wait{at: l.Addr().String(), codes: make(chan string, 16), done: make(chan error, 1)}
	go func() { w.done <- xaeroflux.GiveByCode(ctx, l, text, func(code string) { w.codes <- code }) }()
	return w
}

func (w *wait) take(t *testing.T, code string) (string, error) {
	t.Helper()
	c, err := net.Dial("tcp", w.at)
	if err != nil {
		t.Fatal(err)
	}
	return xaeroflux.TakeByCode(t.Context(), c, code)
}

// otherThan returns a code that is not code.
func otherThan(code string) string {
	if code == "111 111" {
		return "222 222"
	}
	return "111 111"
}

func TestAnInviteGoesOverByCode(t *testing.T) {
	w := waitWithCode(t, t.Context(), "xf2secret")
	silent, err := net.Dial("tcp", w.at) // says nothing, and burns nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	first := <-w.codes
	if got, err := w.take(t, "no code"); !errors.Is(err, xaeroflux.ErrPairingCode) {
		t.Fatalf("text that is no code: %q, %v", got, err)
	}
	if got, err := w.take(t, otherThan(first)); !errors.Is(err, xaeroflux.ErrCodesDiffer) || got != "" {
		t.Fatalf("a wrong code: %q, %v", got, err)
	}
	second := <-w.codes
	if second == first {
		t.Fatalf("%s is shown again after it served", first)
	}
	if got, err := w.take(t, second); got != "xf2secret" || err != nil {
		t.Fatalf("the code: %q, %v", got, err)
	}
	silent.Close()
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
	if _, err := net.DialTimeout("tcp", w.at, time.Second); err == nil {
		t.Fatal("it still listens")
	}
}

func TestGuessingACodeEnds(t *testing.T) {
	w := waitWithCode(t, t.Context(), "xf2secret")
	for range xaeroflux.MaxPairings {
		if got, err := w.take(t, otherThan(<-w.codes)); !errors.Is(err, xaeroflux.ErrPairing) || got != "" {
			t.Fatalf("a wrong code: %q, %v", got, err)
		}
	}
	if err := <-w.done; !errors.Is(err, xaeroflux.ErrCodesDiffer) {
		t.Fatalf("it ended by %v", err)
	}
}

func TestAPairingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := waitWithCode(t, ctx, "xf2secret")
	<-w.codes
	c, err := net.Dial("tcp", w.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	if err := <-w.done; !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended by %v", err)
	}
}

// What is no pairing is refused in words, at either end, and hangs nobody.
func TestAPairingWithSomethingElse(t *testing.T) {
	here, there := net.Pipe()
	go io.Copy(io.Discard, there)
	go io.WriteString(there, "HTTP/1.1 400 Bad Request\r\n\r\n")
	defer there.Close()
	if got, err := xaeroflux.TakeByCode(t.Context(), here, "123 456"); !errors.Is(err, xaeroflux.ErrPairing) || got != "" {
		t.Fatalf("over something else: %q, %v", got, err)
	}
}
