// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
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
		a.topicChange("create NAME", "Found a topic, in which whoever has an invite takes part", 1, func(args []string) nodeapi.TopicChange {
			return nodeapi.TopicChange{Create: &args[0]}
		}),
		a.topicChange("rename TOPIC NAME", "Change what this store calls a topic", 2, func(args []string) nodeapi.TopicChange {
			return nodeapi.TopicChange{Topic: args[0], Rename: &args[1]}
		}),
		a.topicChange("default TOPIC", "Make a topic the default", 1, func(args []string) nodeapi.TopicChange {
			return nodeapi.TopicChange{Topic: args[0], Default: true}
		}),
		a.topicChange("leave TOPIC", "Take no part in a topic any more; what is held of it stays, and joining takes it up again", 1, func(args []string) nodeapi.TopicChange {
			return nodeapi.TopicChange{Topic: args[0], Leave: true}
		}),
	)
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
				return a.print(all, func(w io.Writer) { printTopics(w, all) })
			})
		},
	}
}

func printTopics(w io.Writer, all []nodeapi.TopicInfo) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "TOPIC\tNAME\tOWN EVENTS\t")
	for _, topic := range all {
		standard := ""
		if topic.Default {
			standard = "the default"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", topic.Topic.Short(), topic.Name, topic.Size, standard)
	}
}
