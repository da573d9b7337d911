// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

func FuzzDecode(f *testing.F) {
	for _, m := range small() {
		f.Add(mustFrame(f, m)[4:])
	}
	for _, b := range bombs[:12] {
		f.Add(append([]byte{0x94, byte(TypeBye), 0, 0xa0}, b...))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Decode(body)
		if err != nil {
			if m != nil {
				t.Fatalf("%v and a message", err)
			}
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLong) && !errors.Is(err, ErrUnknownType) {
				t.Fatalf("untyped: %v", err)
			}
			return
		}
		if got := peekType(body); got != m.Type() && body[len(body)-1] != 0 && got != 0 {
			t.Fatalf("peeked %v, is %v", got, m.Type())
		}
		frame, err := AppendFrame(nil, m)
		if err != nil {
			t.Fatalf("decoded, but not encoded: %v", err)
		}
		again, err := Decode(frame[4:])
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("again: %v\n%+v\n%+v", err, m, again)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	for _, m := range small() {
		f.Add(mustFrame(f, m), 1000)
	}
	f.Add([]byte{0, 0, 0, 9, 0x9a, byte(TypeEvents), 0, 0, 0, 0, 0, 0, 0}, 10)
	f.Fuzz(func(t *testing.T, b []byte, max int) {
		if max < 0 {
			return
		}
		src := bytes.NewReader(b)
		body, err := ReadFrame(src, max, nil)
		read := len(b) - src.Len()
		switch {
		case err == nil:
			if len(body) > max || read != len(body)+4 || !bytes.Equal(body, b[4:read]) {
				t.Fatalf("body of %d, read %d, max %d", len(body), read, max)
			}
		case err == io.EOF:
			if len(b) != 0 {
				t.Fatal("clean end inside a frame")
			}
		case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLong):
			t.Fatalf("untyped: %v", err)
		}
	})
}
