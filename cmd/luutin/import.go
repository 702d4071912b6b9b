package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"luutin/crawler"
	"luutin/store/bolt"
	"luutin/store/warc"
)

func importCommand(common *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|DIRECTORY…",
		Short: "Take captures of others into the archive",
		Long: `Import takes what others have captured into the archive: WARC files, compressed
or not, WACZ packages, saved HTML pages, and directories of them. What a file is
its first bytes say when its name does not. Import keeps what belongs to a
defined site, in the order of time, as if it had been visited when it was
captured: pages are read, links are followed by later crawls. Nothing is
fetched. What the archive has already is left out, so that an import can be
stopped and run again.

What is older than the archive's latest version of an article is kept, but makes
no version: begin with the oldest, and import before you crawl.

What cannot be read, and a record that does not fit its digest, is named and
skipped; what is cut short, or does not fit the digest of its payload only, is
named and kept. The exit status is then 1; 2 when nothing could be read.`,
		Example: `  luutin import CC-NEWS-20240101*.warc.gz
  luutin import crawl.wacz saved/
  luutin --archive copy import all.warc.gz`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd, common, args) },
	}
}

func runImport(cmd *cobra.Command, common *flags, names []string) (err error) {
	ctx, errOut := cmd.Context(), cmd.ErrOrStderr()
	sites, err := common.loadSites()
	if err != nil {
		return err
	}
	in, err := warc.Open(ctx, names, sites, time.Now())
	if err != nil {
		return err
	}
	defer in.Close()
	archive, err := bolt.OpenSoon(ctx, common.archive, bolt.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if e := archive.Close(); err == nil {
			err = e
		}
	}()
	var progress func(int)
	if f, ok := errOut.(*os.File); ok && !common.quiet && term.IsTerminal(int(f.Fd())) {
		progress = func(n int) {
			if n%100 == 0 {
				fmt.Fprintf(errOut, "\r%d answers ", n)
			}
		}
		defer fmt.Fprint(errOut, "\r")
	}
	c := &crawler.Crawler{Archive: archive, Sites: sites}
	sum, err := c.Import(ctx, in.All(ctx), progress)
	if err != nil {
		return err
	}
	skips := append(in.Skips, sum.Skips...)
	sum.Damaged, sum.Doubtful = len(skips), len(in.Doubts)
	for _, s := range skips {
		fmt.Fprintf(errOut, "skipped: %s: %s\n", s.Where, s.What)
	}
	for _, d := range in.Doubts {
		fmt.Fprintf(errOut, "doubtful: %s: %s\n", d.Where, d.What)
	}
	tellProblems(errOut, sum.Problems, sum.Unnamed)
	if !common.quiet {
		tellOthers(cmd, in)
	}
	if common.json {
		b, err := json.Marshal(struct {
			crawler.Imported
			Files   int            `json:"files_read"`
			NoPages int            `json:"no_pages"` // files of directories
			Aside   int            `json:"aside"`
			Others  map[string]int `json:"others"`
		}{sum, in.Files, in.NoPages, in.Aside, in.Others})
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", b)
	} else {
		fmt.Fprintln(cmd.OutOrStdout(), importLine(&sum))
	}
	switch unread := sum.Unread + sum.Failed; {
	case sum.Damaged+unread > 0 && sum.Found == unread:
		return errors.New("import: nothing of that could be read; luutin import --help says what can")
	case sum.Damaged+sum.Doubtful+unread > 0 || sum.Found == 0:
		return errNo
	}
	return nil
}

// importLine is 12 found: 7 added, 5 known.
func importLine(s *crawler.Imported) string {
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{s.Added, "added"}, {s.Changed, "changed"}, {s.Unchanged, "unchanged"}, {s.Earlier, "earlier"}, {s.Duplicates, "duplicates"},
		{s.Lists, "lists"}, {s.Files, "files"}, {s.Unread, "not read"}, {s.Gone, "gone"}, {s.Blocked, "blocked"}, {s.Failed, "failed"},
		{s.Useless, "no pages"}, {s.Known, "known already"}, {s.Damaged, "damaged"}, {s.Doubtful, "doubtful"},
	} {
		if x.n > 0 || x.what == "added" {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	return fmt.Sprintf("%d found: %s", s.Found, strings.Join(parts, ", "))
}

// tellOthers says what was left out.
func tellOthers(cmd *cobra.Command, in *warc.Input) {
	errOut := cmd.ErrOrStderr()
	if in.Aside > 0 {
		fmt.Fprintf(errOut, "left out: %d pictures, styles and scripts\n", in.Aside)
	}
	switch in.NoPages {
	case 0:
	case 1:
		fmt.Fprintf(errOut, "left out: %s, which is no page\n", in.NoPage)
	default:
		fmt.Fprintf(errOut, "left out: %d files that are no pages, such as %s\n", in.NoPages, in.NoPage)
	}
	if len(in.Others) == 0 {
		return
	}
	hosts := slices.SortedFunc(maps.Keys(in.Others), func(a, b string) int {
		return cmp.Or(cmp.Compare(in.Others[b], in.Others[a]), strings.Compare(a, b))
	})
	all := 0
	for _, n := range in.Others {
		all += n
	}
	const some = 5
	var named []string
	for _, h := range hosts[:min(len(hosts), some)] {
		named = append(named, fmt.Sprintf("%s (%d)", h, in.Others[h]))
	}
	if len(hosts) > some {
		named = append(named, fmt.Sprintf("and %d more hosts", len(hosts)-some))
	}
	fmt.Fprintf(errOut, "left out: %d of no site that is defined: %s\n", all, strings.Join(named, ", "))
}
