package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"luutin/store"
	"luutin/store/dataset"
)

func statsCommand(common *flags) *cobra.Command {
	var e exportRun
	var by []string
	var plot string
	var limit int
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count articles by site, month, section, author and language",
		Long: `Stats counts the articles of the archive: by site, ministry, month of publication,
section, author and language. Of each it tells how many have changed or come
back (edited), how many versions there are, how many are gone from their site,
how many characters lead and body have on average, and of which days the first
and the last are. An article with two authors counts for both.

--plot FILE draws the articles of each ministry by month: a PNG picture when its
name ends in .png, otherwise SVG. The status is 1 when there are no articles.`,
		Example: `  luutin stats
  luutin stats --by month --site moj.gov.vn --since 2018-01-01
  luutin stats --json --by author | jq -r .name
  luutin stats --plot months.svg
  luutin stats --plot months.png --site moj.gov.vn`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e.common = common
			for _, b := range by {
				if !slices.Contains(dataset.Groupings(), b) {
					return fmt.Errorf("--by %q is none of %s", b, strings.Join(dataset.Groupings(), ", "))
				}
			}
			if limit < 0 {
				return fmt.Errorf("--limit %d is less than 0", limit)
			}
			switch end := filepath.Ext(plot); strings.ToLower(end) {
			case "", ".svg", ".png":
			default:
				return fmt.Errorf("--plot %s: pictures are .svg or .png", plot)
			}
			if err := common.apart("--plot", plot); err != nil {
				return err
			}
			q := store.Query{Sites: e.sites}
			if err := e.days(&q, false); err != nil {
				return err
			}
			return withArchive(common, func(a store.Archive) (err error) {
				e.seen = map[string]string{}
				if e.shown, err = e.progress(cmd, a, true); err != nil {
					return err
				}
				defer e.shown.end()
				s, err := dataset.Count(e.matching(cmd.Context(), a, q))
				e.shown.end()
				if err != nil {
					return err
				}
				if plot != "" && s.All().Articles > 0 {
					if err := writePlot(cmd, common, s, plot); err != nil {
						return err
					}
				}
				if err := printStats(cmd.OutOrStdout(), common, s, by, limit); err != nil {
					return err
				}
				if s.All().Articles == 0 && !common.quiet {
					hint := ""
					if len(e.sites) > 0 {
						hint = "; luutin sites list names the sites"
					}
					fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no article matches"+hint)
				}
				return matched(s.All().Articles)
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&by, "by", dataset.Groupings(), "what to count by")
	f.StringArrayVar(&e.sites, "site", nil, "only articles of this `site` (may be repeated)")
	f.StringVar(&e.since, "since", "", "only articles published on this `day` or later")
	f.StringVar(&e.until, "until", "", "only those of this `day` or earlier")
	f.IntVarP(&limit, "limit", "n", 20, "how many sections, authors … to show; 0 means all, as --json does")
	f.StringVar(&plot, "plot", "", "the `file` to draw articles by ministry and month into (.svg or .png)")
	cmd.RegisterFlagCompletionFunc("site", common.completeSites)
	cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(dataset.Groupings(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func writePlot(cmd *cobra.Command, common *flags, s *dataset.Statistics, name string) error {
	p := s.Plot()
	if p == nil {
		if !common.quiet {
			fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no article has a date of publication, so there is nothing to draw")
		}
		return nil
	}
	if strings.EqualFold(filepath.Ext(name), ".png") {
		return writeWhole(name, p.PNG)
	}
	return writeWhole(name, p.SVG)
}

func printStats(out io.Writer, common *flags, s *dataset.Statistics, by []string, limit int) error {
	if common.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s.All()); err != nil {
			return err
		}
		for _, b := range by {
			for _, t := range s.By(b) {
				if err := enc.Encode(t); err != nil {
					return err
				}
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(t dataset.Tally, name string) {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%s\t%s\t  %s\n", t.Articles, t.Edited, t.Versions, t.Withdrawn, t.Characters, t.First, t.Last, name)
	}
	head := func(name string) {
		fmt.Fprintf(w, "articles\tedited\tversions\tgone\tcharacters\tfirst\tlast\t  %s\n", name)
	}
	head("")
	row(s.All(), "all")
	for _, b := range by {
		fmt.Fprintln(w)
		head("by " + b)
		all := s.By(b)
		shown := all
		if limit > 0 && b != "month" {
			shown = all[:min(limit, len(all))]
		}
		for _, t := range shown {
			name := t.Name
			if name == "" {
				name = "(none)"
			}
			row(t, name)
		}
		if n := len(all) - len(shown); n > 0 {
			fmt.Fprintf(w, "\t\t\t\t\t\t\t  … and %d more\n", n)
		}
	}
	return w.Flush()
}
