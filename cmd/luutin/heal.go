package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/crawler"
	"luutin/extract"
	"luutin/extract/heal"
	"luutin/store"
)

// healRun is one run of sites heal.
type healRun struct {
	common   *flags
	sites    *extract.Sites
	site     string
	pages    []string
	articles []string
	old      []string
	limit    int
	name     string
	write    bool
}

func healCommand(common *flags) *cobra.Command {
	h := healRun{common: common}
	cmd := &cobra.Command{
		Use:   "heal SITE",
		Short: "Find the selectors of a layout that has changed",
		Long: `Heal looks for articles of the archive whose newest page is no longer read as
the article was kept: not at all, by no layout, or without some of its fields.
It finds on those pages what is known of the articles, and proposes a new
layout, with a mark (when) that none of the old pages has. It prints the layout
and, for each page and field, what would be read beside what is known.

--write puts the layout above the older ones into SITE.toml in the directory of
--sites, as a copy of the built-in file when there is none yet. Nothing else in
the file changes. A layout that the definition has already is not written again.

Pages that the archive does not hold are given by --page, with what they say by
--article: JSON as luutin export writes it. Without --article the archive is
asked for the article at the page's URL.

Status 1: there is nothing to heal, or something would not be read as known.`,
		Example: `  luutin sites heal moj.gov.vn
  luutin --sites my-sites sites heal --write moj.gov.vn
  luutin sites heal moj.gov.vn --page new.html --article known.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: common.completeSites,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if h.sites, err = common.loadSites(); err != nil {
				return err
			}
			if h.site = args[0]; h.sites.Source(h.site) == nil {
				return fmt.Errorf("no site %q is defined; luutin sites new URL proposes a definition", h.site)
			}
			if h.write && common.sites == "" {
				return errors.New("--write needs --sites DIR: the built-in definitions are not written to")
			}
			return h.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&h.pages, "page", nil, "a saved new page `FILE`; may be given again")
	f.StringArrayVar(&h.articles, "article", nil, "what the page says: a `FILE` of JSON articles; may be given again")
	f.StringArrayVar(&h.old, "old", nil, "a saved page `FILE` that the layout must not be chosen for; may be given again")
	f.StringVar(&h.name, "name", "", "the `name` of the layout (default: the year of the newest page)")
	f.IntVar(&h.limit, "limit", 200, "look at this many articles, those captured last first")
	f.BoolVar(&h.write, "write", false, "write the layout into the definition in --sites")
	return cmd
}

// broken is what heal found in the archive.
type broken struct {
	samples []heal.Sample
	reasons map[string]int
	old     []extract.Page
	looked  int
	refused int            // newest pages that are walls or errors
	failed  map[string]int // articles whose last visit brought no page, by its cause
	latest  time.Time
}

func (h *healRun) run(cmd *cobra.Command) error {
	var b broken
	var err error
	if len(h.pages) > 0 {
		b, err = h.saved(cmd.Context())
	} else {
		err = withArchive(h.common, func(a store.Archive) (err error) {
			b, err = h.search(cmd.Context(), a)
			return err
		})
	}
	if err != nil {
		return err
	}
	for _, name := range h.old {
		p, err := loadPage(name, "")
		if err != nil {
			return err
		}
		b.old = append(b.old, p)
	}
	errOut := cmd.ErrOrStderr()
	if len(b.samples) == 0 {
		if !h.common.quiet {
			fmt.Fprintf(errOut, "%s: nothing to heal: of %d articles the newest page is read as it was kept", h.site, b.looked-b.refused)
			if b.refused > 0 {
				fmt.Fprintf(errOut, "; %d more answered with a wall or an error instead of a page", b.refused)
			}
			if len(b.failed) > 0 {
				fmt.Fprintf(errOut, "; what the last visits brought is no page of theirs: %s", counted(b.failed))
			}
			fmt.Fprintln(errOut)
			if b.failed["shell"] > 0 {
				fmt.Fprintf(errOut, "%s: where pages have become a shell, %v; %s, under JSON\n", h.site, heal.ErrShell, byHand)
			}
		}
		return errNo
	}
	if !h.common.quiet && len(b.reasons) > 0 {
		fmt.Fprintf(errOut, "%s: %d of %d articles are no longer read as they were kept: %s\n", h.site, len(b.samples), b.looked, counted(b.reasons))
	}
	if isJSON(b.samples[0].Page) {
		return fmt.Errorf("%s answers with JSON, whose paths are not guessed; %s, under JSON", b.samples[0].Page.URL, byHand)
	}
	const used = 8 // the others say whether it holds
	samples, further := b.samples[:min(len(b.samples), used)], b.samples[min(len(b.samples), used):]
	p, err := heal.Propose(heal.Task{Sites: h.sites, Site: h.site, Samples: samples, Old: b.old, Name: h.layoutName(b.latest)})
	if errors.Is(err, heal.ErrNoLayout) {
		fmt.Fprintf(errOut, "%s: %v\n", h.site, err)
		return errNo
	}
	unmarked := errors.Is(err, heal.ErrNoMark)
	if err != nil && !unmarked {
		return err
	}
	healed, err := h.sites.With(h.site, p.Definition)
	if err != nil {
		return err
	}
	readings := p.Readings
	for _, s := range further {
		r, err := healed.Read(s.Page)
		readings = append(readings, heal.Reading{Sample: s, Got: r.Article, Err: err})
	}
	taken := 0 // old pages that the new layout would read
	for _, page := range b.old {
		if r, _ := healed.Read(page); r.Article != nil && strings.HasSuffix(r.Article.Extractor, " "+h.site+"/"+p.Layout.Name) {
			taken++
		}
	}
	if err := h.print(cmd.OutOrStdout(), p, readings, taken, len(b.old)); err != nil {
		return err
	}
	if name := p.Layout.In(h.sites.Source(h.site)); name != "" {
		fmt.Fprintf(errOut, "%s: the definition has this very layout already, named %s\n", h.site, name)
		return errNo
	}
	if unmarked || taken > 0 {
		return fmt.Errorf("%s: %w; write a when by hand before the layout goes into the definition", h.site, heal.ErrNoMark)
	}
	if h.write {
		file := filepath.Join(h.common.sites, h.site+".toml")
		if err := replaceFile(file, p.Definition); err != nil {
			return err
		}
		if !h.common.quiet {
			fmt.Fprintf(errOut, "%s: layout %s written above the others\n", file, p.Layout.Name)
		}
	}
	if slices.ContainsFunc(readings, func(r heal.Reading) bool {
		return slices.ContainsFunc(heal.Fields, func(field string) bool { return !r.Same(field) })
	}) {
		return errNo
	}
	return nil
}

// search goes through the articles of the site, those captured last first.
func (h *healRun) search(ctx context.Context, a store.Archive) (broken, error) {
	b := broken{reasons: map[string]int{}}
	var targets []store.Target
	for t, err := range a.Targets(ctx, store.Selection{Site: h.site, Kinds: []extract.Kind{extract.KindArticle}}) {
		if err != nil {
			return b, err
		}
		if t.Article != "" && t.Capture != "" {
			targets = append(targets, t)
		}
	}
	slices.SortStableFunc(targets, func(x, y store.Target) int { return y.Changed.Compare(x.Changed) })
	type found struct {
		target   store.Target
		versions []*extract.Article
		page     extract.Page
		reading  *extract.Reading
	}
	var articles []found
	seen := map[string]bool{}
	titles := map[string]int{} // of how many newest pages
	for _, t := range targets {
		if seen[t.Article] || len(articles) == h.limit {
			continue
		}
		seen[t.Article] = true
		if err := ctx.Err(); err != nil {
			return b, err
		}
		f := found{target: t}
		var err error
		if f.versions, err = history(ctx, a, t.Article); err != nil {
			return b, err
		}
		if f.page, err = a.Capture(ctx, t.Capture); err != nil {
			return b, err
		}
		if f.reading, _ = h.sites.Read(f.page); f.reading.Article != nil {
			titles[f.reading.Article.Title]++
		}
		articles = append(articles, f)
	}
	b.looked = len(articles)
	var failed []string
	for _, f := range articles {
		if f.target.State == store.RetryAt || f.target.State == store.Blocked {
			failed = append(failed, f.target.Known())
		}
	}
	var err error
	if b.failed, err = lastCauses(ctx, a, failed); err != nil {
		return b, err
	}
	for _, f := range articles {
		// A title that many pages bear is that of the site.
		known := lastWhole(f.versions, func(title string) bool { return titles[title] > 2 })
		const fewOld = 40
		if string(known.Capture) != f.target.Capture && len(b.old) < fewOld {
			if earlier, err := a.Capture(ctx, string(known.Capture)); err == nil {
				b.old = append(b.old, earlier)
			}
		}
		why := lost(known, f.reading)
		if got := f.reading.Article; got != nil && got.Title != known.Title && titles[got.Title] > 2 {
			why = "the same title on many pages"
		}
		switch {
		case why == "refused":
			b.refused++
		case why != "":
			b.reasons[why]++
			b.samples = append(b.samples, heal.Sample{Page: f.page, Known: known})
			if f.page.Fetched.After(b.latest) {
				b.latest = f.page.Fetched
			}
		case len(b.old) < fewOld:
			b.old = append(b.old, f.page)
		}
	}
	return b, nil
}

// lastCauses counts why the last visits to targets failed.
func lastCauses(ctx context.Context, a store.Archive, known []string) (map[string]int, error) {
	counts := map[string]int{}
	if len(known) == 0 {
		return counts, nil
	}
	last := map[string]string{}
	for v, err := range a.Visits(ctx, store.VisitQuery{URLs: known}) {
		if err != nil {
			return nil, err
		}
		last[v.Target.Known()] = cmp.Or(v.Cause, v.Reason)
	}
	for _, why := range last {
		counts[why]++
	}
	return counts, nil
}

// history returns the versions of an article, oldest first.
func history(ctx context.Context, a store.Archive, id string) ([]*extract.Article, error) {
	versions, err := a.History(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]*extract.Article, len(versions))
	for i, v := range versions {
		out[i] = &extract.Article{}
		if err := json.Unmarshal(v.JSON, out[i]); err != nil {
			return nil, fmt.Errorf("article %s: %w", v.ID, err)
		}
	}
	return out, nil
}

// lastWhole returns the last version that lost no field which an earlier one
// had, and does not bear a title that is none; the first when there is no such.
func lastWhole(versions []*extract.Article, noTitle func(string) bool) *extract.Article {
	best := versions[0]
	for _, a := range versions[1:] {
		if lost(best, &extract.Reading{Article: a}) == "" && (!noTitle(a.Title) || noTitle(best.Title)) {
			best = a
		}
	}
	return best
}

// lost says in a few words what a reading lacks of what is known; "" when
// nothing.
func lost(known *extract.Article, r *extract.Reading) string {
	got := r.Article
	if got == nil {
		switch r.Instead {
		case "login", "challenge", "missing", "shell", "empty":
			return "refused"
		}
		return "not read"
	}
	var fields []string
	for _, f := range []struct {
		name string
		gone bool
	}{
		{"published", known.Published != nil && got.Published == nil},
		{"lead", known.Lead != "" && got.Lead == ""},
		{"body", 2*len(got.Body) < len(known.Body)},
		{"authors", len(known.Authors) > 0 && len(got.Authors) == 0},
		{"source", known.Source != "" && got.Source == ""},
	} {
		if f.gone {
			fields = append(fields, f.name)
		}
	}
	_, was, _ := strings.Cut(known.Extractor, " ")
	_, is, _ := strings.Cut(got.Extractor, " ")
	switch {
	case len(fields) > 0:
		return "without " + strings.Join(fields, ", ")
	case strings.Contains(was, "/") && is == "generic":
		return "no layout fits"
	}
	return ""
}

// saved reads the pages of --page and what is known of them.
func (h *healRun) saved(ctx context.Context) (broken, error) {
	b := broken{reasons: map[string]int{}}
	var known []*extract.Article
	for _, name := range h.articles {
		file, err := os.Open(name)
		if err != nil {
			return b, err
		}
		dec := json.NewDecoder(file)
		for {
			var a extract.Article
			if err = dec.Decode(&a); err != nil {
				break
			}
			known = append(known, &a)
		}
		file.Close()
		if !errors.Is(err, io.EOF) {
			return b, fmt.Errorf("--article %s: %w", name, err)
		}
	}
	for i, name := range h.pages {
		fallback := ""
		if len(known) == len(h.pages) {
			fallback = known[i].URL
		}
		page, err := loadPage(name, fallback)
		if err != nil {
			return b, err
		}
		if h.sites.Of(page.URL) != h.site {
			return b, fmt.Errorf("%s: %s is not of site %q", name, page.URL, h.site)
		}
		canonical := h.sites.Canonical(page.URL)
		at := slices.IndexFunc(known, func(a *extract.Article) bool {
			return a.CanonicalURL == canonical || a.URL == page.URL || slices.Contains(a.Aliases, canonical)
		})
		var a *extract.Article
		switch {
		case at >= 0:
			a = known[at]
		case len(known) == len(h.pages):
			a = known[i]
		case len(known) > 0:
			return b, fmt.Errorf("%s: none of the %d articles of --article is at %s", name, len(known), page.URL)
		default:
			err := withArchive(h.common, func(archive store.Archive) error {
				id, err := archive.Resolve(ctx, page.URL)
				if err != nil {
					return fmt.Errorf("%s: %w; say by --article what it says", page.URL, err)
				}
				versions, err := history(ctx, archive, id)
				if err != nil {
					return err
				}
				a = lastWhole(versions, func(string) bool { return false })
				if p, err := archive.Capture(ctx, string(a.Capture)); err == nil {
					b.old = append(b.old, p)
				}
				return nil
			})
			if err != nil {
				return b, err
			}
		}
		b.samples = append(b.samples, heal.Sample{Page: page, Known: a})
	}
	b.looked = len(b.samples)
	return b, nil
}

// loadPage reads a saved page; fallback is its URL when it names none itself.
func loadPage(name, fallback string) (extract.Page, error) {
	page, err := extract.LoadSaved(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if err != nil && page.Body != nil && fallback != "" {
		page.URL, err = fallback, nil
	}
	return page, err
}

// layoutName is the name that was given, or the year of the newest page with
// a letter when a layout has that name already.
func (h *healRun) layoutName(latest time.Time) string {
	if h.name != "" {
		return h.name
	}
	if latest.IsZero() { // saved pages do not say when they were
		latest = time.Now()
	}
	site, _ := h.sites.Site(h.site)
	taken := func(name string) bool {
		return slices.ContainsFunc(site.Layouts, func(l string) bool { return strings.HasPrefix(l, h.site+"/"+name+" (") })
	}
	year := latest.Format("2006")
	name := year
	for c := 'b'; taken(name); c++ {
		name = year + string(c)
	}
	return name
}

func counted(reasons map[string]int) string {
	var out []string
	for why, n := range reasons {
		out = append(out, fmt.Sprintf("%s (%d)", why, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (h *healRun) print(w io.Writer, p *heal.Proposal, readings []heal.Reading, taken, old int) error {
	if h.common.json {
		return printProposal(w, p, readings)
	}
	remarks := map[string]string{}
	for _, field := range heal.Fields {
		remarks[field] = fmt.Sprintf("right on %d of %d", rightOn(readings, field), len(readings))
	}
	if p.Layout.When != "" {
		remarks["when"] = fmt.Sprintf("on %d of %d new pages, %d of %d old ones", readBy(readings, h.site+"/"+p.Layout.Name), len(readings), taken, old)
	}
	fmt.Fprintf(w, "%s\n", p.Layout.TOML(remarks))
	printReadings(w, readings)
	return nil
}

func rightOn(readings []heal.Reading, field string) (n int) {
	for _, r := range readings {
		if r.Same(field) {
			n++
		}
	}
	return n
}

// readBy counts the pages that a layout reads.
func readBy(readings []heal.Reading, layout string) (n int) {
	for _, r := range readings {
		if r.Got != nil && strings.HasSuffix(r.Got.Extractor, " "+layout) {
			n++
		}
	}
	return n
}

// printReadings shows for people what would be read beside what is known.
func printReadings(w io.Writer, readings []heal.Reading) {
	for _, r := range readings {
		fmt.Fprintf(w, "%s\n", r.Page.URL)
		if r.Got == nil {
			fmt.Fprintf(w, "  ✗ %v\n", r.Err)
			continue
		}
		for _, field := range heal.Fields {
			known, got := r.Value(field)
			switch {
			case known == "" && got == "":
			case r.Same(field):
				fmt.Fprintf(w, "  ✓ %-10s %s\n", field, short(got))
			case field == "body":
				fmt.Fprintf(w, "  ✗ %-10s %s\n", field, "- known, + would be read")
				printLines(w, known, got)
			default:
				fmt.Fprintf(w, "  ✗ %-10s - %s\n    %-10s + %s\n", field, cmp.Or(short(known), "nothing"), "", cmp.Or(short(got), "nothing"))
			}
		}
	}
}

// printLines shows the paragraphs that only one of two texts has.
func printLines(w io.Writer, known, got string) {
	const most = 6
	for _, side := range []struct{ sign, text, other string }{{"-", known, got}, {"+", got, known}} {
		lines := strings.Split(side.other, "\n")
		shown := 0
		for line := range strings.SplitSeq(side.text, "\n") {
			if line == "" || slices.Contains(lines, line) {
				continue
			}
			if shown++; shown <= most {
				fmt.Fprintf(w, "    %-10s %s %s\n", "", side.sign, short(line))
			}
		}
		if shown > most {
			fmt.Fprintf(w, "    %-10s %s … and %d more\n", "", side.sign, shown-most)
		}
	}
}

// short is a text on one line of a terminal.
func short(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 72 {
		r = append(r[:71], '…')
	}
	return string(r)
}

func printProposal(w io.Writer, p *heal.Proposal, readings []heal.Reading) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Layout     heal.Layout                 `json:"layout"`
		TOML       string                      `json:"toml"`
		Candidates map[string][]heal.Candidate `json:"candidates"`
	}{p.Layout, p.Layout.TOML(nil), p.Candidates}); err != nil {
		return err
	}
	return encodeReadings(enc, readings)
}

// encodeReadings writes an object for each page.
func encodeReadings(enc *json.Encoder, readings []heal.Reading) error {
	type field struct {
		Known string `json:"known"`
		Got   string `json:"got"`
		Same  bool   `json:"same"`
	}
	type page struct {
		URL    string           `json:"url"`
		Error  string           `json:"error,omitempty"`
		Fields map[string]field `json:"fields"`
	}
	for _, r := range readings {
		out := page{URL: r.Page.URL, Fields: map[string]field{}}
		if r.Err != nil {
			out.Error = r.Err.Error()
		}
		for _, name := range heal.Fields {
			known, got := r.Value(name)
			out.Fields[name] = field{known, got, r.Same(name)}
		}
		if err := enc.Encode(out); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile writes a file whole or not at all.
func replaceFile(name string, text []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp := name + ".new"
	if err := os.WriteFile(temp, text, mode); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// newSiteRun is one run of sites new.
type newSiteRun struct {
	common  *flags
	sites   *extract.Sites
	crawler crawler.Crawler
	pages   []string
	write   string
	force   bool
	few     int
	known   map[string]extract.Page // saved pages by their URL
}

func newSiteCommand(common *flags) *cobra.Command {
	n := newSiteRun{common: common}
	var proxy string
	cmd := &cobra.Command{
		Use:   "new URL [ARTICLE-URL…]",
		Short: "Propose a definition for a site that has none",
		Long: `New fetches the list page at URL and a few of the articles it links to, with the
manners of a crawl, reads the articles without rules and proposes a definition
whose rules read the same: hosts, start, the shape of article URLs, where the
list has its links and how it goes on, and a layout. It prints the definition,
with a comment on what each line rests on, and what it would read. Articles that
you name are looked at first; name some when the list has links of many kinds.

--pages reads saved pages instead of the web, each with its URL in its first
line. --write DIR writes DIR/HOST.toml and the pages it was made from, with what
is read from them, below DIR/pages: read those before you rely on them.`,
		Example: `  luutin sites new https://bothu.gov.vn/tin-tuc
  luutin sites new --write my-sites https://bothu.gov.vn/tin-tuc
  luutin sites new https://bothu.gov.vn/tin-tuc --pages list.html --pages a.html --pages b.html`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if n.sites, err = common.loadSites(); err != nil {
				return err
			}
			if err := setProxy(&n.crawler, proxy); err != nil {
				return err
			}
			return n.run(cmd, args[0], args[1:])
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&n.pages, "pages", nil, "a saved page `FILE`, or a directory of them; may be given again")
	f.StringVar(&n.write, "write", "", "write the definition and its pages into this `directory`")
	f.BoolVar(&n.force, "force", false, "write over what is there")
	f.IntVar(&n.few, "articles", 5, "how many articles to look at")
	f.StringVar(&proxy, "proxy", "", "the `URL` of an HTTP proxy")
	f.BoolVar(&n.crawler.AllowPrivate, "allow-private", false, "hosts may be this machine or in a private network")
	f.DurationVar(&n.crawler.Delay, "delay", 0, "the pause between two requests (default: 1s)")
	return cmd
}

func isJSON(p extract.Page) bool {
	text := strings.TrimSpace(string(p.Body[:min(len(p.Body), 512)]))
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}

// byHand is where to read on when nothing can be proposed.
const byHand = "docs/adding-a-site.md says how to write a definition for such a site"

func (n *newSiteRun) run(cmd *cobra.Command, listURL string, articles []string) error {
	name := heal.Name(listURL)
	if name == "" {
		return fmt.Errorf("%q is no absolute URL such as https://bothu.gov.vn/tin-tuc", listURL)
	}
	if site := n.sites.Of(listURL); site != "" {
		return fmt.Errorf("%s belongs to site %s, which is defined; luutin sites heal %s repairs it", name, site, site)
	}
	file := filepath.Join(n.write, name+".toml")
	if _, err := os.Lstat(file); n.write != "" && err == nil && !n.force {
		return fmt.Errorf("%s is there already; --force writes over it", file)
	}
	if err := n.loadPages(); err != nil {
		return err
	}
	bare, err := n.sites.With(name, heal.Bare(listURL))
	if err != nil {
		return err
	}
	n.crawler.Sites = bare
	list, err := n.page(cmd.Context(), name, listURL)
	if err != nil {
		return err
	}
	if moved := heal.Name(list.URL); moved != name {
		return fmt.Errorf("%s leads to %s; ask for that", listURL, list.URL)
	}
	if isJSON(list) {
		return fmt.Errorf("%s answers with JSON, whose paths are not guessed; %s, under JSON", listURL, byHand)
	}
	r, _ := n.sites.Read(list)
	if r.Kind == extract.KindFeed || r.Kind == extract.KindSitemap {
		return fmt.Errorf("%s is a %s, which needs no rules; name a page with headlines, and put this one into %ss of the definition that is proposed for it", listURL, r.Kind, r.Kind)
	}
	if r.Instead == "shell" || r.Instead == "challenge" || r.Instead == "login" || r.Instead == "empty" {
		if r.Instead == "shell" {
			return fmt.Errorf("%s: %w; %s, under JSON", listURL, heal.ErrShell, byHand)
		}
		return fmt.Errorf("%s is no list but a %s page; save one from a browser and give it by --pages", listURL, r.Instead)
	}
	for u := range n.known {
		if extract.CanonicalURL(u) != extract.CanonicalURL(listURL) && !slices.Contains(articles, u) {
			articles = append(articles, u)
		}
	}
	slices.Sort(articles)
	l, err := heal.ReadList(list, articles)
	var elsewhere *heal.ElsewhereError
	if errors.As(err, &elsewhere) {
		return fmt.Errorf("%w; name a page with headlines on %s, and add %s to hosts and %s to start of the definition that is proposed for it", err, elsewhere.Host, name, listURL)
	}
	if err != nil {
		return fmt.Errorf("%w; name a page with headlines, or some articles behind it", err)
	}
	var pages []extract.Page
	for _, u := range append(articles, l.Found...) {
		if len(pages) >= max(n.few, len(articles)) || len(n.known) > 0 && n.known[u].URL == "" {
			continue
		}
		if slices.ContainsFunc(pages, func(p extract.Page) bool { return p.URL == u }) {
			continue
		}
		page, err := n.page(cmd.Context(), name, u)
		if err != nil {
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %v\n", err)
			continue
		}
		pages = append(pages, page)
	}
	site, err := heal.Define(n.sites, list, l, pages)
	switch {
	case errors.Is(err, heal.ErrShell):
		return fmt.Errorf("%s: %w; %s, under JSON", name, err, byHand)
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := n.print(cmd, site); err != nil {
		return err
	}
	if n.write != "" {
		return n.save(cmd, file, site, list, pages)
	}
	return nil
}

func (n *newSiteRun) print(cmd *cobra.Command, s *heal.Site) error {
	out, errOut := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if n.common.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(struct {
			Site     string `json:"site"`
			Platform string `json:"platform,omitempty"`
			TOML     string `json:"toml"`
			Articles int    `json:"articles"`
			Next     string `json:"next,omitempty"`
		}{s.Name, s.Platform, string(s.Definition), s.Linked, s.Onward}); err != nil {
			return err
		}
		return encodeReadings(enc, s.Readings)
	}
	if _, err := out.Write(s.Definition); err != nil {
		return err
	}
	if n.common.quiet {
		return nil
	}
	fmt.Fprintf(errOut, "\nthe list: %d articles", s.Linked)
	if s.Onward != "" {
		fmt.Fprintf(errOut, ", next page %s", s.Onward)
	}
	fmt.Fprintln(errOut)
	for _, err := range s.Skipped {
		fmt.Fprintf(errOut, "not read: %v\n", err)
	}
	printReadings(errOut, s.Readings)
	return nil
}

// page is a saved page, or one from the web.
func (n *newSiteRun) page(ctx context.Context, site, raw string) (extract.Page, error) {
	for u, p := range n.known {
		if u == raw || extract.CanonicalURL(u) == extract.CanonicalURL(raw) {
			return p, nil
		}
	}
	if len(n.known) > 0 {
		return extract.Page{}, fmt.Errorf("none of the saved pages is %s; the URL of a page stands in its first line, <!-- url: %s -->", raw, raw)
	}
	return n.crawler.Fetch(ctx, site, raw)
}

func (n *newSiteRun) loadPages() error {
	n.known = map[string]extract.Page{}
	for _, arg := range n.pages {
		files := []string{arg}
		if info, err := os.Stat(arg); err != nil {
			return err
		} else if info.IsDir() {
			names, err := extract.SavedPages(os.DirFS(arg))
			if err != nil {
				return err
			}
			files = nil
			for _, name := range names {
				files = append(files, filepath.Join(arg, filepath.FromSlash(name)))
			}
		}
		for _, file := range files {
			p, err := loadPage(file, "")
			if err != nil {
				return err
			}
			n.known[p.URL] = p
		}
	}
	return nil
}

// save writes the definition, and the pages as sites save does.
func (n *newSiteRun) save(cmd *cobra.Command, file string, s *heal.Site, list extract.Page, pages []extract.Page) error {
	dir := filepath.Join(n.write, "pages", s.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	with, err := n.sites.With(s.Name, s.Definition)
	if err != nil {
		return err
	}
	write := func(name string, p extract.Page) error {
		p.Fetched = time.Time{}
		page := filepath.Join(dir, name+".html")
		if err := os.WriteFile(page, extract.SaveText(p), 0o644); err != nil {
			return err
		}
		p, err := extract.LoadSaved(os.DirFS(dir), name+".html")
		if err != nil {
			return err
		}
		golden, err := with.Expected(p)
		if err != nil {
			return err
		}
		return os.WriteFile(extract.GoldenName(page), golden, 0o644)
	}
	if err := write("list", list); err != nil {
		return err
	}
	for i, p := range pages {
		if err := write(fmt.Sprintf("article-%d", i+1), p); err != nil {
			return err
		}
	}
	if err := replaceFile(file, s.Definition); err != nil {
		return err
	}
	if !n.common.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s\n%s: read what is expected of the pages before you rely on it\n", file, dir)
	}
	return nil
}
