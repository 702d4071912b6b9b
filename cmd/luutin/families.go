package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"luutin/store"
	"luutin/store/family"
)

func familiesCommand(common *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "families",
		Short: "List the articles that carry the same text",
		Long: `Families lists the articles that carry the same text under different URLs or
hosts, exactly or nearly, as papers and ministries reprint an agency. They are
held against each other by the word triples that they have in common (MinHash),
and by their figures: notices of one template, which differ in nothing else, are
no family. Articles of fewer than thirty words are in none.

The first of a family is the one that was published first. Nothing is merged:
luutin export --unique leaves the others out. The status is 1 when there are no
families, or when an article is damaged: it is named, and in none.`,
		Example: `  luutin families
  luutin families --json | jq -c '[.members[].url]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withArchive(common, func(a store.Archive) error {
				unread := 0
				articles := store.Readable(a.Articles(cmd.Context(), store.Query{}), func(_ *store.Version, why *store.Damaged) {
					unread++
					fmt.Fprintf(cmd.ErrOrStderr(), "left out: %v\n", why)
				})
				found, err := family.Find(cmd.Context(), articles, a.Article)
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				enc := json.NewEncoder(out)
				enc.SetEscapeHTML(false)
				for i, f := range found {
					if common.json {
						if err := enc.Encode(f); err != nil {
							return err
						}
						continue
					}
					if i > 0 {
						fmt.Fprintln(out)
					}
					fmt.Fprintln(out, f.Members[0].Title)
					for _, m := range f.Members {
						fmt.Fprintf(out, "  %3.0f %%  %-16s  %s\n", 100*m.Similarity, shortTime(m.Published), m.URL)
					}
				}
				if unread > 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "luutin: "+unreadLine(unread))
					return errNo
				}
				return matched(len(found))
			})
		},
	}
}

// others are the articles that have one of their family before them.
func others(ctx context.Context, a store.Archive, articles iter.Seq2[store.Version, error]) (map[string]bool, error) {
	found, err := family.Find(ctx, articles, a.Article)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, f := range found {
		for _, m := range f.Members[1:] {
			out[m.ID] = true
		}
	}
	return out, nil
}
