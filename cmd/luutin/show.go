package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/extract/change"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/reread"
)

func showCommand(common *flags) *cobra.Command {
	var page bool
	cmd := &cobra.Command{
		Use:   "show URL|ID|CAPTURE",
		Short: "Show an article, or the page it was read from",
		Long: `Show prints the latest version of an article for reading: by its id, or by any
URL that led to it, and since when it is gone from its site, if it is. With
--json it prints the record, with --page the bytes of
the page as they came; the URL may then also be that of an attachment, or of a
page that was cut short or led to no article, and the id that of a capture, as it
stands under "capture" in an article: so earlier pages are printed, too.`,
		Example: `  luutin show https://moj.gov.vn/qt/tintuc/Pages/hoat-dong.aspx?ItemID=1
  luutin show --json URL | jq .provenance
  luutin show --page URL > page.html
  luutin show --page https://moj.gov.vn/van-ban/12.pdf > 12.pdf
  luutin show --page $(luutin history --json URL | head -1 | jq -r .capture) > first.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(common, func(a store.Archive) error {
				v, err := find(cmd, common, a, args[0])
				if errors.Is(err, store.ErrNotFound) && page {
					if t, e := findTarget(cmd, common, a, args[0]); e == nil {
						capture, cut, e := keptOf(cmd.Context(), a, t)
						if e != nil {
							return e
						}
						if cut != "" && !common.quiet {
							fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %s is kept as far as it came: %s\n", t.URL, cut)
						}
						if capture != "" {
							return copyBody(cmd, a, capture)
						}
					}
					if e := copyBody(cmd, a, args[0]); !errors.Is(e, store.ErrNotFound) {
						return e // it is the id of a capture
					}
				}
				if errors.Is(err, store.ErrNotFound) {
					return noArticle(cmd, common, a, args[0], err)
				}
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				if common.json && !page {
					_, err = fmt.Fprintf(out, "%s\n", v.JSON)
					return err
				}
				var article extract.Article
				if err := json.Unmarshal(v.JSON, &article); err != nil {
					return fmt.Errorf("article %s: %w", v.ID, err)
				}
				if page {
					return copyBody(cmd, a, string(article.Capture))
				}
				gone, err := goneSince(cmd.Context(), common, a, &article)
				if err != nil {
					return err
				}
				return printArticle(out, &article, gone)
			})
		},
	}
	cmd.Flags().BoolVar(&page, "page", false, "the page as it came instead of the article")
	return cmd
}

// copyBody prints the body of a capture.
func copyBody(cmd *cobra.Command, a store.Archive, capture string) error {
	body, err := a.Body(cmd.Context(), capture)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), body); err != nil {
		return fmt.Errorf("capture %s: %w", capture, err)
	}
	return nil
}

func historyCommand(common *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "history URL|ID",
		Short: "List the versions of an article, oldest first",
		Long: `History lists every version of an article that the archive holds, oldest first:
its number, when it was fetched, when it says it was published, its title, and
what changed against the one before (luutin diff shows how). An article that is
gone from its site has a version that says so, with the text as it was, and one
more when it is there again. A version that better rules have read again
(luutin reextract) says so. With --json it prints the records.`,
		Example: `  luutin history https://moj.gov.vn/qt/tintuc/Pages/hoat-dong.aspx?ItemID=1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(common, func(a store.Archive) error {
				v, err := find(cmd, common, a, args[0])
				if err != nil {
					return err
				}
				versions, err := a.History(cmd.Context(), v.ID)
				if err != nil {
					return err
				}
				var before *extract.Article
				for _, v := range versions {
					if common.json {
						fmt.Fprintf(cmd.OutOrStdout(), "%s\n", v.JSON)
						continue
					}
					var article extract.Article
					if err := json.Unmarshal(v.JSON, &article); err != nil {
						return fmt.Errorf("article %s, version %d: %w", v.ID, v.Number, err)
					}
					what, when := "fetched  ", v.Fetched
					if !v.Withdrawn.IsZero() {
						what, when = "withdrawn", v.Withdrawn
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%3d  %s %s  published %-16s  %s\n",
						v.Number, what, when.UTC().Format("2006-01-02 15:04"), shortTime(v.Published), article.Title)
					if before != nil {
						d := difference{Change: change.Between(before, &article)}
						fmt.Fprintf(cmd.OutOrStdout(), "     changed: %s\n", d.kinds())
					}
					before = &article
					if err := tellEarlier(cmd, &v, &article); err != nil {
						return err
					}
				}
				if before == nil {
					return nil
				}
				gone, err := goneSince(cmd.Context(), common, a, before)
				if gone != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "     gone since %s\n", gone)
				}
				return err
			})
		},
	}
}

// tellEarlier says how often a version was read again, and what that changed.
func tellEarlier(cmd *cobra.Command, v *store.Version, now *extract.Article) error {
	for i, r := range v.Earlier {
		var old extract.Article
		if err := json.Unmarshal(r.JSON, &old); err != nil {
			return fmt.Errorf("article %s, version %d, an earlier reading: %w", v.ID, v.Number, err)
		}
		next := now
		if i+1 < len(v.Earlier) {
			next = new(extract.Article)
			if err := json.Unmarshal(v.Earlier[i+1].JSON, next); err != nil {
				return fmt.Errorf("article %s, version %d, an earlier reading: %w", v.ID, v.Number, err)
			}
		}
		fields, err := reread.Differing(&old, next)
		if err != nil {
			return fmt.Errorf("article %s, version %d: %w", v.ID, v.Number, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "     read again %s: %s\n", r.Replaced.UTC().Format("2006-01-02 15:04"), strings.Join(fields, ", "))
	}
	return nil
}

// goneSince says since when visits have found an article gone, and why: under
// every URL that led to it. It is "" for one that is still there.
func goneSince(ctx context.Context, common *flags, a store.Archive, article *extract.Article) (string, error) {
	sites, err := common.loadSites()
	if err != nil {
		return "", err
	}
	var names []string
	for _, u := range append([]string{article.URL, article.CanonicalURL}, article.Aliases...) {
		names = append(names, sites.Key(sites.Address(u)), u)
	}
	var since time.Time
	why := ""
	for t, err := range a.Targets(ctx, store.Selection{URLs: names}) {
		switch {
		case err != nil:
			return "", err
		case t.Article != article.ID:
		case t.Gone.IsZero():
			return "", nil
		case t.Gone.After(since):
			since, why = t.Gone, t.Reason
		}
	}
	if since.IsZero() {
		return "", nil
	}
	said := since.Local().Format("2006-01-02 15:04")
	if why != "" {
		said += ": " + why
	}
	return said, nil
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return "no date"
	}
	return t.Format("2006-01-02 15:04")
}

// withArchive opens the archive for reading.
func withArchive(common *flags, f func(store.Archive) error) error {
	a, err := bolt.Open(common.archive, bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer a.Close()
	return f(a)
}

// find returns the latest version of the article that a URL or an id means. A
// URL with http that is known with https, or the reverse, means the same, and so
// does one with www. or without; that is said.
func find(cmd *cobra.Command, common *flags, a store.Archive, ref string) (store.Version, error) {
	ctx := cmd.Context()
	sites, err := common.loadSites()
	if err != nil {
		return store.Version{}, err
	}
	for _, u := range forms(ref) {
		id, err := a.Resolve(ctx, u)
		if errors.Is(err, store.ErrNotFound) { // it may be what readers see of a page that is read elsewhere
			id, err = a.Resolve(ctx, sites.Canonical(sites.Address(u)))
		}
		var v store.Version
		if err == nil {
			v, err = a.Article(ctx, id)
		}
		switch {
		case err == nil:
			sayForm(cmd, common, ref, u)
			return v, nil
		case !errors.Is(err, store.ErrNotFound):
			return store.Version{}, err
		}
	}
	// With www., or without, a page is known as one, and by the URL that came first.
	for t, err := range a.Targets(ctx, store.Selection{URLs: []string{sites.Key(sites.Address(ref))}}) {
		if err != nil {
			return store.Version{}, err
		}
		if t.Article == "" {
			break
		}
		v, err := a.Article(ctx, t.Article)
		if err == nil {
			sayForm(cmd, common, ref, t.URL)
		}
		return v, err
	}
	return store.Version{}, fmt.Errorf("%s: %w; luutin export lists what is", ref, store.ErrNotFound)
}

// forms are a reference and, when it is a URL, the same with the other of http
// and https.
func forms(ref string) []string {
	if rest, ok := strings.CutPrefix(ref, "https://"); ok {
		return []string{ref, "http://" + rest}
	}
	if rest, ok := strings.CutPrefix(ref, "http://"); ok {
		return []string{ref, "https://" + rest}
	}
	return []string{ref}
}

// sayForm says in which form a URL was found when it is not the one asked for.
func sayForm(cmd *cobra.Command, common *flags, ref, found string) {
	if found != ref && !common.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %s is in the archive as %s\n", ref, found)
	}
}

// findTarget returns what is known of a URL that was or is to be visited, with
// http or with https.
func findTarget(cmd *cobra.Command, common *flags, a store.Archive, rawURL string) (store.Target, error) {
	sites, err := common.loadSites()
	if err != nil {
		return store.Target{}, err
	}
	for _, u := range forms(rawURL) {
		for t, err := range a.Targets(cmd.Context(), store.Selection{URLs: []string{sites.Key(sites.Address(u))}}) {
			if err == nil {
				sayForm(cmd, common, rawURL, u)
			}
			return t, err
		}
	}
	return store.Target{}, store.ErrNotFound
}

// keptOf returns the id of the last answer that is kept of a target, "" when
// there is none, and why when it is not whole.
func keptOf(ctx context.Context, a store.Archive, t store.Target) (capture, cut string, err error) {
	if t.Capture != "" {
		return t.Capture, "", nil
	}
	for v, err := range a.Visits(ctx, store.VisitQuery{URLs: []string{t.Known()}}) {
		if err != nil {
			return "", "", err
		}
		if v.Capture != "" {
			capture, cut = v.Capture, ""
			if v.Answer != nil && v.Answer.Truncated != "" {
				cut = v.Reason
			}
		}
	}
	return capture, cut, nil
}

// noArticleError is about a URL that is known and led to no article.
type noArticleError struct{ said string }

func (e *noArticleError) Error() string { return e.said }
func (e *noArticleError) Unwrap() error { return store.ErrNotFound }

// noArticle says what became of a URL that led to no article; err is the error
// when it is not known at all.
func noArticle(cmd *cobra.Command, common *flags, a store.Archive, rawURL string, err error) error {
	t, targetErr := findTarget(cmd, common, a, rawURL)
	if errors.Is(targetErr, store.ErrNotFound) {
		return err
	}
	if targetErr != nil {
		return targetErr
	}
	article := "a"
	if t.Kind == extract.KindArticle || t.Kind == extract.KindAttachment {
		article = "an"
	}
	said := fmt.Sprintf("%s: no article; it is %s %s, state %s", rawURL, article, t.Kind, t.State)
	if !t.Visited.IsZero() {
		said += ", last visited " + t.Visited.Local().Format(time.DateTime)
	}
	if !t.Gone.IsZero() {
		said += ", gone since " + t.Gone.Local().Format(time.DateTime)
	}
	if t.Reason != "" {
		said += ": " + t.Reason
	}
	capture, _, err := keptOf(cmd.Context(), a, t)
	switch {
	case err != nil:
		return err
	case capture != "":
		said += "; luutin show --page prints what came"
	default:
		said += "; nothing of it is kept"
	}
	return &noArticleError{said}
}

func printArticle(w io.Writer, a *extract.Article, gone string) error {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-11s %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "%s\n\n", a.Title)
	if a.Published != nil {
		form := "2006-01-02 15:04 -07:00"
		switch a.PublishedPrecision {
		case "day":
			form = time.DateOnly
		case "month":
			form = "2006-01"
		case "year":
			form = "2006"
		}
		field("published", a.Published.Format(form))
	}
	field("ministry", string(a.Ministry))
	field("section", string(a.Section))
	field("authors", strings.Join(a.Authors, "; "))
	field("source", string(a.Source))
	field("url", a.CanonicalURL)
	for _, u := range a.Aliases {
		field("also at", u)
	}
	field("id", fmt.Sprintf("%s, version %d", a.ID, a.Version))
	field("fetched", a.Fetched.Format(time.RFC3339))
	field("gone since", gone)
	if a.Lead != "" {
		fmt.Fprintf(&b, "\n%s\n", a.Lead)
	}
	fmt.Fprintf(&b, "\n%s\n", a.Body)
	for _, img := range a.Images {
		fmt.Fprintf(&b, "\n[image] %s\n", img.URL)
		if img.Caption != "" {
			fmt.Fprintf(&b, "        %s\n", img.Caption)
		}
	}
	for _, f := range a.Attachments {
		fmt.Fprintf(&b, "\n[%s] %s\n      %s\n", f.Type, f.Name, f.URL)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
