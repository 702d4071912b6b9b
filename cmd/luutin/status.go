package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/crawler/watch"
	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

func statusCommand(common *flags) *cobra.Command {
	var past bool
	cmd := &cobra.Command{
		Use:   "status [SITE…]",
		Short: "How the sites are doing, and what is wrong",
		Long: `Status tells of each site in the archive: when it last brought a page, what is
new and changed and what failed in the last seven days, how many days ago
something was published last and how many are usual, which fields are missing
more often than they used to, and the alarms that last. Named sites are told of
in full: how often each field is filled, against the site's own history, what
waits in the frontier, and which of its hosts want to be left alone until when.

The alarms are

  rule died     a selector no longer finds its field, or a list leads to nothing
  moved         start pages or articles are no longer where they were
  blocked       challenges, logins and refusals instead of pages
  unreachable   a day and more without an answer
  quiet         nothing new for longer than the site's own rhythm lets expect
  slow          answers take much longer than is usual for the site

Nobody is asked: status reads the archive. Sites of the archive that are not
defined are named. The status is 1 while an alarm lasts.`,
		Example: `  luutin status
  luutin status moj.gov.vn
  luutin status --past                     the alarms that have ended, too
  luutin status --json | jq 'select(.alarms != [])'`,
		ValidArgsFunction: common.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			names, pages, err := chooseSites(sites, args)
			if err != nil {
				return err
			}
			if len(pages) > 0 {
				return fmt.Errorf("status is of sites, not of pages; luutin show tells of %s", pages[0].URL)
			}
			archive, err := bolt.Open(common.archive, bolt.Options{ReadOnly: true})
			if err != nil {
				return err
			}
			defer archive.Close()
			return status(cmd, common, archive, sites, names, past)
		},
	}
	cmd.Flags().BoolVar(&past, "past", false, "the alarms that have ended, too")
	return cmd
}

func status(cmd *cobra.Command, common *flags, archive store.Archive, sites *extract.Sites, names []string, past bool) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	whole := len(names) > 0
	var unknown []string
	if !whole {
		names = sites.Names()
		var err error
		if unknown, err = undefined(ctx, archive, sites); err != nil {
			return err
		}
	}
	now := time.Now()
	var reports []watch.Report
	for _, name := range names {
		r, _, err := watch.Look(ctx, archive, sites, name, now)
		if err != nil {
			return err
		}
		if whole || r.Total.Visits > 0 {
			reports = append(reports, r)
		}
	}
	if len(reports) == 0 && len(unknown) > 0 {
		return errors.New(common.sayUndefined(unknown))
	}
	if len(unknown) > 0 && !common.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %s\n", common.sayUndefined(unknown))
	}
	if len(reports) == 0 {
		return fmt.Errorf("nothing was visited yet; luutin crawl does: %w", store.ErrNotFound)
	}
	var ended []store.Alarm
	if past {
		all, err := archive.Alarms(ctx, "")
		if err != nil {
			return err
		}
		for _, a := range all {
			if !a.Ended.IsZero() && slices.Contains(names, a.Site) {
				ended = append(ended, a)
			}
		}
	}
	alarm := slices.ContainsFunc(reports, func(r watch.Report) bool { return len(r.Alarms) > 0 })
	switch {
	case common.json:
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for _, r := range reports {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		for _, a := range ended {
			if err := enc.Encode(struct {
				Past store.Alarm `json:"past"`
			}{a}); err != nil {
				return err
			}
		}
	case whole:
		for i, r := range reports {
			if i > 0 {
				fmt.Fprintln(out)
			}
			states := map[store.State]int{}
			for t, err := range archive.Targets(ctx, store.Selection{Site: r.Site}) {
				if err != nil {
					return err
				}
				states[t.State]++
			}
			site, _ := sites.Site(r.Site)
			tell(out, r, cmp.Or(site.Ministry, site.Title), states, now)
		}
	default:
		table(out, reports, now)
	}
	if !common.json {
		for _, a := range ended {
			fmt.Fprintf(out, "%s  ended: %s, %s to %s: %s\n", a.Site, a.Name, date(a.Began), date(a.Ended), a.What)
		}
	}
	if alarm {
		return errNo
	}
	return nil
}

// table shows a line for each site, and the alarms below.
func table(out io.Writer, reports []watch.Report, now time.Time) {
	width := len("site")
	for _, r := range reports {
		width = max(width, len(r.Site))
	}
	fmt.Fprintf(out, "%-*s  %-12s  %5s  %7s  %6s  %s\n", width, "site", "last success", "new", "changed", "failed", "silence")
	for _, r := range reports {
		var marks []string
		for _, a := range r.Alarms {
			marks = append(marks, strings.ToUpper(a.Name))
		}
		marks = append(marks, fallen(r)...)
		for _, h := range r.Resting {
			marks = append(marks, "resting: "+rest(h))
		}
		line := fmt.Sprintf("%-*s  %-12s  %5d  %7d  %6d  %-9s  %s", width, r.Site, ago(r.LastSuccess, now), r.Week.Added, r.Week.Changed, r.Week.Failed, silence(r), strings.Join(marks, ", "))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	fmt.Fprintln(out, "new, changed and failed are of the last seven days; silence is in days, of those that are usual")
	for _, r := range reports {
		for _, a := range r.Alarms {
			tellAlarm(out, a, a.Site+"  ")
		}
	}
}

// tell shows a site in full.
func tell(out io.Writer, r watch.Report, whose string, states map[store.State]int, now time.Time) {
	fmt.Fprintln(out, strings.TrimSpace(r.Site+"  "+whose))
	item := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Total.Visits == 0 {
		item("never visited", "luutin crawl %s", r.Site)
		return
	}
	success := "never"
	if !r.LastSuccess.IsZero() {
		success = fmt.Sprintf("%s (%s)", r.LastSuccess.Local().Format(time.DateTime), ago(r.LastSuccess, now))
	}
	item("last success", "%s", success)
	item("seven days", "%s", counts(r.Week, 0))
	item("since ever", "%s", counts(r.Total, 0))
	switch {
	case r.Newest == "":
		item("newest", "nothing has a date yet")
	case r.Usual == 0:
		item("newest", "%s, %s ago; the site's rhythm is not known yet", r.Newest, days(r.Silence))
	default:
		item("newest", "%s, %s ago; silences of up to %s are usual", r.Newest, days(r.Silence), days(r.Usual))
	}
	item("thirty days", "%s", bars(r.Perday))
	for i, f := range r.Fields {
		name := ""
		if i == 0 {
			name = "fields"
		}
		mark := ""
		if f.Fallen() {
			mark = "  fallen"
		}
		item(name, "%-10s %s; %s before%s", f.Name, share(f.Recent), share(f.Usual), mark)
	}
	if sp := r.Answers; sp.Recent > 0 {
		usual := "what is usual is not known yet"
		if sp.Usual > 0 {
			usual = sp.Usual.Round(time.Millisecond).String() + " is usual"
		}
		item("answers take", "%s; %s", sp.Recent.Round(time.Millisecond), usual)
	}
	var waiting []string
	for _, s := range []store.State{store.Due, store.RetryAt, store.Done, store.Gone, store.Blocked} {
		if states[s] > 0 {
			waiting = append(waiting, fmt.Sprintf("%d %s", states[s], s))
		}
	}
	item("frontier", "%s", cmp.Or(strings.Join(waiting, ", "), "empty"))
	for i, h := range r.Resting {
		name := ""
		if i == 0 {
			name = "resting"
		}
		item(name, "%s", rest(h))
	}
	for _, a := range r.Alarms {
		tellAlarm(out, a, "  ")
	}
}

// rest says until when a host is left alone.
func rest(r watch.Rest) string {
	return fmt.Sprintf("%s is not to be asked before %s", r.Host, r.Until.Local().Format(time.DateTime))
}

func tellAlarm(out io.Writer, a store.Alarm, indent string) {
	fmt.Fprintf(out, "%sALARM %s: %s\n", indent, a.Name, a.What)
	inner := strings.Repeat(" ", len(indent))
	for _, d := range a.Details {
		fmt.Fprintf(out, "%s  %s\n", inner, d)
	}
	if a.Page != "" {
		fmt.Fprintf(out, "%s  look at %s\n", inner, a.Page)
	}
	if a.Name == watch.RuleDied {
		fmt.Fprintf(out, "%s  luutin sites heal %s may find the rule again\n", inner, a.Site)
	}
}

// glance is one line about a site at the end of a crawl.
func glance(r watch.Report) string {
	parts := []string{}
	if r.Newest != "" {
		s := fmt.Sprintf("newest %s, %s ago", r.Newest, days(r.Silence))
		if r.Usual > 0 {
			s += fmt.Sprintf(" (up to %d are usual)", r.Usual)
		}
		parts = append(parts, s)
	}
	parts = append(parts, "seven days: "+counts(r.Week, 4))
	if marks := fallen(r); len(marks) > 0 {
		parts = append(parts, "missing more often: "+strings.Join(marks, ", "))
	} else if r.Week.Read > 0 {
		parts = append(parts, "fields as usual")
	}
	return strings.Join(parts, "; ")
}

// counts writes a sum on one line, with this many causes at most; 0 means all.
func counts(s watch.Sum, causes int) string {
	gone := ""
	if s.Gone > 0 {
		gone = fmt.Sprintf(", %d gone", s.Gone)
	}
	line := fmt.Sprintf("%d visits, %d new, %d changed%s, %d failed", s.Visits, s.Added, s.Changed, gone, s.Failed)
	var why []string
	for _, c := range slices.SortedFunc(maps.Keys(s.Causes), func(a, b string) int { return cmp.Or(s.Causes[b]-s.Causes[a], cmp.Compare(a, b)) }) {
		why = append(why, fmt.Sprintf("%s %d", c, s.Causes[c]))
	}
	if causes > 0 && len(why) > causes {
		why = append(why[:causes], "…")
	}
	if len(why) > 0 {
		line += " (" + strings.Join(why, ", ") + ")"
	}
	return line
}

func fallen(r watch.Report) (marks []string) {
	for _, f := range r.Fields {
		if f.Fallen() {
			marks = append(marks, fmt.Sprintf("%s %s (%s)", f.Name, share(f.Recent), share(f.Usual)))
		}
	}
	return marks
}

func share(x float64) string {
	if x < 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

func silence(r watch.Report) string {
	switch {
	case r.Newest == "":
		return "-"
	case r.Usual == 0:
		return fmt.Sprint(r.Silence)
	}
	return fmt.Sprintf("%d of %d", r.Silence, r.Usual)
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

func date(t time.Time) string { return t.Local().Format(time.DateOnly) }

// ago says how long ago something was, in the largest unit that fits.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}

// bars draws numbers as a line of blocks, and says what the highest stands for.
func bars(ns []int) string {
	top := slices.Max(ns)
	if top == 0 {
		return "nothing was published"
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range ns {
		if n == 0 {
			b.WriteByte('.')
			continue
		}
		b.WriteRune(blocks[(n*len(blocks)-1)/top])
	}
	return fmt.Sprintf("%s  %d published, %d on one day at most", b.String(), sumOf(ns), top)
}

func sumOf(ns []int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}
