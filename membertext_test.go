// SPDX-License-Identifier: MPL-2.0

package xaeroflux_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux"
)

// Roles and kinds of topics are words in JSON, and nothing else is one of them.
func TestRolesAndKindsAreWords(t *testing.T) {
	type both struct {
		Role xaeroflux.Role
		Kind xaeroflux.TopicKind
	}
	for role := xaeroflux.RoleOwner; role <= xaeroflux.RoleReplica; role++ {
		for kind := xaeroflux.OpenTopic; kind <= xaeroflux.PlainTopic; kind++ {
			in := both{role, kind}
			b, err := json.Marshal(in)
			if want := fmt.Sprintf(`{"Role":"%v","Kind":"%v"}`, role, kind); err != nil || string(b) != want {
				t.Errorf("%s, %v, want %s", b, err, want)
			}
			var out both
			if err := json.Unmarshal(b, &out); err != nil || out != in {
				t.Errorf("%s is read as %+v, %v", b, out, err)
			}
		}
	}
	for _, text := range []string{`{"Role":"none"}`, `{"Role":"device"}`, `{"Role":"Owner"}`, `{"Role":""}`, `{"Kind":"sealed"}`, `{"Kind":""}`} {
		if err := json.Unmarshal([]byte(text), &both{}); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}
