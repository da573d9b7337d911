// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"testing"
)

func TestVisible(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain\n\ttext, grüße 🙂", "plain\n\ttext, grüße 🙂"},
		{"\x1b]0;title\a\rover\b\x7f", `\x1b]0;title\x07\x0dover\x08\u007f`},
		{"\x9b2J \xff \u009b2J", `\x9b2J \xff \u009b2J`},
		{"gpj.\u202eexe", `gpj.\u202eexe`},
		{"\u2028\x00", `\u2028\x00`},
		{"cut \xf0\x9f", `cut \xf0\x9f`},
		{"\ufffd", "\ufffd"},
	} {
		for cut := range len(c.in) + 1 { // however it is cut into writes
			var out bytes.Buffer
			v := &visible{w: &out}
			for _, part := range []string{c.in[:cut], c.in[cut:]} {
				if n, err := v.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			v.flush()
			if out.String() != c.want {
				t.Errorf("%q cut at %d: %q, want %q", c.in, cut, &out, c.want)
			}
		}
	}
}
