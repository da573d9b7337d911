// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/identitytest"
)

// An invite is read from one line or from those that a mail made of it, with a byte order
// mark before it, and nothing of what follows it.
func TestInviteOnStandardInput(t *testing.T) {
	text := identitytest.NewTopic(1).Invite()
	wrapped := text[:40] + "\r\n  " + text[40:90] + "\n" + text[90:]
	for _, in := range []string{text, wrapped, "\ufeff" + text, "\ufeff" + wrapped} {
		a := &app{ctx: t.Context(), in: strings.NewReader(in + "\nwords of\nmore\n")}
		got, err := a.secret("-")
		if err != nil || got != text {
			t.Errorf("read %.30q, %v", got, err)
		}
		for _, want := range []string{"words of", "more"} {
			if next, err := a.secret("-"); err != nil || next != want {
				t.Errorf("behind it is %q, %v, want %q", next, err, want)
			}
		}
	}
	a := &app{ctx: t.Context(), in: strings.NewReader(text[:60] + "\nwords of\n")}
	if got, err := a.secret("-"); err != nil || got != text[:60] {
		t.Errorf("half an invite is read as %.30q, %v", got, err)
	}
	if next, err := a.secret("-"); err != nil || next != "words of" {
		t.Errorf("behind it is %q, %v", next, err)
	}
}
