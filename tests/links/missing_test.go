// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestMissingCommands: make links does not pass over what it cannot do here, and names
// what to install. Without it such a test is skipped.
func TestMissingCommands(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("network namespaces need Linux and root")
	}
	for test, pack := range map[string]string{
		"^TestUDPBlocked$": "iproute2",
		"^TestLinks$/^NAT_forgets_the_mapping,_and_dialer_speaks$": "nftables",
	} {
		for _, asked := range []string{"", "1"} {
			cmd := exec.Command(os.Args[0], "-test.run="+test, "-test.v")
			cmd.Env = append(os.Environ(), "PATH="+t.TempDir(), "XF_LINKS="+asked)
			out, err := cmd.CombinedOutput()
			want := map[string]string{"": "--- SKIP", "1": "--- FAIL"}[asked]
			if got := string(out); (err != nil) != (asked != "") || !strings.Contains(got, want) || !strings.Contains(got, "install the package "+pack) {
				t.Errorf("%s without a command, XF_LINKS=%q: %v, want %s and the name of the package %s:\n%s", test, asked, err, want, pack, out)
			}
		}
	}
}
