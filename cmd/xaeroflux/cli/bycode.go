// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/pairing"
)

// handover says whether an invite is handed over by six digits, and where this device waits.
type handover struct {
	code, qr bool
	at       string
}

func (h *handover) flags(fs *pflag.FlagSet) {
	fs.BoolVar(&h.code, "code", false, "hand the invite over to a device at hand, by six digits")
	fs.BoolVar(&h.qr, "qr", false, "print the invite as a QR code, too, which a phone reads")
	fs.StringVar(&h.at, "code-at", ":0", "where --code waits: host:port, of TCP")
}

// listen waits where --code says, before there is an invite to hand over. It returns nil
// without --code.
func (h *handover) listen() (net.Listener, error) {
	if !h.code {
		return nil, nil
	}
	l, err := net.Listen("tcp", h.at)
	if err != nil {
		return nil, hint(err, "another --code-at")
	}
	return l, nil
}

// codeExpires is when an invite ends that is handed over by a code, unless a person says
// otherwise: one that nobody took is not open for ever.
const codeExpires = 15 * time.Minute

// bound gives an invite that is handed over by a code an end, if it has none.
func (h *handover) bound(expires *time.Time) {
	if expires.IsZero() {
		*expires = time.Now().Add(codeExpires)
	}
}

// A codeLine is a code that waits for a device at hand, and where it is to look.
type codeLine struct {
	Topic  xaeroflux.TopicID `json:"topic,omitzero"` // of the invite; none of one that links a device
	Code   string            `json:"code"`           // six digits; it serves once, within ten minutes
	Places []string          `json:"places"`         // host:port, any of them
}

// giveByCode hands an invite over to the device into which a person types the code.
func (a *app) giveByCode(ctx context.Context, l net.Listener, topic xaeroflux.TopicID, invite string) error {
	var failed error
	show := func(code string) {
		v := codeLine{Topic: topic, Code: strings.ReplaceAll(code, " ", ""), Places: places(l.Addr().(*net.TCPAddr))}
		failed = errors.Join(failed, a.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "code %s\n", code)
			for _, at := range v.Places {
				fmt.Fprintf(w, "on the other device: xaeroflux join --code %s\n", at)
			}
		}))
	}
	err := xaeroflux.GiveByCode(ctx, l, invite, show)
	if errors.Is(err, xaeroflux.ErrPairing) {
		return hint(err, "somebody may be guessing: look at who can reach this device, and run the same again")
	}
	if err == nil {
		a.say("the other device has the invite")
	}
	return errors.Join(err, failed)
}

// places returns where other devices may find what listens here.
func places(at *net.TCPAddr) (all []string) {
	port := strconv.Itoa(at.Port)
	if !at.IP.IsUnspecified() {
		return []string{net.JoinHostPort(at.IP.String(), port)}
	}
	addresses, _ := net.InterfaceAddrs() // without them a person knows the address
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			all = append(all, net.JoinHostPort(n.IP.String(), port))
		}
	}
	if len(all) == 0 {
		all = append(all, net.JoinHostPort("localhost", port))
	}
	return all
}

// takeByCode gets an invite from the device that shows the code. The person is asked
// before that device is dialed, as it does not wait long.
func (a *app) takeByCode(ctx context.Context, at string) (string, error) {
	if _, _, err := net.SplitHostPort(at); err != nil {
		return "", usage("--code %s: want host:port, as the other device shows it", at)
	}
	if terminal(a.in) {
		a.say("the six digits that the other device shows:")
	}
	code, err := a.secret("-")
	if err != nil {
		return "", hint(err, "the six digits, and a newline, on standard input")
	}
	if _, err := pairing.ParseCode(code); err != nil {
		return "", hint(err, "%s", nextCode)
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", at)
	if err != nil {
		return "", hint(err, "the address as the other device shows it, and `xaeroflux invite --code` running there")
	}
	return xaeroflux.TakeByCode(ctx, c, code)
}
