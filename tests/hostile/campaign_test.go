// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer/campaign"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestCampaign sends a store ten thousand frames, true and spoiled. The package
// campaign holds it to its bounds and makes longer ones.
func TestCampaign(t *testing.T) {
	storetest.NoLeaks(t)
	const frames = 10_000
	r, err := campaign.Run(frames, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if r.Frames < frames {
		t.Errorf("%d frames, want %d", r.Frames, frames)
	}
	// A campaign whose frames all pass, or all end at once, would show nothing.
	for _, code := range []messages.Code{messages.CodeMalformed, messages.CodeBadHead, messages.CodeUnexpectedMessage, messages.CodeNotShared, messages.CodeCertificate} {
		if r.Refusals[xaeroflux.Code(code)] == 0 {
			t.Errorf("nothing was refused as %s", code)
		}
	}
	if len(r.Events) < 3 {
		t.Errorf("nothing true came through: %v", r.Events)
	}
}
