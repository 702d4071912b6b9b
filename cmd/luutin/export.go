package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/warc"
)

func exportCommand(common *flags) *cobra.Command {
	var e exportRun
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the articles as JSON, or the visits as WARC or WACZ",
		Long: `Export writes the latest version of every article, one JSON object a line,
host by host in the order in which they were first kept. Days in --since and
--until are days as the article prints them; an article without a date of
publication matches neither. A file named by -o is written whole or not at all.

With --format warc or wacz it writes what was visited instead: every answer
with its headers and its bytes, every redirect, every article that was read.
WARC (ISO 28500) is what other web archives read; a WACZ package opens in
ReplayWeb.page. --since and --until are then days (UTC) on which pages were
asked for. luutin import reads both.`,
		Example: `  luutin export > all.jsonl
  luutin export --format warc -o all.warc.gz
  luutin export --format wacz --site moj.gov.vn --since 2026-01-01 -o moj.wacz
  luutin export --site moj.gov.vn --since 2018-01-01 --until 2018-12-31 -o 2018.jsonl
  luutin export --history --format json
  luutin export --unique                   without what others reprint`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e.common = common
			return e.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.format, "format", "jsonl", "jsonl, an object a line, json, one array, warc or wacz")
	f.StringArrayVar(&e.sites, "site", nil, "only articles of this `site` (may be repeated)")
	f.StringVar(&e.since, "since", "", "only articles published (WARC, WACZ: pages asked for) on this `day` or later")
	f.StringVar(&e.until, "until", "", "only those of this `day` or earlier")
	f.BoolVar(&e.history, "history", false, "every version, not only the latest")
	f.BoolVar(&e.unique, "unique", false, "one article of each family: of those that carry the same text, the first (luutin families)")
	f.StringVarP(&e.output, "output", "o", "", "the `file` to write (default: standard output)")
	cmd.RegisterFlagCompletionFunc("site", common.completeSites)
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(exportFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var exportFormats = []string{"jsonl", "json", "warc", "wacz"}

type exportRun struct {
	common       *flags
	format       string
	sites        []string
	since, until string
	history      bool
	unique       bool
	output       string

	others map[string]bool // articles that are left out for one of their family
}

// someZone is the widest that a day as printed can be off from the same day in UTC.
const someZone = 14 * time.Hour

func (e *exportRun) run(cmd *cobra.Command) (err error) {
	if !slices.Contains(exportFormats, e.format) {
		return fmt.Errorf("--format %q is none of %s", e.format, strings.Join(exportFormats, ", "))
	}
	visits := e.format == "warc" || e.format == "wacz"
	if visits && (e.history || e.unique) {
		return fmt.Errorf("--history and --unique are for articles; --format %s has all that was visited", e.format)
	}
	if e.unique && e.history {
		return errors.New("--unique and --history do not go together: a family is of latest versions")
	}
	q := store.Query{Sites: e.sites, History: e.history}
	for _, x := range []struct {
		flag, day string
		bound     *time.Time
		slack     time.Duration
	}{{"--since", e.since, &q.Since, -someZone}, {"--until", e.until, &q.Until, 24*time.Hour + someZone}} {
		if x.day == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, x.day)
		if err != nil {
			return fmt.Errorf("%s %q is no day such as 2018-01-19", x.flag, x.day)
		}
		if *x.bound = day.Add(x.slack); visits {
			*x.bound = day
		}
	}
	archive, err := bolt.Open(e.common.archive, bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer archive.Close()

	n, what := 0, "articles"
	write := func(w io.Writer) (err error) {
		if visits {
			what = "visits"
			n, err = e.writeVisits(cmd.Context(), w, archive, q)
		} else {
			n, err = e.write(cmd.Context(), w, archive, q)
		}
		if err == nil && n == 0 && e.output != "" {
			return errNo // what the file held stays
		}
		return err
	}
	if e.output == "" {
		err = write(cmd.OutOrStdout())
	} else {
		err = writeWhole(e.output, write)
	}
	if err != nil && err != errNo {
		return err
	}
	switch {
	case e.common.quiet:
	case n == 0 && len(e.sites) > 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no "+strings.TrimSuffix(what, "s")+" matches; luutin sites list names the sites")
	case n == 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no "+strings.TrimSuffix(what, "s")+" matches")
	case e.output != "":
		fmt.Fprintf(cmd.ErrOrStderr(), "%d %s written to %s\n", n, what, e.output)
	}
	return matched(n)
}

// writeWhole writes a file whole or not at all: what was there stays until all
// is written. A link is followed, and what is no regular file (a device, a
// pipe) is written to as it is.
func writeWhole(name string, write func(io.Writer) error) error {
	mode := fs.FileMode(0o644)
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("write %s: it is a directory", name)
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if err := write(f); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	case err == nil:
		mode = info.Mode().Perm()
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Unwrap(err))
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// writeVisits writes WARC or WACZ and returns how many visits are in it.
func (e *exportRun) writeVisits(ctx context.Context, w io.Writer, archive store.Archive, q store.Query) (int, error) {
	o := warc.Options{
		VisitQuery: store.VisitQuery{Sites: q.Sites, Since: q.Since, Until: q.Until},
		Software:   "luutin/" + extract.Version, Now: time.Now(),
	}
	if !q.Until.IsZero() {
		o.Until = q.Until.AddDate(0, 0, 1)
	}
	b := bufio.NewWriterSize(w, 256<<10)
	write := warc.Export
	if e.format == "wacz" {
		write = warc.WACZ
	}
	counts, err := write(ctx, archive, b, o)
	if err != nil {
		return counts.Visits, err
	}
	return counts.Visits, b.Flush()
}

func matched(n int) error {
	if n == 0 {
		return errNo
	}
	return nil
}

// matching yields the versions of a query whose day, as printed, is meant.
func (e *exportRun) matching(ctx context.Context, archive store.Archive, q store.Query) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		for v, err := range archive.Articles(ctx, q) {
			day := v.Published.Format(time.DateOnly)
			if err == nil && (e.since != "" && day < e.since || e.until != "" && day > e.until) {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func (e *exportRun) write(ctx context.Context, w io.Writer, archive store.Archive, q store.Query) (n int, err error) {
	b := bufio.NewWriterSize(w, 256<<10)
	if e.unique {
		if e.others, err = others(ctx, archive, e.matching(ctx, archive, q)); err != nil {
			return 0, err
		}
	}
	between := "\n"
	if e.format == "json" {
		b.WriteString("[\n")
		between = ",\n"
	}
	for v, err := range e.matching(ctx, archive, q) {
		if err != nil {
			return n, err
		}
		if e.others[v.ID] {
			continue
		}
		if n > 0 {
			b.WriteString(between)
		}
		if _, err := b.Write(v.JSON); err != nil {
			return n, err
		}
		n++
	}
	if n > 0 {
		b.WriteString("\n")
	}
	if e.format == "json" {
		b.WriteString("]\n")
	}
	return n, b.Flush()
}
