// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"github.com/spf13/pflag"

	"github.com/xaeroflux/xaeroflux"
)

// topicKind is the kind of a topic that is founded, as flags say it.
type topicKind struct{ private, plain, open bool }

func (k *topicKind) flags(f *pflag.FlagSet) {
	f.BoolVar(&k.private, "private", false, "for its members, who alone can read it (the default)")
	f.BoolVar(&k.plain, "plain", false, "for its members, and nothing is sealed")
	f.BoolVar(&k.open, "open", false, "for whoever has the invite")
}

func (k *topicKind) check() error {
	if k.private && k.plain || k.private && k.open || k.plain && k.open {
		return usage("--private, --plain and --open are three kinds of topics: name one")
	}
	return nil
}

func (k *topicKind) kind() xaeroflux.TopicKind {
	switch {
	case k.open:
		return xaeroflux.OpenTopic
	case k.plain:
		return xaeroflux.PlainTopic
	}
	return xaeroflux.PrivateTopic
}
