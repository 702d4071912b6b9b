package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/tidwall/gjson"
	"golang.org/x/term"

	"luutin/crawler"
	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/dataset"
	"luutin/store/search"
	"luutin/store/warc"
)

func exportCommand(common *flags) *cobra.Command {
	var e exportRun
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the articles as JSON, CSV, Parquet …, or the visits as WARC or WACZ",
		Long: `Export writes the latest version of every article, one JSON object a line,
host by host in the order in which they were first kept. Days in --since and
--until are days as the article prints them; an article without a date of
publication matches neither. A file named by -o is written whole or not at all.

--ministry and --section take the name that something has, with or without its
marks, or words of it: the whole name of one means that one, and no other that
holds it. --author takes words of the name, --query what luutin search takes.
Several of one kind mean any of them.

With --after FILE only what was kept since the last export with that file is
written, and the file then says how far this one came. What luutin reextract has
corrected is no news: export all of it again afterwards. A file of another
archive, or of one that was since restored from an earlier copy, is refused.
When nothing was, the status is 1 and what -o names stays as it was.

An article that is damaged is left out and named, and the status is 1. With
--after FILE what its host has behind it comes again the next time, until luutin
repair has made an archive without it.

  jsonl, json   the records as they are kept; --fields leaves keys out
  csv           a table; lists stand in a cell as JSON, null as nothing. A cell
                that begins with = + - @ tab or an apostrophe gets an apostrophe
                before it, since spreadsheets run such cells as formulas:
                programs take one away again, or use --raw-cells
  parquet       the same with types, for DuckDB, pandas, Arrow; moments are UTC,
                with the offset that was printed beside them; blocks and
                provenance are JSON as text
  atom          a feed        markdown   for reading

With --format warc or wacz it writes what was visited instead: every answer
with its headers and its bytes, every redirect, every article that was read.
WARC (ISO 28500) is what other web archives read; a WACZ package opens in
ReplayWeb.page. --since and --until are then days (UTC) on which pages were
asked for. luutin import reads both. A visit that brought what is damaged now, or
was lost in a repair, is left out and named: status 1. So is an article; the page
that it was read from is written all the same.

With --package it writes a directory that can be cited and deposited: the
articles as JSON lines and as a table, datapackage.json (Frictionless), a JSON
Schema, how complete they are by site and month, a README and checksums.`,
		Example: `  luutin export > all.jsonl
  luutin export --format warc -o all.warc.gz
  luutin export --format wacz --site moj.gov.vn --since 2026-01-01 -o moj.wacz
  luutin export --site moj.gov.vn --since 2018-01-01 --until 2018-12-31 -o 2018.jsonl
  luutin export --history --format json
  luutin export --format parquet -o all.parquet
  luutin export --format csv --fields published,title,canonical_url --ministry 'tu phap' -o moj.csv
  luutin export --after seen.json --zstd -o new.jsonl.zst
  luutin export --package vietnam-2018 --since 2018-01-01 --until 2018-12-31
  luutin export --unique                   without what others reprint`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e.common = common
			return e.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.format, "format", "jsonl", "one of "+strings.Join(exportFormats(), ", "))
	f.StringArrayVar(&e.sites, "site", nil, "only articles of this `site` (may be repeated)")
	f.StringVar(&e.since, "since", "", "only articles published (WARC, WACZ: pages asked for) on this `day` or later")
	f.StringVar(&e.until, "until", "", "only those of this `day` or earlier")
	f.StringArrayVar(&e.filter.Ministries, "ministry", nil, "only articles of this `ministry` (may be repeated)")
	f.StringArrayVar(&e.filter.Sections, "section", nil, "only articles of this `section` (may be repeated)")
	f.StringArrayVar(&e.filter.Authors, "author", nil, "only articles by this `name` (may be repeated)")
	f.StringArrayVar(&e.filter.Languages, "language", nil, "only articles in this `language`, such as vi (may be repeated)")
	f.StringVar(&e.changed, "changed-since", "", "only versions that were fetched on this `day` (UTC) or later")
	f.BoolVar(&e.filter.HasAttachment, "has-attachment", false, "only articles that offer files")
	f.StringVar(&e.query, "query", "", "only articles that luutin search finds with this `query`")
	f.StringVar(&e.after, "after", "", "only what was kept since the export that wrote this `file`")
	f.StringSliceVar(&e.fields, "fields", nil, "the `keys` to write, parted by commas (jsonl, json, csv)")
	f.BoolVar(&e.raw, "raw-cells", false, "csv: cells as they are, for programs and not for spreadsheets")
	f.BoolVar(&e.gzip, "gzip", false, "compress the output")
	f.BoolVar(&e.zstd, "zstd", false, "compress the output, faster and smaller")
	f.BoolVar(&e.history, "history", false, "every version, not only the latest")
	f.BoolVar(&e.unique, "unique", false, "one article of each family: of those that carry the same text, the first (luutin families)")
	f.StringVarP(&e.output, "output", "o", "", "the `file` to write; - is standard output, as without it")
	f.StringVar(&e.pack, "package", "", "the `directory` to make, of a data set that can be cited")
	cmd.MarkFlagsMutuallyExclusive("gzip", "zstd")
	for _, other := range []string{"format", "fields", "gzip", "zstd", "output", "after", "history", "raw-cells"} {
		cmd.MarkFlagsMutuallyExclusive("package", other)
	}
	cmd.RegisterFlagCompletionFunc("site", common.completeSites)
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(exportFormats(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("fields", cobra.FixedCompletions(dataset.Keys(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func exportFormats() []string { return append(dataset.Formats(), "warc", "wacz") }

type exportRun struct {
	common       *flags
	format       string
	sites        []string
	since, until string
	changed      string
	query        string
	after        string
	filter       dataset.Filter
	fields       []string
	gzip, zstd   bool
	raw          bool
	history      bool
	unique       bool
	output       string
	pack         string

	others map[string]bool   // articles that are left out for one of their family
	seen   map[string]string // of each host the cursor of the last version
	shown  *reading          // nil when nobody looks
	errOut io.Writer

	leftOut int             // visits, because the bodies of their answers cannot be read
	unread  int             // articles that cannot be read
	told    map[string]bool // of those, by why
	stay    map[string]bool // hosts that have some: how far they are seen stays before the first
}

func (e *exportRun) run(cmd *cobra.Command) (err error) {
	if !slices.Contains(exportFormats(), e.format) {
		return fmt.Errorf("--format %q is none of %s", e.format, strings.Join(exportFormats(), ", "))
	}
	visits := e.format == "warc" || e.format == "wacz"
	if visits && (e.history || e.unique) {
		return fmt.Errorf("--history and --unique are for articles; --format %s has all that was visited", e.format)
	}
	if e.unique && e.history {
		return errors.New("--unique and --history do not go together: a family is of latest versions")
	}
	if e.unique && e.after != "" {
		return errors.New("--unique and --after do not go together: of a family that one export knows a part of, another would write one more; export all with --unique, or take the families of luutin families --json out of what --after gave")
	}
	for i := range e.fields {
		e.fields[i] = strings.TrimSpace(e.fields[i])
	}
	if e.output == "-" {
		e.output = ""
	}
	f := &e.filter
	articlesOnly := len(f.Ministries)+len(f.Sections)+len(f.Authors)+len(f.Languages)+len(e.fields) > 0 ||
		f.HasAttachment || e.changed != "" || e.query != "" || e.after != "" || e.gzip || e.zstd
	if visits && articlesOnly {
		return fmt.Errorf("--format %s has all that was visited: of the filters it knows --site, --since and --until", e.format)
	}
	if e.raw && e.format != "csv" {
		return fmt.Errorf("--raw-cells is for --format csv; --format %s has no cells that are run", e.format)
	}
	if e.changed != "" {
		day, err := time.Parse(time.DateOnly, e.changed)
		if err != nil {
			return fmt.Errorf("--changed-since %q is no day such as 2018-01-19", e.changed)
		}
		f.ChangedSince = day
	}
	for flag, name := range map[string]string{"-o": e.output, "--after": e.after, "--package": e.pack} {
		if err := e.common.apart(flag, name); err != nil {
			return err
		}
	}
	e.errOut, e.told, e.stay = cmd.ErrOrStderr(), map[string]bool{}, map[string]bool{}
	q := store.Query{Sites: e.sites, History: e.history}
	if err := e.days(&q, visits); err != nil {
		return err
	}
	archive, err := bolt.Open(e.common.archive, bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer archive.Close()

	if e.shown, err = e.progress(cmd, archive, e.output != "" || e.pack != ""); err != nil {
		return err
	}
	defer e.shown.end()
	if err := e.prepare(cmd, archive, &q); err != nil {
		return err
	}
	if e.pack != "" {
		return e.writePackage(cmd, archive, q)
	}

	n, what := 0, "articles"
	write := func(w io.Writer) (err error) {
		if visits {
			what = "visits"
			n, err = e.writeVisits(cmd, w, archive, q)
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
	e.shown.end()
	if errors.Is(err, store.ErrCursor) {
		return fmt.Errorf("--after %s: %w; name a file that does not exist to begin anew", e.after, err)
	}
	if err != nil && err != errNo {
		return err
	}
	if e.after != "" && n > 0 {
		if err := e.writeCursors(cmd); err != nil {
			return err
		}
	}
	e.sayLeftOut(cmd)
	switch {
	case e.common.quiet:
	case n == 0 && e.leftOut+e.unread > 0:
	case n == 0 && len(e.sites) > 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no "+strings.TrimSuffix(what, "s")+" matches; luutin sites list names the sites")
	case n == 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no "+strings.TrimSuffix(what, "s")+" matches")
	case e.output != "":
		fmt.Fprintf(cmd.ErrOrStderr(), "%d %s written to %s\n", n, what, e.output)
	}
	if e.leftOut+e.unread > 0 {
		return errNo
	}
	return matched(n)
}

// sayLeftOut counts what is left out, and says what to do.
func (e *exportRun) sayLeftOut(cmd *cobra.Command) {
	if e.leftOut > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %d visits are left out, because what they brought cannot be read; %s\n", e.leftOut, whatToDo)
	}
	if e.unread > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "luutin: "+unreadLine(e.unread))
	}
}

const whatToDo = "luutin verify says what is damaged: bring it back from a backup, or save the rest with luutin repair"

func unreadLine(n int) string {
	return fmt.Sprintf("%d articles are left out, because they cannot be read; %s", n, whatToDo)
}

// days reads --since and --until: days as printed of articles, in UTC of visits.
func (e *exportRun) days(q *store.Query, visits bool) error {
	e.filter.Since, e.filter.Until = e.since, e.until
	if wrong := e.filter.Reach(q); wrong != "" {
		day := e.since
		if wrong == "until" {
			day = e.until
		}
		return fmt.Errorf("--%s %q is no day such as 2018-01-19", wrong, day)
	}
	if visits {
		day := func(s string) time.Time { // zero when none is asked for
			t, _ := time.Parse(time.DateOnly, s)
			return t
		}
		q.Since, q.Until = day(e.since), day(e.until)
	}
	return nil
}

// writeWhole writes a file whole or not at all: what was there stays until all
// is written. A link is followed, and what is no regular file (a device, a
// pipe) is written to as it is.
func writeWhole(name string, write func(io.Writer) error) error {
	var mode *fs.FileMode // nil is what the umask leaves
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
		perm := info.Mode().Perm()
		mode = &perm
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	f, release, err := besides(name)
	if err != nil {
		return err
	}
	defer release()
	defer os.Remove(f.Name())
	defer f.Close()
	if mode != nil {
		if err := f.Chmod(*mode); err != nil {
			return err
		}
	}
	if err := write(f); err != nil {
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

// besides creates a file for what is to stand under a name later. release is
// called when it stands there, or is removed.
func besides(name string) (f *os.File, release func(), err error) {
	_, release, err = dataset.Beside(name, func(temp string) (err error) {
		if f != nil {
			f.Close() // it is gone
		}
		f, err = os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666) // os.CreateTemp knows no umask
		if err != nil {
			err = fmt.Errorf("write %s: %w", name, errors.Unwrap(err))
		}
		return err
	})
	return f, release, err
}

// canCreate reports why writeWhole will not be able to write a file.
func canCreate(name string) error {
	if whole, err := filepath.EvalSymlinks(name); err == nil {
		name = whole
	}
	f, release, err := besides(name)
	if err != nil {
		return err
	}
	defer release()
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writeVisits writes WARC or WACZ and returns how many visits are in it.
func (e *exportRun) writeVisits(cmd *cobra.Command, w io.Writer, archive store.Archive, q store.Query) (int, error) {
	o := warc.Options{
		LeftOut: func(_ *store.VisitRecord, why error) {
			e.shown.end()
			fmt.Fprintf(cmd.ErrOrStderr(), "left out: %v\n", why)
		},
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
	counts, err := write(cmd.Context(), watched{archive, e.shown}, b, o)
	e.leftOut, e.unread = counts.LeftOut, counts.Unread
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

// prepare asks the index, and reads how far the last export came.
func (e *exportRun) prepare(cmd *cobra.Command, archive store.Archive, q *store.Query) error {
	if e.query != "" {
		index, err := openIndex(cmd, e.common, archive, false)
		if err != nil {
			return err
		}
		defer index.Close()
		ids, err := index.IDs(cmd.Context(), search.Query{Text: e.query})
		if err != nil {
			return err
		}
		sayNoFields(cmd, e.common, e.query)
		e.filter.IDs = map[string]bool{}
		for _, id := range ids {
			e.filter.IDs[id] = true
		}
	}
	if err := e.names(cmd.Context(), archive); err != nil {
		return err
	}
	e.seen = map[string]string{}
	if e.after != "" {
		if err := canCreate(e.after); err != nil {
			return fmt.Errorf("--after: %w", err)
		}
		b, err := os.ReadFile(e.after)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		var last cursors
		if err := json.Unmarshal(b, &last); err != nil || last.Seen == nil {
			return fmt.Errorf("--after %s: it was not written by luutin export --after; name a file that does not exist to begin anew", e.after)
		}
		if last.Of != filters(cmd) {
			return fmt.Errorf("--after %s: it is of an export with other filters (%s): what they left out would be left out for ever; give the same, or name another file", e.after, cmp.Or(last.Of, "none"))
		}
		e.seen, q.Later = last.Seen, maps.Clone(last.Seen)
	}
	return nil
}

// names finds out which of the ministries and sections that are asked for are
// whole names; the others are words of names.
func (e *exportRun) names(ctx context.Context, archive store.Archive) error {
	type one struct{ key, name string }
	asked, whole := map[one]bool{}, map[one]bool{}
	for _, name := range e.filter.Ministries {
		asked[one{"ministry", name}] = true
	}
	for _, name := range e.filter.Sections {
		asked[one{"section", name}] = true
	}
	keys := map[string]bool{}
	for a := range asked {
		keys[a.key] = true
	}
	if len(asked) > 0 {
		seen := map[one]bool{}
		e.shown.articles(store.Query{})
		ignore := func(*store.Version, *store.Damaged) {} // it is named when it is left out
		for v, err := range store.Readable(archive.Articles(ctx, store.Query{}), ignore) {
			if err != nil {
				return err
			}
			e.shown.step()
			for key := range keys {
				name := one{key, gjson.GetBytes(v.JSON, key).String()}
				if seen[name] {
					continue
				}
				seen[name] = true
				for a := range asked {
					if a.key == key && search.Whole(name.name, a.name) {
						whole[a] = true
					}
				}
			}
			if len(whole) == len(asked) {
				break
			}
		}
	}
	e.filter.Names = func(key, name, asked string) bool {
		if whole[one{key, asked}] {
			return search.Whole(name, asked)
		}
		return search.Holds(name, asked)
	}
	return nil
}

// cursors are what the file of --after holds.
type cursors struct {
	Of   string            `json:"of"`   // the filters
	Seen map[string]string `json:"seen"` // of each host the cursor of the last version that was looked at
}

// filters are the flags of a command that choose articles, as they were given.
func filters(cmd *cobra.Command) string {
	var given []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "site", "ministry", "section", "author", "since", "until", "query", "language", "changed-since", "has-attachment", "history":
			given = append(given, fmt.Sprintf("--%s=%s", f.Name, f.Value))
		}
	})
	return strings.Join(given, " ")
}

func (e *exportRun) writeCursors(cmd *cobra.Command) error {
	return writeWhole(e.after, func(w io.Writer) error {
		b, err := json.MarshalIndent(cursors{filters(cmd), e.seen}, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", b)
		}
		return err
	})
}

// reading shows on a terminal how far an export is. A nil one does nothing.
type reading struct {
	out         io.Writer
	stats       store.Stats // of the archive
	n, total    int         // total is 0 when it is not known
	began, last time.Time
}

// progress returns the progress of an export that goes to a file; of another when
// standard output is one. It is nil when nobody looks.
func (e *exportRun) progress(cmd *cobra.Command, archive store.Archive, toFile bool) (*reading, error) {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || e.common.quiet || !term.IsTerminal(int(f.Fd())) {
		return nil, nil
	}
	if out, ok := cmd.OutOrStdout().(*results); ok && !toFile {
		if out, ok := out.w.(*os.File); ok {
			info, err := out.Stat()
			toFile = err == nil && info.Mode().IsRegular()
		}
	}
	if !toFile {
		return nil, nil
	}
	stats, err := archive.Stats(cmd.Context())
	return &reading{out: f, stats: stats}, err
}

// articles begins to count the articles of a query from none.
func (p *reading) articles(q store.Query) {
	if p == nil {
		return
	}
	total := 0
	if len(q.Sites)+len(q.Later) == 0 && q.Since.IsZero() && q.Until.IsZero() {
		if total = p.stats.Articles; q.History {
			total = p.stats.Versions
		}
	}
	*p = reading{out: p.out, stats: p.stats, total: total, began: time.Now()}
}

// visits does the same with visits.
func (p *reading) visits(q store.VisitQuery) {
	if p == nil {
		return
	}
	p.articles(store.Query{Sites: q.Sites, Since: q.Since, Until: q.Until})
	if p.total > 0 {
		p.total = p.stats.Visits
	}
}

// step counts one more.
func (p *reading) step() {
	if p == nil {
		return
	}
	p.n++
	if now := time.Now(); now.Sub(p.last) >= time.Second/4 {
		p.last = now
		fmt.Fprintf(p.out, "\r%s\x1b[K", p.line(now))
	}
}

func (p *reading) line(now time.Time) string {
	if p.total < p.n {
		return fmt.Sprintf("%d read", p.n)
	}
	line := fmt.Sprintf("%d of %d read", p.n, p.total)
	if took := now.Sub(p.began); took > 2*time.Second && p.n < p.total {
		left := time.Duration(float64(took) / float64(p.n) * float64(p.total-p.n))
		line += ", " + left.Round(time.Second).String() + " left"
	}
	return line
}

// end wipes the line away.
func (p *reading) end() {
	if p != nil && !p.last.IsZero() {
		p.last = time.Time{}
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// watched is an archive of which is shown how many visits were read.
type watched struct {
	store.Archive
	shown *reading
}

func (w watched) Visits(ctx context.Context, q store.VisitQuery) iter.Seq2[store.VisitRecord, error] {
	return func(yield func(store.VisitRecord, error) bool) {
		w.shown.visits(q)
		for v, err := range w.Archive.Visits(ctx, q) {
			w.shown.step()
			if !yield(v, err) {
				return
			}
		}
	}
}

// writePackage writes a data set into a directory of its own.
func (e *exportRun) writePackage(cmd *cobra.Command, archive store.Archive, q store.Query) error {
	ctx := cmd.Context()
	sites, err := e.common.loadSites()
	if err != nil {
		return err
	}
	if e.unique {
		if e.others, err = others(ctx, archive, e.matching(ctx, archive, q)); err != nil {
			return err
		}
	}
	names := e.sites
	if len(names) == 0 {
		names = sites.Names()
	}
	missing, err := e.missing(ctx, archive, sites, names)
	if err != nil {
		return err
	}
	n, err := dataset.Package(ctx, e.pack, archive, e.chosen(ctx, archive, q), dataset.About{
		Now: time.Now(), Sites: names, OnlySites: len(e.sites) > 0, Selection: e.selection(cmd), Missing: missing,
		LeftOut: func() int { return e.unread },
	})
	e.shown.end()
	if err != nil {
		return err
	}
	e.sayLeftOut(cmd)
	if !e.common.quiet {
		if n > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d articles written to %s; cite it by its SHA256SUMS\n", n, e.pack)
		} else if e.unread == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "luutin: no article matches, and no package was made")
		}
	}
	if e.unread > 0 {
		return errNo
	}
	return matched(n)
}

// missing is what luutin gaps tells of sites, as far as they are defined.
func (e *exportRun) missing(ctx context.Context, archive store.Archive, sites *extract.Sites, names []string) (map[string]dataset.Missing, error) {
	defined := sites.Names()
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(defined, name) })
	all := map[string]dataset.Missing{}
	if len(names) == 0 { // to Gaps that would be all sites
		return all, nil
	}
	for _, name := range names {
		all[name] = dataset.Missing{Days: map[string]int{}}
	}
	c := crawler.Crawler{Archive: archive, Sites: sites}
	err := c.Gaps(ctx, names, e.since, e.until, func(g crawler.Gap) error {
		m := all[g.Site]
		switch g.Kind {
		case crawler.GapDays:
			for _, day := range g.Dates {
				m.Days[day[:len("2018-01")]]++
			}
		case crawler.GapNumbers:
			m.Numbers += g.Last - g.First + 1
		default:
			m.Entries++
		}
		all[g.Site] = m
		return nil
	})
	return all, err
}

// selection is what was asked for, as it stands in the README of a package.
func (e *exportRun) selection(cmd *cobra.Command) string {
	var parts []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if cmd.InheritedFlags().Lookup(f.Name) != nil || f.Name == "package" {
			return
		}
		values := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(c rune) bool { return strings.ContainsRune(" '\"\\$&;()<>|*?", c) }) {
				v = "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
			}
			parts = append(parts, "--"+f.Name+"="+v)
		}
	})
	return strings.Join(parts, " ")
}

// damaged names an article that cannot be read and is left out, once. What is
// behind it comes again with the next export that has the same --after, as it does
// when it can be read then.
func (e *exportRun) damaged(v *store.Version, why *store.Damaged) {
	if v.ID != "" && !e.filter.May(v) || e.told[why.Error()] {
		return
	}
	e.told[why.Error()], e.stay[v.Host] = true, true
	e.unread++
	e.shown.end()
	fmt.Fprintf(e.errOut, "left out: %v\n", why)
}

// matching yields the versions that are meant, whether or not others carry
// the same text.
func (e *exportRun) matching(ctx context.Context, archive store.Archive, q store.Query) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		e.shown.articles(q)
		for v, err := range store.Readable(archive.Articles(ctx, q), e.damaged) {
			if err != nil {
				yield(v, err)
				return
			}
			e.shown.step()
			if !e.stay[v.Host] {
				e.seen[v.Host] = v.Cursor
			}
			if e.filter.Match(&v) && !yield(v, nil) {
				return
			}
		}
	}
}

// chosen yields what is written.
func (e *exportRun) chosen(ctx context.Context, archive store.Archive, q store.Query) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		for v, err := range e.matching(ctx, archive, q) {
			if err == nil && e.others[v.ID] {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func (e *exportRun) write(ctx context.Context, w io.Writer, archive store.Archive, q store.Query) (n int, err error) {
	if e.unique {
		if e.others, err = others(ctx, archive, e.matching(ctx, archive, q)); err != nil {
			return 0, err
		}
	}
	o := dataset.Options{Format: e.format, Fields: e.fields, RawCells: e.raw, Title: "luutin export", Now: time.Now()}
	switch {
	case e.gzip:
		o.Compress = "gzip"
	case e.zstd:
		o.Compress = "zstd"
	}
	b := bufio.NewWriterSize(w, 256<<10)
	d, err := dataset.NewWriter(b, o)
	if err != nil {
		return 0, err
	}
	for v, err := range e.chosen(ctx, archive, q) {
		if err == nil {
			err = d.Write(&v)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	if err := d.Close(); err != nil {
		return n, err
	}
	return n, b.Flush()
}
