// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

// TestFormatVectors holds FORMAT against the texts that another program made.
func TestFormatVectors(t *testing.T) {
	b, err := os.ReadFile("../../tests/testdata/vectors/identity.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Formats []struct {
			PageBytes    int `json:"page_bytes"`
			SegmentPages int `json:"segment_pages"`
			Generation   string
			Place, Text  string
		}
		Refused []struct{ What, Kind, Text, Reason string }
	}
	if err := json.Unmarshal(b, &v); err != nil || len(v.Formats) == 0 {
		t.Fatalf("%d texts, %v", len(v.Formats), err)
	}
	for _, x := range v.Formats {
		want := Format{PageBytes: x.PageBytes, SegmentPages: x.SegmentPages}
		var errs [2]error
		want.Generation, errs[0] = identity.ParseGeneration(x.Generation)
		want.Place, errs[1] = identity.ParsePlace(x.Place)
		got, err := ParseFormat([]byte(x.Text))
		if err = errors.Join(err, errs[0], errs[1]); err != nil || got != want || string(want.Encode()) != x.Text {
			t.Errorf("%q: %v", x.Text, err)
		}
	}
	refused := 0
	for _, x := range v.Refused {
		if x.Kind != "format" {
			continue
		}
		refused++
		if _, err := ParseFormat([]byte(x.Text)); !errors.Is(err, ErrFormat) || errors.Is(err, ErrNewer) != (x.Reason == "version") {
			t.Errorf("%s: %v, want it refused for its %s", x.What, err, x.Reason)
		}
	}
	if refused < 15 {
		t.Errorf("%d texts are refused", refused)
	}
}
