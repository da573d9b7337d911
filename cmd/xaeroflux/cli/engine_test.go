// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Each record of a roster and each ask is shown with the fields that its vector has.
func TestEngineEventsAreShownDecoded(t *testing.T) {
	text, err := os.ReadFile("../../../tests/testdata/vectors/roster.json")
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		Type   string
		Fields any
		Body   string
	}
	var v struct{ Records, Asks []vector }
	if err := json.Unmarshal(text, &v); err != nil || len(v.Records) < 15 || len(v.Asks) < 10 {
		t.Fatalf("%d records, %d asks: %v", len(v.Records), len(v.Asks), err)
	}
	for _, c := range append(v.Records, v.Asks...) {
		body, err := hex.DecodeString(c.Body)
		if err != nil {
			t.Fatal(err)
		}
		shown := engineRecord(c.Type, body)
		var got any
		if err := json.Unmarshal(shown, &got); err != nil {
			t.Errorf("%s: %v: %s", c.Type, err, shown)
			continue
		}
		if at := differs(c.Fields, got); at != "" {
			t.Errorf("%s: %s: %s", c.Type, at, shown)
		}
	}
	if r := engineRecord("xf/cut", []byte{1}); r != nil {
		t.Errorf("of no record: %s", r)
	}
	if r := engineRecord("note", nil); r != nil {
		t.Errorf("of an application's: %s", r)
	}
}

// differs says where what is shown is not what a vector says. Long bytes have names there,
// and roles their numbers.
func differs(want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return "no object"
		}
		for k := range g {
			if _, ok := w[k]; !ok {
				return "a field " + k + " more"
			}
		}
		for k, x := range w {
			if _, ok := g[k]; !ok && x != nil {
				return "no field " + k
			}
			if role, ok := x.(float64); ok && k == "role" {
				x = roster.Role(role).String()
			}
			if at := differs(x, g[k]); at != "" {
				return k + "." + at
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return "another list"
		}
		for i := range w {
			if at := differs(w[i], g[i]); at != "" {
				return at
			}
		}
	case string:
		if g, ok := got.(string); !ok || g != w && !strings.HasPrefix(w, "bytes:") {
			return "other text than " + w
		}
	default:
		if got != want {
			return "another value"
		}
	}
	return ""
}
