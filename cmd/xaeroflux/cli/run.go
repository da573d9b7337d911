// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// defaultListen is safe to start with: reachable from this machine only, and
// on a port of the store's own or, if somebody else has that, a free one.
const defaultListen = "127.0.0.1:0"

func (a *app) runCmd() *cobra.Command {
	var listen, peers []string
	var quiet, advertise, doze bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the node: listen for peers, keep to peers, sync as events come",
		Long: `Runs the node until ctrl-C. Prints "listening ADDRESS" as soon as peers can
connect; ADDRESS is what "xaeroflux sync" and --peer take.

By default it listens on 127.0.0.1, which only this machine can reach, and a port
that is the same each time, or a free one if that is taken. For peers elsewhere, name an address of this machine and a port, as in
--listen 192.168.1.5:4040, or [::]:4040 for every address it has. Peers come by
QUIC (UDP) and, where their network lets no UDP through, by TCP at the same port;
quic:// or tcp:// before the address takes one of them alone. unix:///path is a
socket for other processes of this user.

While it is running, all other commands on this directory but
` + needClosed + `, which need the store closed, work through it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, at := range listen {
				if err := checkListen(at); err != nil {
					return err
				}
			}
			if err := a.checkPeers(peers); err != nil {
				return err
			}
			quota, err := a.quota()
			if err != nil {
				return err
			}
			return a.node(cmd.Context(), listen, peers, &xaeroflux.Options{
				MustExist: true, Logger: a.logger(quiet), Advertise: advertise, Doze: doze, Quota: quota,
			})
		},
	}
	cmd.Flags().StringArrayVar(&listen, "listen", nil, "where to listen, host:port; port 0 picks a free one (may be repeated; default: 127.0.0.1 and the store's usual port)")
	cmd.Flags().StringArrayVar(&peers, "peer", nil, "peer to keep connected to: an address, or an invite with addresses, or - for a line of stdin (may be repeated)")
	cmd.Flags().BoolVar(&advertise, "advertise", false, "let peers tell other members of the topic where this node listens")
	cmd.Flags().BoolVar(&doze, "doze", false, "spare a battery: peers are asked every 2 minutes whether they are there, not every 15 seconds, and are noticed to be gone as much later")
	a.quotaFlag(cmd)
	cmd.Flags().BoolVar(&quiet, "quiet", false, "do not log to stderr what goes on")
	return cmd
}

func checkListen(place string) error {
	scheme, rest := identity.SplitScheme(place)
	if scheme == identity.SchemeUnix && filepath.IsAbs(rest) {
		return nil
	}
	if _, _, err := net.SplitHostPort(rest); err != nil {
		return hint(usage("--listen %q: %v", place, err), "--listen %s", defaultListen)
	}
	return nil
}

// checkPeers reads peers that are given on standard input, and checks all.
func (a *app) checkPeers(peers []string) error {
	if err := a.secrets(peers); err != nil {
		return err
	}
	for _, p := range peers {
		if err := checkPeer(p); err != nil {
			return err
		}
	}
	return nil
}

// checkPeer checks an address or invite before anything is opened.
func checkPeer(peer string) error {
	_, addrErr := identity.ParseAddress(peer)
	if addrErr == nil {
		return nil
	}
	inv, err := identity.ParseInvite(peer)
	switch {
	case err == nil && len(inv.Peers) > 0:
		return nil
	case err == nil:
		return hint(usage("the invite names no address; it was made by a store that did not listen"),
			"an invite made while `xaeroflux run` is running there, or the address it printed")
	case identity.IsInvite(peer):
		return hint(err, "copy the whole invite again, as `xaeroflux invite` prints it")
	}
	return hint(addrErr, "the address that `xaeroflux run` printed at the peer: <peer id>@host:port")
}

func (a *app) node(ctx context.Context, listen, peers []string, o *xaeroflux.Options) error {
	var db *xaeroflux.DB
	err := a.reach(ctx, func(c *nodeapi.Client) error {
		return errors.Join(kinded(nodeapi.InUse, "a node is running on %s already", a.dir), c.Close())
	}, func() (err error) {
		db, err = a.openStore(o)
		return err
	})
	if err != nil {
		return err
	}
	b := &local{db: db}
	err = a.serveUntil(ctx, b, listen, peers, warnTo(o.Logger))
	err = errors.Join(err, b.Close())
	if err == nil {
		a.say("stopped")
	}
	return err
}

func (a *app) serveUntil(ctx context.Context, b *local, listen, peers []string, warn func(text string)) error {
	var addrs []identity.Address
	if len(listen) == 0 {
		listen = []string{""}
	}
	for _, at := range listen {
		addr, err := b.db.Listen(ctx, cmp.Or(at, defaultListen))
		if err != nil {
			return hint(err, "--listen with an address that this machine has (0.0.0.0 is all of them), and a port that is free (0 picks one)")
		}
		addrs = append(addrs, identity.Address{Peer: identity.PeerID(addr.Peer), Host: addr.Host})
	}
	stop, err := serve(a.dir, b, warn)
	if err != nil {
		return err
	}
	defer stop()
	for _, p := range peers {
		if err := b.db.Connect(ctx, p); err != nil {
			return err
		}
	}
	if err := a.announce(addrs); err != nil {
		return err
	}
	<-ctx.Done()
	a.say("stopping")
	return nil
}

// announce prints where peers find us.
func (a *app) announce(addrs []identity.Address) error {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	var all []identity.Address
	for _, addr := range addrs {
		all = append(all, dialable(addr, interfaces)...)
	}
	for _, other := range all[1:] {
		a.say("also at %s", other)
	}
	v := listeningLine{all[0].String()}
	return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "listening %s\n", all[0]) })
}

// warnTo logs what a person should know.
func warnTo(log *slog.Logger) func(text string) {
	return func(text string) { log.Warn("the node says to its commands", slog.String("text", text)) }
}

// logger writes what goes on to stderr, for people. A line has a stack if it says one
// itself, as that of a panic does.
func (a *app) logger(quiet bool) *slog.Logger {
	if quiet {
		return slog.New(slog.DiscardHandler)
	}
	c := zap.NewDevelopmentEncoderConfig()
	c.EncodeTime = zapcore.TimeEncoderOfLayout(time.TimeOnly)
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(c), zapcore.Lock(zapcore.AddSync(forPeople(a.err))), zap.InfoLevel)
	return slog.New(zapslog.NewHandler(core, zapslog.AddStacktraceAt(slog.LevelError+1)))
}

// A listeningLine says where peers find a node that runs.
type listeningLine struct {
	Listening string `json:"listening"` // an address that sync and --peer take
}
