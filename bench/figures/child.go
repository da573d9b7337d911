// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// RoleEnv is set for a process that is a part of a run.
const RoleEnv = "XAEROFLUX_BENCH_ROLE"

// A role is another process of a run: this program again, that does what it is
// told, one JSON object a line, and answers each with one.
type role struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *bufio.Reader
	end func() error // closes its input, upon which it ends
}

// An order to a role.
type order struct {
	Op      string  `json:"op"`
	Dir     string  `json:"dir,omitempty"`
	Invite  string  `json:"invite,omitempty"`
	Addr    string  `json:"addr,omitempty"`
	Events  int     `json:"events,omitempty"`
	Batch   int     `json:"batch,omitempty"`
	Bytes   int64   `json:"bytes,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// An answer of a role.
type answer struct {
	Error   string    `json:"error,omitempty"`
	Invite  string    `json:"invite,omitempty"`
	Addr    string    `json:"addr,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
	Events  uint64    `json:"events,omitempty"`
	In      uint64    `json:"in,omitempty"`  // bytes
	Out     uint64    `json:"out,omitempty"` // bytes
	Values  []float64 `json:"values,omitempty"`
}

// start starts a role: "store", or "quic".
func start(name string) (*role, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), RoleEnv+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r := &role{cmd: cmd, in: json.NewEncoder(in), out: bufio.NewReader(out), end: in.Close}
	return r, cmd.Start()
}

// do has the role carry out an order.
func (p *role) do(o order) (answer, error) {
	if err := p.tell(o); err != nil {
		return answer{}, err
	}
	return p.answer(o.Op)
}

func (p *role) tell(o order) error { return p.in.Encode(o) }

func (p *role) answer(op string) (answer, error) {
	var a answer
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("%s: the process ended: %w", op, err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("%s answered %q: %w", op, line, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%s: %s", op, a.Error)
	}
	return a, nil
}

// stop has the role end in order.
func (p *role) stop() error {
	return errors.Join(p.end(), p.cmd.Wait())
}

// kill ends the role at once, as a crash would.
func (p *role) kill() error {
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
	return err
}

// Play is the main of a role: it does orders until there are no more.
func Play(name string) error {
	var do func(order) (answer, error)
	end := func() error { return nil }
	switch name {
	case "store":
		s := &storeRole{}
		do, end = s.do, s.close
	case "quic":
		do = (&quicRole{}).do
	default:
		return fmt.Errorf("no role is named %q", name)
	}
	out := json.NewEncoder(os.Stdout)
	orders := json.NewDecoder(os.Stdin)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return end() // whoever gave the orders has closed them, or died
		}
		a, err := do(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return errors.Join(err, end())
		}
	}
}

// seconds is a duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
