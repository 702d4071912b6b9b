package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/extract/change"
	"luutin/store"
)

func diffCommand(common *flags) *cobra.Command {
	var (
		from, to int
		format   string
	)
	cmd := &cobra.Command{
		Use:   "diff URL|ID",
		Short: "Show what changed between two versions of an article",
		Long: `Diff compares two versions of an article word by word, the last two where
nothing else is said, and says what the change amounts to: typo, text, headline,
date moved, source, attachments, retraction, deletion, return.

On a terminal what went is red and struck out and what came is green; elsewhere
they are marked as [-what went-] and {+what came+}. Paragraphs that have not
changed are left out. --format html writes a page of its own, --json one object.

The status is 1 when a reader would see the same in both.`,
		Example: `  luutin diff https://moj.gov.vn/qt/tintuc/Pages/hoat-dong.aspx?ItemID=1
  luutin diff --from 1 --to 3 URL
  luutin diff --format html URL > diff.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for flag, number := range map[string]int{"from": from, "to": to} {
				if cmd.Flags().Changed(flag) && number < 1 {
					return fmt.Errorf("--%s %d: versions are counted from 1; luutin history lists them", flag, number)
				}
			}
			if common.json {
				if cmd.Flags().Changed("format") && format != "json" {
					return fmt.Errorf("--json and --format %s do not go together", format)
				}
				format = "json"
			}
			if !slices.Contains([]string{"text", "html", "json"}, format) {
				return fmt.Errorf("--format %q is none of text, html and json", format)
			}
			return withArchive(common, func(a store.Archive) error {
				v, err := find(cmd, common, a, args[0])
				if err != nil {
					return err
				}
				versions, err := a.History(cmd.Context(), v.ID)
				if err != nil {
					return err
				}
				// A repaired archive may not have them all.
				at := func(number int) int {
					return slices.IndexFunc(versions, func(v store.Version) bool { return v.Number == number })
				}
				older, newer := at(from), at(to)
				if to == 0 {
					newer = len(versions) - 1
				}
				if from != 0 && older < 0 || newer < 0 {
					return fmt.Errorf("%s has versions %d to %d; luutin history lists them", args[0], versions[0].Number, versions[len(versions)-1].Number)
				}
				if len(versions) == 1 {
					return fmt.Errorf("%s: %w in a second version: there is nothing to compare", args[0], store.ErrNotFound)
				}
				if from == 0 {
					if older = newer - 1; older < 0 {
						return fmt.Errorf("%s: a version before %d is %w", args[0], to, store.ErrNotFound)
					}
				}
				if to == 0 && older == newer {
					return fmt.Errorf("%s: a version after %d is %w", args[0], from, store.ErrNotFound)
				}
				d, err := newDifference(versions[older], versions[newer])
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				switch format {
				case "json":
					enc := json.NewEncoder(out)
					enc.SetEscapeHTML(false)
					err = enc.Encode(d)
				case "html":
					err = d.page(out)
				default:
					err = d.text(out, isTerminal(out))
				}
				if err == nil && len(d.Change.Fields) == 0 {
					err = errNo
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&from, "from", 0, "the `number` of the older version (default: the one before --to)")
	f.IntVar(&to, "to", 0, "the `number` of the newer version (default: the latest)")
	f.StringVar(&format, "format", "text", "text, html or json")
	return cmd
}

// isTerminal reports whether colours can be shown; NO_COLOR speaks against it.
func isTerminal(w io.Writer) bool {
	if r, ok := w.(*results); ok {
		w = r.w
	}
	return os.Getenv("NO_COLOR") == "" && terminal(w) > 0
}

// A difference is two versions of an article and the way between them.
type difference struct {
	ID     string  `json:"id"`
	URL    string  `json:"url"`
	Title  string  `json:"title"`
	From   version `json:"from"`
	To     version `json:"to"`
	Change change.Change
}

type version struct {
	Number    int       `json:"version"`
	Fetched   time.Time `json:"fetched"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
}

// when is the moment that a version is of, to the minute.
func (v *version) when() string {
	when := v.Withdrawn
	if when.IsZero() {
		when = v.Fetched
	}
	return when.Format("2006-01-02 15:04")
}

func newVersion(v store.Version) version {
	n := version{Number: v.Number, Fetched: v.Fetched.UTC().Truncate(time.Second)}
	if !v.Withdrawn.IsZero() {
		n.Withdrawn = v.Withdrawn.UTC().Truncate(time.Second)
	}
	return n
}

func newDifference(from, to store.Version) (*difference, error) {
	var old, new extract.Article
	for _, x := range []struct {
		v store.Version
		a *extract.Article
	}{{from, &old}, {to, &new}} {
		if err := json.Unmarshal(x.v.JSON, x.a); err != nil {
			return nil, fmt.Errorf("article %s, version %d: %w", x.v.ID, x.v.Number, err)
		}
	}
	return &difference{
		ID: to.ID, URL: new.URL, Title: new.Title, Change: change.Between(&old, &new), From: newVersion(from), To: newVersion(to),
	}, nil
}

// MarshalJSON puts the change beside what it is of.
func (d *difference) MarshalJSON() ([]byte, error) {
	type plain struct {
		ID    string  `json:"id"`
		URL   string  `json:"url"`
		Title string  `json:"title"`
		From  version `json:"from"`
		To    version `json:"to"`
		change.Change
	}
	return json.Marshal(plain{d.ID, d.URL, d.Title, d.From, d.To, d.Change})
}

func (d *difference) kinds() string {
	if len(d.Change.Kinds) == 0 {
		return "nothing that a reader would see"
	}
	var names []string
	for _, k := range d.Change.Kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func changed(line []change.Edit) bool {
	return slices.ContainsFunc(line, func(e change.Edit) bool { return e.Op != "=" })
}

func (d *difference) text(out io.Writer, colours bool) error {
	over := []string{"", ""}
	if colours {
		over = []string{"\x1b[1m", "\x1b[0m"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s%s\n%s\n", over[0], d.Title, over[1], d.URL)
	fmt.Fprintf(&b, "version %d of %s to version %d of %s UTC: %s\n", d.From.Number, d.From.when(), d.To.Number, d.To.when(), d.kinds())
	for _, f := range d.Change.Fields {
		fmt.Fprintf(&b, "\n%s%s%s\n", over[0], f.Name, over[1])
		writeEdits(&b, f.Edits, colours)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeEdits writes the paragraphs that have changed.
func writeEdits(b *strings.Builder, edits []change.Edit, colours bool) {
	went, came := []string{"[-", "-]"}, []string{"{+", "+}"}
	if colours {
		went, came = []string{"\x1b[31;9m", "\x1b[0m"}, []string{"\x1b[32m", "\x1b[0m"}
	}
	same := 0
	skipped := func() {
		if same > 0 {
			fmt.Fprintf(b, "  … %d unchanged\n", same)
		}
		same = 0
	}
	for _, line := range change.Paragraphs(edits) {
		if len(line) == 0 {
			continue
		}
		if !changed(line) {
			same++
			continue
		}
		skipped()
		b.WriteString("  ")
		for _, e := range line {
			switch e.Op {
			case "-":
				b.WriteString(went[0] + e.Text + went[1])
			case "+":
				b.WriteString(came[0] + e.Text + came[1])
			default:
				b.WriteString(e.Text)
			}
		}
		b.WriteByte('\n')
	}
	skipped()
}

// diffPage needs nothing but itself: no script, nothing from elsewhere.
const diffPage = `<!DOCTYPE html>
<html lang="vi">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<style>
:root { color-scheme: light dark }
body { font: 1.05rem/1.6 Georgia, "Noto Serif", serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
h2 { font: 600 .85rem system-ui, sans-serif; text-transform: uppercase; letter-spacing: .05em; margin: 2rem 0 .5rem }
.about, .same { font: .9rem system-ui, sans-serif; opacity: .75; overflow-wrap: anywhere }
del { color: #a4000f; background: #a4000f1a } ins { color: #005a2b; background: #005a2b1a; text-decoration: none; border-bottom: 2px solid }
@media (prefers-color-scheme: dark) { del { color: #ff9a9a; background: #ff9a9a1a } ins { color: #8fe3ad; background: #8fe3ad1a } }
</style>
<h1>%[1]s</h1>
<p class="about">%s<br>%s
`

func (d *difference) page(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, diffPage, html.EscapeString(d.Title), html.EscapeString(d.URL), html.EscapeString(fmt.Sprintf(
		"version %d of %s to version %d of %s UTC: %s", d.From.Number, d.From.when(), d.To.Number, d.To.when(), d.kinds())))
	for _, f := range d.Change.Fields {
		fmt.Fprintf(&b, "<h2>%s</h2>\n", f.Name)
		for _, line := range change.Paragraphs(f.Edits) {
			if len(line) == 0 {
				continue
			}
			b.WriteString("<p>")
			for _, e := range line {
				text := html.EscapeString(e.Text)
				switch e.Op {
				case "-":
					text = "<del>" + text + "</del>"
				case "+":
					text = "<ins>" + text + "</ins>"
				}
				b.WriteString(text)
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
