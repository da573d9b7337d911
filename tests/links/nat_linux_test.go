// SPDX-License-Identifier: MPL-2.0

package links

import (
	"encoding/binary"
	"os"
	"syscall"
	"testing"
)

// TestForgetMappings makes the NAT of this network namespace forget all its mappings:
// a part of TestLinks. It says so to the kernel's connection tracking (nfnetlink).
func TestForgetMappings(t *testing.T) {
	if os.Getenv("XF_LINK_FORGET") == "" {
		t.Skip("only as a part of TestLinks")
	}
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_NETFILTER)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	const connections, forget, bytes = 1, 2, 20 // NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE; both headers
	m := binary.NativeEndian.AppendUint32(nil, bytes)
	m = binary.NativeEndian.AppendUint16(m, connections<<8|forget)
	m = binary.NativeEndian.AppendUint16(m, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	m = append(m, make([]byte, bytes-len(m))...)
	if err := syscall.Sendto(fd, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n < 20 || binary.NativeEndian.Uint32(answer[16:]) != 0 {
		t.Fatalf("the kernel answers % x", answer[:n])
	}
}
