// SPDX-License-Identifier: MPL-2.0

package roster

// A Target is an account, or one of its devices; 64 bytes:
//
//	offset  bytes  field
//	     0     32  account key
//	    32     32  device key; zeros for the account with all its devices
type Target struct{ Account, Device Key }

func codeTarget(c *coder, t *Target) {
	c.key(&t.Account)
	c.key(&t.Device)
}

// Remove ends that an account or a device belongs, and cuts logs.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40     64  target
//	   104      2  n, number of cuts
//	   106   72*n  cuts (Prefix), log ids rising
//	     …      2  m, number of invites to keep
//	     …   32*m  keys of invites that stay open, rising
type Remove struct {
	Ask    AskRef
	Target Target
	Cuts   []Prefix
	Keep   []Key
}

// Type returns "xf/remove".
func (*Remove) Type() string { return "xf/remove" }

func (r *Remove) code(c *coder) {
	c.ask(&r.Ask)
	codeTarget(c, &r.Target)
	c.cuts(&r.Cuts)
	list(c, &r.Keep, 0, 1<<16-1, 32, (*coder).key)
	rising(c, r.Keep, func(k *Key) []byte { return k[:] })
}

// A RoleChange gives an account another role; 33 bytes:
//
//	offset  bytes  field
//	     0     32  account key
//	    32      1  role: 2 admin to 5 replica
type RoleChange struct {
	Account Key
	Role    Role
}

func codeRoleChange(c *coder, r *RoleChange) {
	c.key(&r.Account)
	c.role(&r.Role, Admin, Replica)
}

// SetRole gives an account another role. If the account writes by one of the
// two roles and not by the other, its logs are cut and its devices go on in new
// ones, so that of each log it is certain whether its events count.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40     33  role change
//	    73      2  n, number of cuts
//	    75   72*n  cuts (Prefix), log ids rising
type SetRole struct {
	Ask    AskRef
	Change RoleChange
	Cuts   []Prefix
}

// Type returns "xf/role".
func (*SetRole) Type() string { return "xf/role" }

func (r *SetRole) code(c *coder) {
	c.ask(&r.Ask)
	codeRoleChange(c, &r.Change)
	c.cuts(&r.Cuts)
}
