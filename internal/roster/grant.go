// SPDX-License-Identifier: MPL-2.0

package roster

// A Right is what an account may call on whom. It is a block of `grant` and of
// an ask for one:
//
//	offset  bytes  field
//	     0     32  account that may call
//	    32     32  account on whose devices; zeros for all accounts
//	    64      1  w, length of the name, 1 to 63
//	    65      w  name of what may be called
//	  65+w      4  calls, 0 for none: that ends the right, and all behind it is 0
//	  69+w      4  within so many seconds; 0 for calls at all
//	  73+w      6  until, seconds since 1970; 0 for ever; by the clock of whom it is called on
type Right struct {
	Account Key
	On      Key
	What    string
	Calls   uint32
	Per     uint32
	Until   uint64
}

func codeRight(c *coder, r *Right) {
	c.key(&r.Account)
	c.key(&r.On)
	c.name(&r.What, 63)
	c.u32(&r.Calls)
	c.u32(&r.Per)
	c.u48(&r.Until)
	c.check(r.Calls > 0 || r.Per == 0 && r.Until == 0, "terms of no calls")
}

// Grant gives an account a right, in place of the one it had with the same
// account, target and name.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40      r  right
type Grant struct {
	Ask   AskRef
	Right Right
}

// Type returns "xf/grant".
func (*Grant) Type() string { return "xf/grant" }

func (g *Grant) code(c *coder) {
	c.ask(&g.Ask)
	codeRight(c, &g.Right)
}
