package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"luutin/extract/change"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/reread"
)

func reextractCommand(common *flags) *cobra.Command {
	var (
		o   reread.Options
		dry bool
	)
	cmd := &cobra.Command{
		Use:   "reextract",
		Short: "Read the stored pages again by the rules of today",
		Long: `Reextract reads every page that a version of an article was read from again,
by the rules of today and without asking anybody, and prints what it reads
otherwise, field by field. The better reading takes the place of the old one;
version, URLs, capture and times stay what they are, since the page has not
changed. luutin history tells of it, and the archive keeps what was read before.

Pages that were fetched before there was a rule for them, or were taken for
something else, are read too: one that is an article now gets its first version, or
a further one, dated by when it was fetched; never one before the latest. Visits
stay what they were, and so does the log of them. Of list pages those before the
last are read only when that one is an article now. An article that luutin repair
could not save is read from its pages in the same way.

A page that is no article to the rules of today is named, and its reading stays:
status 1. A reading that differs only in who read it, or by which rule, stays too.

It may be stopped at any moment: what was kept is kept, and --after goes on from
there. With --dry-run nothing is kept, and a crawl may go on meanwhile.`,
		Example: `  luutin reextract --dry-run --site moj.gov.vn
  luutin reextract --archive /srv/news
  luutin reextract --json --dry-run | jq -r '.fields | keys[]?' | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dry = dry
			return runReextract(cmd, common, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Sites, "site", nil, "only articles of this `site` (may be repeated)")
	f.BoolVar(&dry, "dry-run", false, "print what would change, and keep nothing")
	f.StringVar(&o.After, "after", "", "go on behind this `place`, which one that was stopped has named")
	cmd.RegisterFlagCompletionFunc("site", common.completeSites)
	return cmd
}

func runReextract(cmd *cobra.Command, common *flags, o reread.Options) (err error) {
	ctx, out, errOut := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	sites, err := common.loadSites()
	if err != nil {
		return err
	}
	archive, err := bolt.OpenSoon(ctx, common.archive, bolt.Options{ReadOnly: o.Dry, NoCreate: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	clear := func() {}
	if f, ok := errOut.(*os.File); ok && !common.quiet && term.IsTerminal(int(f.Fd())) {
		var shown time.Time
		o.Progress = func(n int) {
			if now := time.Now(); now.Sub(shown) >= interval {
				shown = now
				fmt.Fprintf(f, "\r%d pages ", n)
			}
		}
		clear = func() { fmt.Fprint(f, "\r\x1b[K") }
	}
	o.Canonical = sites.Canonical
	began := time.Now()
	sum, err := reread.Run(ctx, archive, sites, began, o, func(p *reread.Page) error {
		clear()
		if p.Outcome != "" || p.URL != "" {
			return unreadPage(out, p, o.Dry, common.json)
		}
		if common.json {
			return rereadJSON(out, p)
		}
		return rereadText(out, p, isTerminal(out))
	})
	clear()
	if err != nil {
		if sum.Last != "" && errors.Is(err, context.Canceled) {
			fmt.Fprintf(errOut, "luutin: %d pages read; --after %s goes on from there\n", sum.Pages, sum.Last)
		}
		return err
	}
	rate := float64(sum.Pages) / max(time.Since(began).Seconds(), 1e-3)
	if common.json {
		b, err := json.Marshal(struct {
			reread.Summary
			Rate float64 `json:"pages_per_second"`
			Dry  bool    `json:"dry_run"`
		}{sum, rate, o.Dry})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", b)
	} else {
		fmt.Fprintf(out, "%s; %.0f pages a second\n", rereadLine(&sum, o.Dry), rate)
	}
	if sum.Changed+sum.Added+sum.Further > 0 && !o.Dry && !common.quiet && !common.json {
		fmt.Fprintln(errOut, "luutin: what is searched is still the old; luutin index --rebuild brings it up to date")
	}
	if sum.Damaged > 0 && !common.quiet {
		fmt.Fprintln(errOut, "luutin: "+whatToDo)
	}
	if sum.Refused+sum.Damaged > 0 || sum.Pages+sum.Unread == 0 {
		return errNo
	}
	return nil
}

// rereadLine is 120 pages read again: 7 changed (body 5, lead 3), 112 the same, 1 not read any more.
func rereadLine(s *reread.Summary, dry bool) string {
	changed := "changed"
	if dry {
		changed = "would change"
	}
	line := fmt.Sprintf("%d pages read again: %d %s", s.Pages, s.Changed, changed)
	fields := slices.SortedFunc(maps.Keys(s.Fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Fields[b], s.Fields[a]), cmp.Compare(a, b))
	})
	for i, f := range fields {
		fields[i] = fmt.Sprintf("%s %d", f, s.Fields[f])
	}
	if len(fields) > 0 {
		line += " (" + strings.Join(fields, ", ") + ")"
	}
	line += fmt.Sprintf(", %d the same", s.Same)
	if s.Refused > 0 {
		line += fmt.Sprintf(", %d not read any more", s.Refused)
	}
	if s.Damaged > 0 {
		line += fmt.Sprintf(", %d damaged", s.Damaged)
	}
	if s.Added+s.Further > 0 {
		would := ""
		if dry {
			would = " would be"
		}
		line += fmt.Sprintf("; of %d pages that were no articles %d%s new", s.Unread, s.Added, would)
		if s.Further > 0 {
			line += fmt.Sprintf(", %d further versions", s.Further)
		}
	}
	return line
}

// unreadPage tells of a page that was no article before.
func unreadPage(out io.Writer, p *reread.Page, dry, asJSON bool) error {
	if asJSON {
		line := struct {
			URL     string    `json:"url"`
			ID      string    `json:"id,omitempty"`
			Outcome string    `json:"outcome,omitempty"`
			Title   string    `json:"title,omitempty"`
			Fetched time.Time `json:"fetched,omitzero"`
			Error   string    `json:"error,omitempty"`
		}{URL: p.URL, Outcome: string(p.Outcome)}
		if p.Err != nil {
			line.Error = p.Err.Error()
		} else {
			line.ID, line.Title, line.Fetched = p.New.ID, string(p.New.Title), p.New.Fetched
		}
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return enc.Encode(line)
	}
	if p.Err != nil {
		_, err := fmt.Fprintf(out, "%s: %v\n", p.URL, p.Err)
		return err
	}
	what := "new"
	if p.Outcome != store.Added {
		what = "a further version"
	}
	if dry {
		what = "would be " + what
	}
	_, err := fmt.Fprintf(out, "%s: %s, fetched %s: %s\n", p.URL, what, p.New.Fetched.Local().Format(time.DateOnly), p.New.Title)
	return err
}

// readings are the JSON of both, by key; now is nil when it was not read.
func readings(p *reread.Page) (old, now map[string]json.RawMessage, url string, err error) {
	if err := json.Unmarshal(p.Version.JSON, &old); err != nil && p.Err == nil {
		return nil, nil, "", err
	}
	if p.Old != nil {
		url = p.Old.URL
	}
	if p.New != nil {
		var b []byte
		if b, err = p.New.JSON(); err == nil {
			err = json.Unmarshal(b, &now)
		}
	}
	return old, now, url, err
}

func rereadJSON(out io.Writer, p *reread.Page) error {
	type values struct {
		Old json.RawMessage `json:"old"`
		New json.RawMessage `json:"new"`
	}
	line := struct {
		ID      string            `json:"id"`
		Version int               `json:"version"`
		URL     string            `json:"url"`
		Fields  map[string]values `json:"fields,omitempty"`
		Error   string            `json:"error,omitempty"`
	}{ID: p.Version.ID, Version: p.Version.Number, Fields: map[string]values{}}
	old, now, url, err := readings(p)
	if err != nil {
		return err
	}
	if line.URL = url; p.Err != nil {
		line.Error = p.Err.Error()
	}
	var damaged *store.Damaged
	if errors.As(p.Err, &damaged) {
		line.URL = damaged.URL
	}
	for _, f := range p.Fields {
		line.Fields[f] = values{old[f], now[f]}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}

func rereadText(out io.Writer, p *reread.Page, colours bool) error {
	var damaged *store.Damaged
	if errors.As(p.Err, &damaged) {
		_, err := fmt.Fprintf(out, "left out: %v\n", damaged)
		return err
	}
	old, now, url, err := readings(p)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s version %d: ", cmp.Or(url, p.Version.ID), p.Version.Number)
	if p.Err != nil {
		fmt.Fprintf(&b, "its reading stays: %v\n", p.Err)
		_, err := io.WriteString(out, b.String())
		return err
	}
	fmt.Fprintf(&b, "%s\n", strings.Join(p.Fields, ", "))
	words := map[string][]change.Edit{}
	for _, f := range change.Between(p.Old, p.New).Fields {
		words[f.Name] = f.Edits
	}
	for _, f := range p.Fields {
		switch edits := words[f]; {
		case edits != nil:
			fmt.Fprintf(&b, " %s\n", f)
			writeEdits(&b, edits, colours)
		case f == "blocks" && words["body"] != nil: // says the same again
		default:
			fmt.Fprintf(&b, " %s\n  - %s\n  + %s\n", f, old[f], now[f])
		}
	}
	_, err = io.WriteString(out, b.String())
	return err
}
