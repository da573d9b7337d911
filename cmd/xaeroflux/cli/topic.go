// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

func (a *app) topicCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topic",
		Short: "List, create, rename and leave topics, and say which is the default",
		Long: `A store may be in many topics. Each has a log of the store's own; the default is the
one that commands mean without --topic. A topic is named by its name, or by the
beginning of its id.`,
		Args: noArgs,
	}
	cmd.AddCommand(
		a.topicChange("list", "List the topics that the store is in, the default first", 0, func([]string) nodeapi.TopicChange {
			return nodeapi.TopicChange{}
		}),
		a.topicCreateCmd(),
		a.topicChange("rename TOPIC NAME", "Change what this store calls a topic", 2, func(args []string) nodeapi.TopicChange {
			return nodeapi.TopicChange{Topic: args[0], Rename: &args[1]}
		}),
		a.topicChange("default TOPIC", "Make a topic the default", 1, func(args []string) nodeapi.TopicChange {
			return nodeapi.TopicChange{Topic: args[0], Default: true}
		}),
		a.topicLeaveCmd(),
	)
	return cmd
}

func (a *app) topicCreateCmd() *cobra.Command {
	var kind topicKind
	var heirs, history string
	var needed int
	cmd := a.topicChange("create NAME", "Found a topic", 1, func(args []string) nodeapi.TopicChange {
		c := nodeapi.TopicChange{Create: &args[0], Heirs: heirs, Needed: needed, Recent: history == "join"}
		c.Kind = kind.kind()
		return c
	})
	cmd.Long = `Founds a topic, of one of three kinds, which it stays. A private one has members
("xaeroflux members"): each comes by an invite of his own, events are sealed, and those
who are removed read nothing that is appended later. A plain one has members too, and
nothing is sealed: whoever gets at the bytes reads them. In an open one, whoever has the
invite takes part: that person reads and appends, and can pass the invite on. This store is the steward of the topic: it admits whoever was invited, and
should be reachable. With --successors, people can together make another device the
steward later ("xaeroflux successor").`
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := kind.check(); err != nil {
			return err
		}
		if history != "all" && history != "join" {
			return fmt.Errorf("--history %s: want all or join", history)
		}
		return cobra.ExactArgs(1)(cmd, args)
	}
	f := cmd.Flags()
	kind.flags(f)
	f.StringVar(&history, "history", "all", "what newcomers of a private topic read: all, or with join what follows their invite")
	f.StringVar(&heirs, "successors", "", "keys of successors, as `xaeroflux successor key` prints them, with commas between (default: none)")
	f.IntVar(&needed, "needed", 0, "how many successors it takes (default: just more than half)")
	return cmd
}

// topicChange is a command that changes one thing and lists the topics then.
func (a *app) topicChange(use, short string, args int, change func(args []string) nodeapi.TopicChange) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				all, err := b.Topics(cmd.Context(), change(args))
				if err != nil {
					return err
				}
				return a.topics(all)
			})
		},
	}
}

// standing is the role of this store's person, or why there is none.
func standing(t nodeapi.TopicInfo) string {
	if t.Standing == xaeroflux.StandingMember {
		return t.Role.String()
	}
	return string(t.Standing)
}

func (a *app) topicLeaveCmd() *cobra.Command {
	c := nodeapi.TopicChange{Leave: true}
	cmd := &cobra.Command{
		Use: "leave TOPIC", Short: "Take no part in a topic any more",
		Long: `Ends this store's part in a topic. What is held of it stays and can be read, and
"xaeroflux join" takes it up again; with --delete all that is held of it is deleted,
keys and all: at once, or if a node is running, when it is started again.

In a private or plain topic the steward is asked first to remove this device, and its
person if there is no other device of that person, and waited for. With --now nobody is asked, and the members go on to
see this store as one of them. The steward itself hands over first, unless it is alone.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.Wait < 0 {
				return usage("--wait is %v, want 0 or more", c.Wait)
			}
			c.Topic = args[0]
			return a.leave(cmd.Context(), c)
		},
	}
	cmd.Flags().BoolVar(&c.Delete, "delete", false, "delete what is held of it")
	cmd.Flags().BoolVar(&c.Now, "now", false, "ask no steward")
	waitFlag(cmd, &c.Wait)
	return cmd
}

// leave leaves a topic, and lists the others from the store as it is then: opened again,
// it holds nothing more of one that was deleted.
func (a *app) leave(ctx context.Context, c nodeapi.TopicChange) error {
	err := a.with(ctx, func(b backend) error {
		_, err := b.Topics(ctx, c)
		return err
	})
	if says(err, store.ErrDefault) {
		return hint(err, "xaeroflux topic default OTHER, then again")
	}
	if err != nil {
		return err
	}
	return a.with(ctx, func(b backend) error {
		all, err := b.Topics(ctx, nodeapi.TopicChange{})
		if err != nil {
			return err
		}
		return a.topics(all)
	})
}

func (a *app) topics(all []nodeapi.TopicInfo) error {
	return a.print(all, func(w io.Writer) { printTopics(w, all) })
}

func printTopics(w io.Writer, all []nodeapi.TopicInfo) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "TOPIC\tNAME\tKIND\tROLE\tMEMBERS\tOWN EVENTS\t")
	for _, topic := range all {
		standard := ""
		if topic.Default {
			standard = "the default"
		}
		role, members := "-", "-"
		if topic.Kind != xaeroflux.OpenTopic {
			role, members = standing(topic), strconv.Itoa(topic.Members)
		}
		fmt.Fprintf(t, "%s\t%s\t%v\t%s\t%s\t%d\t%s\n", topic.Topic.Short(), topic.Name, topic.Kind, role, members, topic.Size, standard)
	}
}
