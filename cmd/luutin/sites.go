package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"luutin/crawler"
	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

func sitesCommand(common *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sites",
		Short: "List, test, propose and repair site definitions",
		Long: `Sites are defined in files, one each; the built-in ones and those of --sites.
docs/adding-a-site.md says how to write one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listSites(cmd, common, nil) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "list [SITE…]",
			Short: "Show the sites, and how sure their definitions are",
			Long: `List shows the sites that can be crawled. How sure a definition is: sure (seen
on real pages), likely (in use in 2025/26), old (2014 to 2022: the site has
likely been rebuilt), weak (a hint only). With a SITE it shows its layouts,
start pages and notes.`,
			Example:           "  luutin sites list\n  luutin sites list moj.gov.vn",
			ValidArgsFunction: common.completeSites,
			RunE:              func(cmd *cobra.Command, args []string) error { return listSites(cmd, common, args) },
		},
		testSitesCommand(common), saveCommand(common), healCommand(common), newSiteCommand(common),
	)
	return cmd
}

func listSites(cmd *cobra.Command, common *flags, args []string) error {
	sites, err := common.loadSites()
	if err != nil {
		return err
	}
	names := args
	if len(names) == 0 {
		names = sites.Names()
	}
	out := cmd.OutOrStdout()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range names {
		s, ok := sites.Site(name)
		if !ok {
			return fmt.Errorf("no site %q; luutin sites list shows those there are", name)
		}
		title := s.Ministry
		if title == "" {
			title = s.Title
		}
		switch {
		case common.json:
			line, err := json.Marshal(s)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\n", line)
		case len(args) == 0:
			fmt.Fprintf(table, "%s\t%s\t%d layouts, %d starts\t%s\n", s.Name, s.Sure, len(s.Layouts), len(s.Seeds), title)
		default:
			fmt.Fprintf(out, "%s: %s\n  sure      %s\n  hosts     %s\n", s.Name, title, s.Sure, strings.Join(s.Hosts, ", "))
			if s.Notes != "" {
				fmt.Fprintf(out, "  notes     %s\n", s.Notes)
			}
			for _, l := range s.Layouts {
				fmt.Fprintf(out, "  layout    %s\n", l)
			}
			for _, l := range s.Seeds {
				fmt.Fprintf(out, "  %-9s %s\n", l.Kind, l.URL)
			}
		}
	}
	return table.Flush()
}

func testSitesCommand(common *flags) *cobra.Command {
	var pages string
	var update bool
	cmd := &cobra.Command{
		Use:   "test [SITE…]",
		Short: "Read saved pages and compare with what is expected",
		Long: `Test reads the saved pages of a directory, DIR/SITE/*.html and the like, by
today's definitions and compares each reading with the .golden.json beside it.
A difference, or a page without its golden, is status 1. --update writes the
goldens: read them beside the page before you commit them.`,
		Example: `  luutin sites test
  luutin sites test --pages my/pages moj.gov.vn
  luutin sites test --update moj.gov.vn`,
		ValidArgsFunction: common.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			return testSites(cmd, common, sites, pages, args, update)
		},
	}
	cmd.Flags().StringVar(&pages, "pages", "testdata/sites", "the `directory` of the saved pages")
	cmd.Flags().BoolVar(&update, "update", false, "write what is read as what is expected")
	return cmd
}

func testSites(cmd *cobra.Command, common *flags, sites *extract.Sites, dir string, only []string, update bool) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("--pages: %w", err)
	}
	root := os.DirFS(dir)
	names, err := extract.SavedPages(root)
	if err != nil {
		return err
	}
	tested, failed := 0, 0
	for _, name := range names {
		site, _, _ := strings.Cut(name, "/")
		if len(only) > 0 && !slices.Contains(only, site) {
			continue
		}
		tested++
		page, err := extract.LoadSaved(root, name)
		if err != nil {
			return err
		}
		got, err := sites.Expected(page)
		if err != nil {
			return err
		}
		golden := filepath.Join(dir, filepath.FromSlash(extract.GoldenName(name)))
		if update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				return err
			}
			continue
		}
		want, err := os.ReadFile(golden)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			failed++
			fmt.Fprintf(cmd.OutOrStdout(), "%s: no %s; read the page by luutin extract, then --update\n", name, filepath.Base(golden))
		case err != nil:
			return err
		case string(want) != string(got):
			failed++
			fmt.Fprintf(cmd.OutOrStdout(), "%s: differs (-want +got)\n%s", name, cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
		}
	}
	if tested == 0 {
		return fmt.Errorf("no saved pages in %s", filepath.Join(append([]string{dir}, only...)...))
	}
	if !common.quiet {
		fmt.Fprintf(cmd.OutOrStdout(), "%d pages, %d differ\n", tested, failed)
	}
	if failed > 0 {
		return errNo
	}
	return nil
}

func saveCommand(common *flags) *cobra.Command {
	var dir, name, proxy string
	var force bool
	cmd := &cobra.Command{
		Use:   "save SITE URL",
		Short: "Record a page with the article read from it",
		Long: `Save takes a page from the archive, or fetches it when the archive does not
hold it, and writes it to DIR/SITE/NAME.html with the reading beside it. Read
that reading before you rely on it: it is what sites test will ask for. What was
saved under that name before is replaced with --force only.

Pages belong to those who wrote them. What is saved is for your own tests.`,
		Example: `  luutin sites save moj.gov.vn https://moj.gov.vn/qt/tintuc/Pages/hoat-dong.aspx?ItemID=1 --name 2014`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			sites, err := common.loadSites()
			if err != nil {
				return err
			}
			site, raw := args[0], args[1]
			if name != "" && slug.ReplaceAllString(name, "-") != name || strings.HasPrefix(name, ".") {
				return fmt.Errorf("--name %q is no name of a file in the directory of the site: give letters, digits, - and . only", name)
			}
			if sites.Of(raw) != site {
				return fmt.Errorf("%s is not of site %q; the hosts of a site stand in its definition", raw, site)
			}
			page, err := archived(cmd, common, raw)
			if errors.Is(err, store.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
				page, err = fetchOne(cmd.Context(), sites, site, raw, proxy)
			}
			if err != nil {
				return err
			}
			page.Fetched = time.Time{}
			if name == "" {
				name = slug.ReplaceAllString(strings.TrimSuffix(filepath.Base(strings.SplitN(raw, "?", 2)[0]), filepath.Ext(raw)), "-")
			}
			file := filepath.Join(dir, site, name+".html")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			if other, err := extract.LoadSaved(os.DirFS(filepath.Dir(file)), filepath.Base(file)); err == nil && other.URL != page.URL {
				return fmt.Errorf("%s is a page of another URL, %s; give this one another --name", file, other.URL)
			}
			for _, f := range []string{file, extract.GoldenName(file)} {
				if _, err := os.Lstat(f); err == nil && !force {
					return fmt.Errorf("%s is there already; --force replaces it, --name gives this page another name", f)
				}
			}
			if err := os.WriteFile(file, extract.SaveText(page), 0o644); err != nil {
				return err
			}
			if page, err = extract.LoadSaved(os.DirFS(filepath.Dir(file)), filepath.Base(file)); err != nil {
				return err
			}
			golden, err := sites.Expected(page)
			if err != nil {
				return err
			}
			if err := os.WriteFile(extract.GoldenName(file), golden, 0o644); err != nil {
				return err
			}
			if !common.quiet {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s\n%s: read it beside the page before you rely on it\n", file, extract.GoldenName(file))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "pages", "testdata/sites", "the `directory` to write to")
	cmd.Flags().StringVar(&name, "name", "", "the `name` of the files (default: from the URL)")
	cmd.Flags().BoolVar(&force, "force", false, "replace what was saved under that name")
	cmd.Flags().StringVar(&proxy, "proxy", "", "the `URL` of an HTTP proxy")
	return cmd
}

var slug = regexp.MustCompile(`[^\p{L}\p{N}.-]+`)

// archived returns the page that an archived article was read from.
func archived(cmd *cobra.Command, common *flags, ref string) (extract.Page, error) {
	a, err := bolt.Open(common.archive, bolt.Options{ReadOnly: true})
	if err != nil {
		return extract.Page{}, err
	}
	defer a.Close()
	v, err := find(cmd, common, a, ref)
	if err != nil {
		return extract.Page{}, err
	}
	var article extract.Article
	if err := json.Unmarshal(v.JSON, &article); err != nil {
		return extract.Page{}, fmt.Errorf("article %s: %w", v.ID, err)
	}
	return a.Capture(cmd.Context(), string(article.Capture))
}

// fetchOne visits one page in an archive that is thrown away: the same
// manners, robots.txt included, as in a crawl.
func fetchOne(ctx context.Context, sites *extract.Sites, site, raw, proxy string) (extract.Page, error) {
	c := crawler.Crawler{Sites: sites}
	if err := setProxy(&c, proxy); err != nil {
		return extract.Page{}, err
	}
	return c.Fetch(ctx, site, raw)
}
