package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/crawler"
	"luutin/extract"
	"luutin/store"
)

func gapsCommand(common *flags) *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use:   "gaps [SITE…]",
		Short: "Show what seems to be missing, and the command that gets it",
		Long: `Gaps reads the archive, asks nobody, and shows what seems to be missing:

  - days on which a site usually publishes (by the same weekdays of the weeks
    around that have any news) and nothing is there; holidays are among them
  - articles that a list has named and that are not there: due, to be tried
    again, gone, blocked, or not read
  - numbers that no article has, where the addresses of a site's articles count
    them: the numbers grow with the date, and four of five around are known

and for each the command that gets it. Without SITE it is all sites of which the
archive holds anything; those that are not defined are named, since nothing can be
told of them. Status 0 says that nothing is missing, 1 that something is, or that
there are such sites.`,
		Example: `  luutin gaps moj.gov.vn
  luutin gaps --since 2018-01-01 --until 2018-12-31 moj.gov.vn
  luutin gaps --json moj.gov.vn | jq -r .fill | sort -u | sh`,
		ValidArgsFunction: common.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, x := range []struct{ flag, day string }{{"--since", since}, {"--until", until}} {
				if _, err := time.Parse(time.DateOnly, x.day); x.day != "" && err != nil {
					return fmt.Errorf("%s %q is no day such as 2018-01-19", x.flag, x.day)
				}
			}
			if since != "" && until != "" && until < since {
				return fmt.Errorf("--until %s is before --since %s", until, since)
			}
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			names, _, err := chooseSites(sites, args)
			if err != nil {
				return err
			}
			return withArchive(common, func(a store.Archive) error {
				return showGaps(cmd, common, a, sites, names, since, until)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&since, "since", "", "only what was published on this `day` or later")
	f.StringVar(&until, "until", "", "only what was published on this `day` or earlier")
	return cmd
}

func showGaps(cmd *cobra.Command, common *flags, a store.Archive, sites *extract.Sites, names []string, since, until string) error {
	var unknown []string
	if len(names) == 0 {
		var err error
		if unknown, err = undefined(cmd.Context(), a, sites); err != nil {
			return err
		}
	}
	c := crawler.Crawler{Archive: a, Sites: sites}
	out := cmd.OutOrStdout()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	any := false
	reports := map[string]*gapReport{}
	err := c.Gaps(cmd.Context(), names, since, until, func(g crawler.Gap) error {
		any = true
		if common.json {
			return enc.Encode(struct {
				crawler.Gap
				Fill string `json:"fill"`
			}{g, common.commandLine(g.Fill)})
		}
		if reports[g.Site] == nil {
			reports[g.Site] = &gapReport{entries: map[string]*gapEntries{}}
		}
		reports[g.Site].add(g)
		return nil
	})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = sites.Names()
	}
	first := true
	for _, name := range names {
		r := reports[name]
		if r == nil {
			continue
		}
		if !first {
			fmt.Fprintln(out)
		}
		first = false
		fmt.Fprintln(out, name)
		r.print(out, common)
	}
	if len(unknown) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: what is missing of some cannot be told: %s\n", common.sayUndefined(unknown))
	}
	if any || len(unknown) > 0 {
		return errNo
	}
	if !common.quiet {
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing seems to be missing")
	}
	return nil
}

// shownGaps is how many of a kind people are shown; --json has them all.
const shownGaps = 10

// A gapReport is what is missing of one site.
type gapReport struct {
	days, numbers         []crawler.Gap // the first ones
	nDays, spans, nNumber int
	holes                 int
	entries               map[string]*gapEntries // by state
}

type gapEntries struct {
	n     int
	first []crawler.Gap
}

func (r *gapReport) add(g crawler.Gap) {
	switch g.Kind {
	case crawler.GapDays:
		r.nDays += g.Days
		if r.spans++; r.spans <= shownGaps {
			r.days = append(r.days, g)
		}
	case crawler.GapNumbers:
		r.nNumber += g.Last - g.First + 1
		if r.holes++; r.holes <= shownGaps {
			r.numbers = append(r.numbers, g)
		}
	default:
		e := r.entries[g.State]
		if e == nil {
			e = &gapEntries{}
			r.entries[g.State] = e
		}
		if e.n++; e.n <= shownGaps/2 {
			e.first = append(e.first, g)
		}
	}
}

func (r *gapReport) print(w io.Writer, common *flags) {
	fill := func(args []string) { fmt.Fprintf(w, "      %s\n", common.commandLine(args)) }
	more := func(all, shown int) {
		if all > shown {
			fmt.Fprintf(w, "    … and %d more (--json has them all)\n", all-shown)
		}
	}
	if r.nDays > 0 {
		fmt.Fprintf(w, "  usually publishes, and nothing is there: %s\n", count(r.nDays, "day"))
		for _, g := range r.days {
			span, days := g.Since, ""
			if g.Until != g.Since {
				span, days = g.Since+" … "+g.Until, count(g.Days, "day")+", "
			}
			fmt.Fprintf(w, "    %s  %susually %v a day\n", span, days, g.Usual)
			fill(g.Fill)
		}
		more(r.spans, len(r.days))
	}
	all := 0
	for _, e := range r.entries {
		all += e.n
	}
	if all > 0 {
		fmt.Fprintf(w, "  named by lists, and not there: %s\n", count(all, "article"))
	}
	for _, state := range []string{"due", "retry", "blocked", "gone", "not read"} {
		e := r.entries[state]
		if e == nil {
			continue
		}
		fmt.Fprintf(w, "    %s: %d\n", state, e.n)
		if state == "due" {
			fill(e.first[0].Fill)
			continue
		}
		for _, g := range e.first {
			if reason := g.Reason; reason != "" {
				if !g.Gone.IsZero() {
					reason += ", since " + g.Gone.Local().Format(time.DateOnly)
				}
				fmt.Fprintf(w, "      # %s\n", reason)
			}
			fill(g.Fill)
		}
		more(e.n, len(e.first))
	}
	if r.nNumber > 0 {
		fmt.Fprintf(w, "  numbers that no article has: %d\n", r.nNumber)
		form := ""
		for _, g := range r.numbers {
			if g.URL != form {
				form = g.URL
				fmt.Fprintf(w, "    in %s\n", form)
			}
			span := fmt.Sprint(g.First)
			if g.Last > g.First {
				span = fmt.Sprintf("%d … %d", g.First, g.Last)
			}
			if g.Since != "" && g.Until != "" {
				span += fmt.Sprintf("  between %s and %s", g.Since, g.Until)
			}
			fmt.Fprintf(w, "    %s\n", span)
			fill(g.Fill)
		}
		more(r.holes, len(r.numbers))
	}
}

// commandLine writes a command of this program for a shell, for the same
// archive and definitions.
func (f *flags) commandLine(args []string) string {
	words := []string{"luutin"}
	if f.archive != "archive" {
		words = append(words, "--archive", f.archive)
	}
	if f.sites != "" {
		words = append(words, "--sites", f.sites)
	}
	words = append(words, args...)
	for i, word := range words {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,") != "" {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
