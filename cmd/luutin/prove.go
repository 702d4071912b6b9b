package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/proof"
)

func proveCommand(common *flags) *cobra.Command {
	var visit uint64
	var output, check, body string
	var keys []string
	cmd := &cobra.Command{
		Use:   "prove URL|ID",
		Short: "Prove what a page was and when, for somebody who has no archive",
		Long: `Prove writes a proof that the archive has a visit of a URL: its time, its
answer and the SHA-256 of its body, the hashes that lead from there to the root
of the log of all visits, and the checkpoint with that root, signed when a crawl
ended. It is the last visit that brought the page that luutin show --page prints,
or that with the number of --visit. The file is a C2SP tlog-proof; hand it out
with the page and the public key, as below.

With --check it says whether such a file is true: status 0 when the log with that
key holds the visit, 1 when it does not, 2 when the file is no proof. That needs
no archive; without --key the keys are those that have signed in --archive. With
--body it also says whether a file is the body of that visit.`,
		Example: `  luutin show --page URL > page.html
  luutin prove -o page.tlog-proof URL
  luutin checkpoint --public-key > luutin.key
  luutin prove --check page.tlog-proof --key luutin.key --body page.html`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case check == "" && (len(keys) > 0 || body != ""):
				return errors.New("--key and --body go with --check FILE")
			case check != "" && (visit != 0 || output != ""):
				return errors.New("--visit and -o do not go with --check")
			case check != "":
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if check != "" {
				return checkProof(cmd, common, check, body, keys)
			}
			if err := common.apart("-o", output); err != nil {
				return err
			}
			return withArchive(common, func(a store.Archive) error {
				n, err := visitToProve(cmd, common, a, args[0], visit)
				if err != nil {
					return err
				}
				p, err := a.Prove(cmd.Context(), n)
				if err != nil {
					return err
				}
				if output == "" || output == "-" {
					_, err = cmd.OutOrStdout().Write(p.Text())
					return err
				}
				return os.WriteFile(output, p.Text(), 0o666)
			})
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&visit, "visit", 0, "the visit with this `number` instead of the last that brought the page")
	f.StringVarP(&output, "output", "o", "", "write to this `file` instead of standard output")
	f.StringVar(&check, "check", "", "say whether the proof in this `file` is true")
	f.StringArrayVar(&keys, "key", nil, "a `file` of public keys that may have signed, one a line, or such a key; may be given again")
	f.StringVar(&body, "body", "", "with --check: a `file` that should be the body of the visit")
	return cmd
}

// visitToProve returns the number of a visit of what a URL or an id means: with
// number 0 the last that brought what luutin show --page prints.
func visitToProve(cmd *cobra.Command, common *flags, a store.Archive, ref string, number uint64) (uint64, error) {
	sites, err := common.loadSites()
	if err != nil {
		return 0, err
	}
	var urls []string
	capture := ""
	v, err := find(cmd, common, a, ref)
	switch {
	case err == nil:
		var article extract.Article
		if err := json.Unmarshal(v.JSON, &article); err != nil {
			return 0, fmt.Errorf("article %s: %w", v.ID, err)
		}
		capture = string(article.Capture)
		for _, u := range append([]string{article.URL, article.CanonicalURL}, article.Aliases...) {
			urls = append(urls, sites.Key(sites.Address(u)), u)
		}
	case errors.Is(err, store.ErrNotFound):
		t, err := findTarget(cmd, common, a, ref)
		if errors.Is(err, store.ErrNotFound) {
			return 0, fmt.Errorf("%s: %w", ref, store.ErrNotFound)
		}
		if err != nil {
			return 0, err
		}
		urls, capture = []string{t.Known()}, t.Capture
	default:
		return 0, err
	}
	var last, some uint64
	for v, err := range a.Visits(cmd.Context(), store.VisitQuery{URLs: urls}) {
		if err != nil {
			return 0, err
		}
		if v.Number == number {
			return number, nil
		}
		if some = max(some, v.Number); capture != "" && v.Capture == capture && v.Result == store.Fetched {
			last = max(last, v.Number)
		}
	}
	switch {
	case number != 0:
		return 0, fmt.Errorf("visit %d of %s: %w", number, ref, store.ErrNotFound)
	case last == 0 && some == 0:
		return 0, fmt.Errorf("%s was never visited: %w", ref, store.ErrNotFound)
	case last == 0 && capture != "":
		return 0, fmt.Errorf("no visit of %s brought its page, capture %s; luutin verify says what is damaged", ref, capture)
	case last == 0:
		return some, nil // of what it was that it was not there
	}
	return last, nil
}

// publicKeys reads what --key says: keys, and files of them.
func publicKeys(given []string) (keys []string, err error) {
	for _, k := range given {
		if isSecret(k) { // and is not printed
			return nil, errors.New("--key: " + secretGiven)
		}
		if _, err := note.NewVerifier(k); err == nil {
			keys = append(keys, k)
			continue
		}
		text, err := os.ReadFile(k)
		if err != nil {
			return nil, fmt.Errorf("--key %s: it is neither a public key nor a file of them (%w); luutin checkpoint --public-key writes one", k, errors.Unwrap(err))
		}
		lines := strings.Fields(string(text))
		if len(lines) == 0 {
			return nil, fmt.Errorf("--key %s: the file is empty; luutin checkpoint --public-key writes one", k)
		}
		for _, line := range lines {
			if isSecret(line) {
				return nil, fmt.Errorf("--key %s: %s", k, secretGiven)
			}
			if _, err := note.NewVerifier(line); err != nil {
				return nil, fmt.Errorf("--key %s: %.80q is no public key such as luutin checkpoint --public-key prints", k, line)
			}
			keys = append(keys, line)
		}
	}
	return keys, nil
}

// isSecret says whether a text is a key that signs, or a part of one.
func isSecret(text string) bool { return strings.Contains(text, "PRIVATE+KEY") }

const secretGiven = "that is the secret key, with which an archive signs: keep it to yourself; wanted is the public one, which luutin checkpoint --public-key writes"

func checkProof(cmd *cobra.Command, common *flags, name, body string, keys []string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if keys, err = publicKeys(keys); err != nil {
		return err
	}
	if len(keys) == 0 {
		err := withArchive(common, func(a store.Archive) (err error) {
			keys, err = a.Keys(cmd.Context())
			return err
		})
		if err != nil {
			return fmt.Errorf("no --key, and none in the archive: %w", err)
		}
	}
	no := func(err error) error {
		if errors.Is(err, proof.ErrFormat) {
			return fmt.Errorf("%s: %w; luutin prove -o FILE URL writes a proof", name, err)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %s: %v\n", name, err)
		return errNo
	}
	p, err := proof.Parse(text)
	if err != nil {
		return no(err)
	}
	leaf, checkpoint, err := p.Check(keys...)
	if err != nil {
		return no(err)
	}
	if body != "" {
		f, err := os.Open(body)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, f)
		if err != nil {
			return err
		}
		if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); leaf.Digest != got || leaf.Length != n {
			return no(fmt.Errorf("%s is not the body of that visit: it has %d bytes and %s, the visit %d and %s",
				body, n, got, leaf.Length, leaf.Digest))
		}
	}
	out := cmd.OutOrStdout()
	if common.json {
		_, err = fmt.Fprintf(out, "%s\n", p.Leaf)
		return err
	}
	fmt.Fprintf(out, "%s\n%s, %s", leaf.URL, leaf.Time.Format(time.RFC3339), leaf.Result)
	if leaf.Status != 0 {
		fmt.Fprintf(out, ", status %d", leaf.Status)
	}
	if leaf.Digest != "" {
		fmt.Fprintf(out, "\n%d bytes, %s", leaf.Length, leaf.Digest)
		if body != "" {
			fmt.Fprintf(out, ": %s is these bytes", body)
		}
	}
	_, err = fmt.Fprintf(out, "\nvisit %d of the %d that %s has signed: true\n", leaf.Visit, checkpoint.Size, checkpoint.Origin)
	if checkpoint.Follows != "" {
		_, err = fmt.Fprintf(out, "%s\n", followed(checkpoint))
	}
	return err
}

// followed says what a log follows.
func followed(c proof.Checkpoint) string {
	return fmt.Sprintf("%s goes on from %s, of which the first %d visits could be saved when the archive was damaged", c.Origin, c.Follows, c.Kept)
}

func checkpointCommand(common *flags) *cobra.Command {
	var check string
	var public, former bool
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the signed state of the log of all visits",
		Long: `Checkpoint prints the newest checkpoint of the archive: how many visits its log
holds, and the root of their Merkle tree, signed with the key of the archive. Whoever
keeps one of these four lines elsewhere can tell later that no visit before it was
changed or taken out: with --check, which needs the archive, status 1 when one was.
Status 2 means that the file is no checkpoint.
luutin verify does the same with all that the archive keeps itself, and computes
the log anew from the visits.

Whatever writes visits signs a checkpoint when it ends. When one was killed this
command signs; beside a crawl it prints the last one.

--public-key prints the keys with which others check: one a line, the newest
last. The key itself is the file archive.key in the archive, made on first use.

When an archive was damaged so that nobody knows how its log ended, luutin repair
lets it go on as another, and each checkpoint of that one has a line that says
which log it follows, and how many of its visits were saved. --former prints the
statement of each such change, signed with the keys of both logs.`,
		Example: `  luutin checkpoint > checkpoint-2026-01-31
  luutin checkpoint --check checkpoint-2026-01-31
  luutin checkpoint --public-key
  luutin checkpoint --former`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if public || former || check != "" {
				return withArchive(common, func(a store.Archive) error {
					if public {
						return printKeys(cmd, a)
					}
					if former {
						return printFormer(cmd, common, a)
					}
					return checkCheckpoint(cmd, common, a, check)
				})
			}
			signed, err := newestCheckpoint(cmd.Context(), common)
			if err != nil {
				return err
			}
			if common.json {
				line, err := json.Marshal(struct {
					Checkpoint string `json:"checkpoint"`
				}{string(signed)})
				if err != nil {
					return err
				}
				signed = append(line, '\n')
			}
			_, err = cmd.OutOrStdout().Write(signed)
			return err
		},
	}
	cmd.Flags().BoolVar(&public, "public-key", false, "print the keys with which others check what was signed")
	cmd.Flags().StringVar(&check, "check", "", "say whether the log still holds what the checkpoint in this `file` was signed for")
	cmd.Flags().BoolVar(&former, "former", false, "print the statements of a repair about logs that this one follows")
	cmd.MarkFlagsMutuallyExclusive("check", "public-key", "former")
	return cmd
}

// newestCheckpoint signs what is not signed yet, unless somebody else writes.
func newestCheckpoint(ctx context.Context, common *flags) (signed []byte, err error) {
	// What is only read is not made where there is none.
	if err := withArchive(common, func(store.Archive) error { return nil }); err != nil {
		return nil, err
	}
	a, mayNot := bolt.Open(common.archive, bolt.Options{})
	var inUse *store.InUse
	switch {
	case errors.As(mayNot, &inUse):
		err = withArchive(common, func(a store.Archive) (err error) {
			signed, err = a.Checkpoint(ctx)
			return err
		})
		return signed, err
	case errors.Is(mayNot, fs.ErrPermission), errors.Is(mayNot, syscall.EROFS):
		err = withArchive(common, func(a store.Archive) (err error) {
			signed, err = signedLast(ctx, a, mayNot)
			return err
		})
		return signed, err
	case mayNot != nil:
		return nil, mayNot
	}
	signed, err = a.Checkpoint(ctx)
	if closed := a.Close(); err == nil { // which tries the same when that failed
		err = closed
	}
	return signed, err
}

// signedLast is the last checkpoint of an archive to which this user may not
// write, for the reason that is given; it is an error when visits came since.
func signedLast(ctx context.Context, a store.Archive, mayNot error) ([]byte, error) {
	signed, err := a.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	c, err := a.Follows(ctx, signed)
	if err != nil {
		return nil, err
	}
	for v, err := range a.Visits(ctx, store.VisitQuery{Backwards: true}) {
		if err != nil {
			return nil, err
		}
		if v.Number > uint64(c.Size) {
			return nil, fmt.Errorf("the last checkpoint is of %d visits and there are %d, which only who may write can sign: %w", c.Size, v.Number, mayNot)
		}
		break
	}
	return signed, nil
}

func printKeys(cmd *cobra.Command, a store.Archive) error {
	keys, err := a.Keys(cmd.Context())
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("keys: %w; the first is made by luutin checkpoint or at the end of a crawl", store.ErrNotFound)
	}
	for _, k := range keys {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), k); err != nil {
			return err
		}
	}
	return nil
}

func printFormer(cmd *cobra.Command, common *flags, a store.Archive) error {
	logs, err := a.Former(cmd.Context())
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return fmt.Errorf("former log: %w: it has the one that it began with", store.ErrNotFound)
	}
	out := cmd.OutOrStdout()
	for i, l := range logs {
		if common.json {
			line, err := json.Marshal(l)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\n", line)
			continue
		}
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprint(out, l.Statement)
	}
	return nil
}

func checkCheckpoint(cmd *cobra.Command, common *flags, a store.Archive, name string) error {
	signed, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	c, err := a.Follows(cmd.Context(), signed)
	if errors.Is(err, proof.ErrFormat) {
		return fmt.Errorf("%s: %w; luutin checkpoint prints one", name, err)
	}
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %s: %v\n", name, err)
		return errNo
	}
	if common.quiet {
		return nil
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the first %d visits are those that %s has signed\n", c.Size, c.Origin)
	return err
}
