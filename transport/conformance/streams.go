// SPDX-License-Identifier: MPL-2.0

package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// expect reads len(text) bytes and compares.
func (e *env) expect(s transport.Stream, text string) {
	e.t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(s, b); err != nil || string(b) != text {
		e.t.Fatalf("read %q, %v; want %q", b, err, text)
	}
}

// drain reads to the end and checks how much came.
func (e *env) drain(s transport.Stream, want int64) {
	e.t.Helper()
	if n, err := io.Copy(io.Discard, s); n != want || err != nil {
		e.t.Errorf("read %d bytes, %v; want %d", n, err, want)
	}
}

func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// echo sends back what it reads, and ends when that ends.
func echo(s transport.Stream) error {
	if _, err := io.Copy(s, s); err != nil {
		return err
	}
	return s.CloseWrite()
}

// roundTrip writes b, ends, and compares what comes back.
func roundTrip(s transport.Stream, b []byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := s.Write(b)
		sent <- errors.Join(err, s.CloseWrite())
	}()
	got, err := io.ReadAll(s)
	if err = errors.Join(err, <-sent); err != nil {
		return err
	}
	if !bytes.Equal(got, b) {
		return fmt.Errorf("%d bytes came back changed, as %d", len(b), len(got))
	}
	return nil
}

func testEcho(t *testing.T, e *env) {
	s, r := e.stream()
	done := make(chan error, 1)
	go func() { done <- echo(r) }()
	e.within("echo", func() {
		if err := roundTrip(s, random(1, 3<<20)); err != nil {
			t.Error(err)
		}
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.Cancel(9) // after both ends finished it does nothing
	if _, err := s.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read after the end: %v", err)
	}
}

func testHalfClose(t *testing.T, e *env) {
	a, b := e.connect()
	s, err := a.OpenStream(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A stream that only ends is seen by the peer too.
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Errorf("second CloseWrite: %v", err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("write after CloseWrite: %v", err)
	}
	r, err := b.AcceptStream(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	e.drain(r, 0)
	e.write(r, "still here")
	e.expect(s, "still here")
	r.CloseWrite()
	e.drain(s, 0)
}

func testManyStreams(t *testing.T, e *env) {
	const streams = 300 // more than any limit on streams open at once
	a, b := e.connect()
	go func() {
		for range streams {
			r, err := b.AcceptStream(e.ctx)
			if err != nil {
				t.Error("accept:", err)
				return
			}
			go echo(r)
		}
	}()
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			s, err := a.OpenStream(e.ctx)
			if err != nil {
				t.Error("open:", err)
				return
			}
			if err := roundTrip(s, random(uint64(i), 1+i*37)); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	e.within("streams", wg.Wait)
}

// testBackPressure fills a stream that nobody reads, and checks that the
// writer stops, that other streams go on, and that reading sets it free.
func testBackPressure(t *testing.T, e *env) {
	a, b := e.connect()
	s, r := e.streamOn(a, b)
	s.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	chunk, total := make([]byte, 64<<10), int64(0)
	for total <= 2*e.Buffered {
		n, err := s.Write(chunk)
		total += int64(n)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("write:", err)
			}
			break
		}
	}
	if total > e.Buffered || total == 0 {
		t.Fatalf("%d bytes taken with no reader, limit %d", total, e.Buffered)
	}
	e.streamOn(a, b)
	s.SetWriteDeadline(time.Time{})
	go func() {
		s.Write(chunk)
		s.CloseWrite()
	}()
	e.within("drain", func() { e.drain(r, total+int64(len(chunk))) })
}

func testCancel(t *testing.T, e *env) {
	s, r := e.stream()
	waiting := make(chan error, 1)
	go func() { _, err := r.Read(make([]byte, 1)); waiting <- err }()
	s.Cancel(77)
	s.Cancel(78) // only the first counts
	e.within("canceled read", func() { e.wantStream("peer's read", <-waiting, 77, true) })
	e.within("canceled write", func() {
		for {
			if _, err := r.Write(make([]byte, 1000)); err != nil {
				e.wantStream("peer's write", err, 77, true)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	_, err := s.Read(make([]byte, 1))
	e.wantStream("own read", err, 77, false)
	_, err = s.Write([]byte("x"))
	e.wantStream("own write", err, 77, false)
	r.Cancel(1)

	// A stream may be canceled before anything else; the peer hears of it.
	a, b := e.connect()
	if s, err = a.OpenStream(e.ctx); err != nil {
		t.Fatal(err)
	}
	s.Cancel(5)
	if r, err = b.AcceptStream(e.ctx); err != nil {
		t.Fatal(err)
	}
	_, err = r.Read(make([]byte, 1))
	e.wantStream("read of a stillborn stream", err, 5, true)
}

// testCancelBlockedWrite has the reader give up on a writer that waits.
func testCancelBlockedWrite(t *testing.T, e *env) {
	s, r := e.stream()
	waiting := make(chan error, 1)
	go func() { _, err := s.Write(make([]byte, 4*e.Buffered)); waiting <- err }()
	time.Sleep(20 * time.Millisecond)
	r.Cancel(6)
	e.within("canceled write", func() { e.wantStream("waiting write", <-waiting, 6, true) })

	// The same from the writer's own side.
	s, _ = e.stream()
	go func() { _, err := s.Write(make([]byte, 4*e.Buffered)); waiting <- err }()
	time.Sleep(20 * time.Millisecond)
	s.Cancel(7)
	e.within("canceled write", func() { e.wantStream("waiting write", <-waiting, 7, false) })
}

func testCancelAfterCloseWrite(t *testing.T, e *env) {
	s, r := e.stream()
	const n = 20_000 // what any carrier takes while nobody reads
	if _, err := s.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	s.CloseWrite()
	s.Cancel(9)
	e.within("drain", func() { e.drain(r, n) })
	_, err := s.Read(make([]byte, 1))
	e.wantStream("own read", err, 9, false)
}

func testDeadlines(t *testing.T, e *env) {
	s, r := e.stream()
	s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	s.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read in the past: %v", err)
	}
	s.SetReadDeadline(time.Time{})
	waiting := make(chan error, 1)
	go func() { _, err := s.Read(make([]byte, 1)); waiting <- err }()
	time.Sleep(10 * time.Millisecond)
	s.SetReadDeadline(time.Now()) // reaches a read that waits already
	e.within("deadline", func() {
		if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("waiting read: %v", err)
		}
	})
	s.SetReadDeadline(time.Time{})
	e.write(r, "later")
	e.expect(s, "later")
	s.SetWriteDeadline(time.Now().Add(-time.Second))
	if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write in the past: %v", err)
	}
	s.SetWriteDeadline(time.Time{})
	e.write(s, "on")
	e.expect(r, "on")
}
