// SPDX-License-Identifier: MPL-2.0

package corrupt

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestErrorNamesPlaceAndCause(t *testing.T) {
	page := &Error{File: "a.seg", Page: 3, Offset: 12288, What: "checksum 1f3a", Want: "9b02"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{page, "corrupt: a.seg page 3 offset 12288: checksum 1f3a, want 9b02"},
		{&Error{File: "a.seg", Page: -1, Offset: -1, What: "the file is missing"}, "corrupt: a.seg: the file is missing"},
		{&Error{Where: "aof, meta", What: "a row of 3 bytes"}, "corrupt: aof, meta: a row of 3 bytes"},
		{&Error{Where: "log x", What: "a record", Err: io.ErrUnexpectedEOF}, "corrupt: log x: a record: unexpected EOF"},
		{&Error{Where: "log x", What: "its pages", Err: page}, "corrupt: log x: its pages: a.seg page 3 offset 12288: checksum 1f3a, want 9b02"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestEveryErrorIsErr(t *testing.T) {
	err := fmt.Errorf("open: %w", &Error{Where: "log x", What: "a record", Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, Err) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v is not what it wraps", err)
	}
	if errors.Is(fmt.Errorf("read: %w", io.ErrUnexpectedEOF), Err) {
		t.Error("any error is corrupt")
	}
}

func TestInFileLooksThroughTheOthers(t *testing.T) {
	page := &Error{File: "a.seg", Page: 3, Offset: -1}
	tree := &Error{File: "b.tree", Page: -1, Offset: -1}
	row := &Error{Where: "aof, meta"}
	for _, c := range []struct {
		err  error
		want *Error
	}{
		{nil, nil},
		{io.EOF, nil},
		{row, nil},
		{page, page},
		{fmt.Errorf("log x: %w", &Error{Where: "log x", Err: fmt.Errorf("read: %w", page)}), page},
		{errors.Join(row, tree, page), tree},
	} {
		if got := InFile(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
