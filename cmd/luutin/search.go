package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"luutin/store"
	"luutin/store/search"
)

func searchCommand(common *flags) *cobra.Command {
	var q search.Query
	var by string
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find articles by their words",
		Long: `Search finds the articles that hold every word of a query, in the title, the
text or the names of the authors. Words are found however they are typed: with
their marks, without them (bo tu phap), with the mark of tone on either vowel.
A query may hold

  "bộ tư pháp"            words side by side
  -word -"two words"      what must not be there
  title: author:          words of the title, of an author
  ministry: site: section:   a ministry and so on by its whole name, or by words
                          of it when none is called so; of several one must fit
  since: until:           a day as printed (2018-01-19), a month or a year

First come the articles with every mark as it was typed, then those with the
words side by side in the title, with all of them in the title, side by side in
the text; of the equally good the newest.

The index (the directory search of the archive) is made from the archive by the first search, is kept up
by crawls and searches from then on, and may be deleted at any time. The status
is 1 when nothing was found.`,
		Example: `  luutin search bo tu phap
  luutin search '"đất đai" ministry:"tư pháp" since:2018 -title:"họp báo"'
  luutin search --by date --limit 5 chuyển đổi số
  luutin search --json --facets ngân sách | jq -r .url`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Text = strings.Join(args, " ")
			switch by {
			case "date":
				q.ByDate = true
			case "relevance":
			default:
				return fmt.Errorf("--by %q is neither relevance nor date", by)
			}
			if q.Limit < 0 || q.Offset < 0 {
				return errors.New("--limit and --offset are counted from 0")
			}
			if q.Limit == 0 {
				q.Limit = -1
			}
			return withArchive(common, func(a store.Archive) error {
				index, err := openIndex(cmd, common, a, true)
				if err != nil {
					return err
				}
				defer index.Close()
				found, err := index.Find(cmd.Context(), q)
				if err != nil {
					return err
				}
				if err := printResults(cmd, common, &found, &q); err != nil {
					return err
				}
				sayNoFields(cmd, common, q.Text)
				return matched(found.Total)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&by, "by", "relevance", "relevance, the best first, or date, the newest first")
	f.StringVar(&q.Since, "since", "", "published on this `day` or later")
	f.StringVar(&q.Until, "until", "", "published on this `day` or earlier")
	f.StringArrayVar(&q.Sites, "site", nil, "only articles of this `site` (may be repeated)")
	f.IntVarP(&q.Limit, "limit", "n", 10, "how many to show")
	f.IntVar(&q.Offset, "offset", 0, "how many to leave out before")
	f.BoolVar(&q.Facets, "facets", false, "count what is found by ministry, year, section and site")
	cmd.RegisterFlagCompletionFunc("site", common.completeSites)
	cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"relevance", "date"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// likeField finds what looks like a field of a query; quoted is what stands in
// quotes, where there are none.
var (
	likeField = regexp.MustCompile(`(?:^|\s)[-+]?([A-Za-z][A-Za-z_]*):[^/\s]`)
	quoted    = regexp.MustCompile(`["“”«»][^"“”«»]*["“”«»]`)
)

// sayNoFields says which words of a query look like fields that there are not.
func sayNoFields(cmd *cobra.Command, common *flags, query string) {
	for _, m := range likeField.FindAllStringSubmatch(quoted.ReplaceAllString(query, "x"), -1) {
		if !slices.Contains(search.Fields(), strings.ToLower(m[1])) && !common.quiet {
			fmt.Fprintf(cmd.ErrOrStderr(), "luutin: there is no field %s, so these were looked for as words; the fields are %s\n", m[1], strings.Join(search.Fields(), ", "))
		}
	}
}

func indexCommand(common *flags) *cobra.Command {
	var rebuild bool
	cmd := &cobra.Command{
		Use:   "index",
		Short: "Bring the search index up to date",
		Long: `Index adds to the search index what the archive has and it does not: the first
time everything. Crawls keep an index up that is there. It may be stopped at any
moment; the next one goes on.`,
		Example: `  luutin index
  luutin index --rebuild      from nothing: when articles were read again, or the index is in doubt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withArchive(common, func(a store.Archive) error {
				index, err := search.Open(common.archive, a, search.Options{Anew: sayAnew(cmd.ErrOrStderr(), common)})
				if err != nil {
					return err
				}
				defer index.Close()
				show, end := indexing(cmd, common)
				update := index.Update
				if rebuild {
					update = index.Rebuild
				}
				n, err := update(cmd.Context(), show)
				end()
				if err == nil && !common.quiet {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d articles indexed\n", n)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "make the index anew")
	return cmd
}

// openIndex opens the index and brings it up to date as far as that can be:
// what cannot is said, and what is there is searched. With hurry that is also so
// while another process brings it up to date.
func openIndex(cmd *cobra.Command, common *flags, a store.Archive, hurry bool) (*search.Index, error) {
	index, err := search.Open(common.archive, a, search.Options{NoWait: hurry, Anew: sayAnew(cmd.ErrOrStderr(), common)})
	if err != nil {
		var readErr error
		if index, readErr = search.Open(common.archive, a, search.Options{ReadOnly: true}); readErr != nil {
			return nil, mayNotMake(err)
		}
	} else {
		show, end := indexing(cmd, common)
		_, err = index.Update(cmd.Context(), show)
		end()
	}
	if cmd.Context().Err() != nil {
		index.Close()
		return nil, cmd.Context().Err()
	}
	if err != nil { // an index without anything in it would say that nothing is there
		if all, e := index.Find(cmd.Context(), search.Query{Limit: -1}); e != nil || all.Total == 0 {
			index.Close()
			return nil, err
		}
	}
	if err != nil && !common.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: what is newest may be missing: %v\n", err)
	}
	return index, nil
}

// mayNotWrite reports whether something could not be written as it may not be:
// by this user, or on this medium.
func mayNotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// mayNotMake says what to do about an index that is not there and could not be
// made.
func mayNotMake(err error) error {
	if mayNotWrite(err) {
		err = fmt.Errorf("there is no search index, and it cannot be made: %w; let somebody run luutin index who may write there, or search a copy that luutin backup makes", err)
	}
	return err
}

// sayAnew says that the index is made anew, which may take a while, and why.
func sayAnew(errOut io.Writer, common *flags) func(why error) {
	if common.quiet {
		return nil
	}
	return func(why error) { fmt.Fprintf(errOut, "luutin: the search index is made anew: %v\n", why) }
}

// indexing shows on a terminal how far the index is.
func indexing(cmd *cobra.Command, common *flags) (show func(done, total int), end func()) {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || common.quiet || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	shown := false
	return func(done, total int) {
			shown = true
			fmt.Fprintf(f, "\r%d of %d articles indexed ", done, total)
		}, func() {
			if shown {
				fmt.Fprint(f, "\r\x1b[K")
			}
		}
}

// keepIndex keeps an index that is there up with a crawl until the function
// that it returns is called. It fails alone: an index that is behind catches up
// with the next search.
func keepIndex(ctx context.Context, errOut io.Writer, common *flags, a store.Archive) (end func()) {
	if !search.Exists(common.archive) {
		return func() {}
	}
	const pause = time.Minute
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		index, err := search.Open(common.archive, a, search.Options{Anew: sayAnew(errOut, common)})
		if err != nil {
			done <- err
			return
		}
		defer index.Close()
		for last := false; ; {
			if _, err := index.Update(ctx, nil); last || err != nil {
				done <- err
				return
			}
			select {
			case <-stop:
				last = true
			case <-time.After(pause):
			}
		}
	}()
	return func() {
		close(stop)
		if err := <-done; err != nil && ctx.Err() == nil && !common.quiet {
			fmt.Fprintf(errOut, "luutin: %v; the crawl is not touched by it, and the next search catches up\n", err)
		}
	}
}

func printResults(cmd *cobra.Command, common *flags, found *search.Results, q *search.Query) error {
	out := cmd.OutOrStdout()
	if common.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for i := range found.Hits {
			if err := enc.Encode(&found.Hits[i]); err != nil {
				return err
			}
		}
		if q.Facets {
			counts := *found
			counts.Hits = nil
			return enc.Encode(struct {
				search.Results
				Hits bool `json:"hits,omitempty"` // stand above
			}{Results: counts})
		}
		return nil
	}
	mark := func(pieces []search.Piece) string { return plain(pieces, "", "") }
	if f, ok := out.(*results); ok {
		if f, ok := f.w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			mark = func(pieces []search.Piece) string { return plain(pieces, "\x1b[1m", "\x1b[0m") }
		}
	}
	for i, h := range found.Hits {
		if i > 0 {
			fmt.Fprintln(out)
		}
		published := "no date"
		if h.Published != nil {
			published = h.Published.Format(time.DateOnly)
		}
		fmt.Fprintf(out, "%s\n  %s  %s  %s\n", mark(h.Headline), published, h.Site, h.URL)
		if len(h.Snippet) > 0 {
			fmt.Fprintf(out, "  %s\n", mark(h.Snippet))
		}
	}
	for _, c := range []struct {
		name   string
		counts []search.Count
	}{{"ministry", found.Ministries}, {"year", found.Years}, {"section", found.Sections}, {"site", found.Sites}} {
		if len(c.counts) == 0 {
			continue
		}
		fmt.Fprintf(out, "\nby %s\n", c.name)
		for _, n := range c.counts {
			name := n.Name
			if name == "" {
				name = "(none)"
			}
			fmt.Fprintf(out, "%8d  %s\n", n.Count, name)
		}
	}
	if !common.quiet {
		errOut := cmd.ErrOrStderr()
		if n := len(found.Missing); n > 0 {
			fmt.Fprintf(errOut, "luutin: %d more came while this search ran; search again to see them\n", n)
		}
		shown := len(found.Hits) + len(found.Missing)
		if first := q.Offset + 1; shown > 0 && (first > 1 || shown < found.Total) {
			fmt.Fprintf(errOut, "%d to %d of %d found\n", first, q.Offset+shown, found.Total)
		} else {
			fmt.Fprintf(errOut, "%d found\n", found.Total)
		}
	}
	return nil
}

// plain writes pieces as one line, without what a terminal would obey.
func plain(pieces []search.Piece, mark, end string) string {
	var b strings.Builder
	for _, p := range pieces {
		text := strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f || 0x80 <= c && c < 0xa0 {
				return ' '
			}
			return c
		}, p.Text)
		if p.Mark {
			text = mark + text + end
		}
		b.WriteString(text)
	}
	return b.String()
}
