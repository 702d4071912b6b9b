package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/extract/dom"
)

func extractCommand(common *flags) *cobra.Command {
	var c extractRun
	cmd := &cobra.Command{
		Use:   "extract FILE…|DIR|-",
		Short: "Read saved pages and print the articles as JSON",
		Long: `Extract reads saved pages and prints one JSON object a line and file, in the
order given. A directory stands for the files in it. The URL of a page comes
from --url, else from a first line <!-- url: https://… -->, which is no part of
it, else from the page's own canonical link; it decides which site's rules read
it. A page that is no article gives a line with "error".`,
		Example: `  luutin extract saved.html
  curl -s URL | luutin extract --url URL -
  luutin extract --explain saved.html     which rule gave which field
  luutin extract --generic pages/         as if no site were defined`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			c.sites, c.common = sites, common
			return c.run(cmd, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.url, "url", "", "the `URL` of the page (one file only)")
	f.StringVar(&c.site, "site", "", "read by the rules of this `site`, whatever the URL")
	f.BoolVar(&c.generic, "generic", false, "read as if no site were defined")
	f.BoolVar(&c.explain, "explain", false, "say for each field which rule or signal gave it")
	f.StringVar(&c.contentType, "content-type", "", "the Content-Type `header` the page was served with")
	cmd.MarkFlagsMutuallyExclusive("site", "generic")
	return cmd
}

type extractRun struct {
	common      *flags
	sites       *extract.Sites
	url         string
	site        string
	generic     bool
	explain     bool
	contentType string
}

// A result is what one file came to.
type result struct {
	file    string
	reading *extract.Reading
	err     error
}

func (c *extractRun) run(cmd *cobra.Command, args []string) error {
	files, err := c.files(args)
	if err != nil {
		return err
	}
	if c.url != "" && len(files) > 1 {
		return fmt.Errorf("--url names one page, but there are %d files", len(files))
	}
	if u, err := url.Parse(dom.Href(c.url)); c.url != "" && (err != nil || u.Host == "") {
		return fmt.Errorf("--url %q is no URL", c.url)
	}
	if c.site != "" && !slices.Contains(c.sites.Names(), c.site) {
		return fmt.Errorf("no site %q; luutin sites list shows those there are", c.site)
	}
	failed := 0
	for r := range c.readAll(cmd, files) {
		if r.err != nil {
			failed++
			if !errors.Is(r.err, extract.ErrNotArticle) || !c.common.quiet {
				fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %s: %v\n", r.file, r.err)
			}
		}
		if err := c.print(cmd.OutOrStdout(), r); err != nil {
			return err
		}
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	if failed > 0 {
		return errNo
	}
	return nil
}

// files replaces directories by the files in them.
func (c *extractRun) files(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" {
			files = append(files, arg)
			continue
		}
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(arg, e.Name()))
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(args, " "))
	}
	return files, nil
}

// readAll reads files on all processors and yields them in their order.
func (c *extractRun) readAll(cmd *cobra.Command, files []string) func(func(result) bool) {
	return func(yield func(result) bool) {
		workers := min(runtime.GOMAXPROCS(0), len(files))
		results := make([]chan result, len(files))
		for i := range results {
			results[i] = make(chan result, 1)
		}
		next := make(chan int)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := range next {
					results[i] <- c.read(cmd.InOrStdin(), files[i])
				}
			})
		}
		stop := make(chan struct{})
		go func() {
			defer close(next)
			for i := range files {
				select {
				case next <- i:
				case <-stop:
					return
				}
			}
		}()
		defer close(stop)
		for i := range files {
			select {
			case r := <-results[i]:
				if !yield(r) {
					wg.Wait()
					return
				}
			case <-cmd.Context().Done():
				return // a page that is being read cannot be asked to stop: it is left behind
			}
			results[i] = nil
		}
	}
}

func (c *extractRun) read(stdin io.Reader, file string) result {
	var body []byte
	var err error
	if file == "-" {
		body, err = io.ReadAll(stdin)
	} else {
		body, err = os.ReadFile(file)
	}
	if err != nil {
		return result{file, &extract.Reading{}, err}
	}
	marked, body, _ := extract.MarkedURL(body)
	page := extract.Page{URL: cmp.Or(c.url, marked), ContentType: c.contentType, Body: body, Fetched: time.Now()}
	if page.URL == "" {
		page.URL = extract.OwnURL(body)
	}
	var r *extract.Reading
	switch {
	case c.generic:
		r, err = c.sites.ReadAs("", page)
	case c.site != "":
		r, err = c.sites.ReadAs(c.site, page)
	default:
		r, err = c.sites.Read(page)
	}
	return result{file, r, err}
}

func (c *extractRun) print(w io.Writer, r result) error {
	var line []byte
	var err error
	if a := r.reading.Article; a != nil {
		if line, err = a.JSON(); err != nil {
			return err
		}
		line = line[1:]
	} else {
		line, err = json.Marshal(struct {
			Error string       `json:"error"`
			Kind  extract.Kind `json:"kind,omitempty"`
			Site  string       `json:"site,omitempty"`
			Links int          `json:"links"`
		}{r.err.Error(), r.reading.Kind, r.reading.Site, len(r.reading.Links)})
		if err != nil {
			return err
		}
		line = line[1:]
	}
	if c.explain && !c.common.json {
		return explain(w, r)
	}
	name, err := json.Marshal(r.file)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"file":%s,`, name)
	if c.explain {
		candidates, err := json.Marshal(r.reading.Explain)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, `"explain":%s,`, candidates)
	}
	b.Write(line)
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// explain prints for people which candidates there were for each field.
func explain(w io.Writer, r result) error {
	fmt.Fprintf(w, "%s\n", r.file)
	if r.reading.Article != nil {
		fmt.Fprintf(w, "  read by %s\n", r.reading.Article.Extractor)
	} else {
		fmt.Fprintf(w, "  %v\n", r.err)
	}
	cs := slices.Clone(r.reading.Explain)
	slices.SortStableFunc(cs, func(a, b extract.Candidate) int {
		if a.Field != b.Field {
			return 0
		}
		switch {
		case a.Won && !b.Won:
			return -1
		case b.Won && !a.Won:
			return 1
		}
		return 0
	})
	for _, c := range cs {
		mark := " "
		if c.Won {
			mark = "✓"
		}
		value := []rune(strings.ReplaceAll(c.Value, "\n", " "))
		if len(value) > 72 {
			value = append(value[:71], '…')
		}
		fmt.Fprintf(w, "  %s %-14s %s\n    %-14s ← %s", mark, c.Field, string(value), "", c.Signal)
		if c.Score > 0 && !strings.HasPrefix(c.Signal, "rule ") {
			fmt.Fprintf(w, " (%.2f)", c.Score)
		}
		if c.Why != "" {
			fmt.Fprintf(w, ": %s", c.Why)
		}
		fmt.Fprintln(w)
	}
	return nil
}
