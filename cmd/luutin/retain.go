package main

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"luutin/store"
	"luutin/store/bolt"
)

func retainCommand(common *flags) *cobra.Command {
	var (
		rule          store.Retention
		older, larger string
	)
	cmd := &cobra.Command{
		Use:   "retain",
		Short: "Drop the bytes of attachments that are not to be kept any longer",
		Long: `Retain drops the bytes of attachments that fit all that is said: older than an
age, of a media type as the server named it, larger than a size, of a site. What
is known of them stays: URL, headers, size, media type, SHA-256, when they were
fetched, and when and by which rule the bytes were dropped. Visits, the log of
them and its checkpoints do not change. When the same bytes come again they are
kept again, and their age counts from then.

Pages are never dropped: only files that articles link to, and of those none
that are HTML, led to an article, or whose media type the server did not say.
Bytes that several captures of a host have stay until all of these fit.

Look with --dry-run first: what is dropped can only come back from a backup, or
from its site. A backup that is made later still has the large files that it had.
Small files leave room in archive.db, which luutin compact gives back. Nobody else
can have the archive open meanwhile. It may be stopped at any moment and run again.`,
		Example: `  luutin retain --dry-run --older-than 5y --type 'video/*' --larger-than 50MB
  luutin retain --older-than 5y --type 'video/*' --larger-than 50MB
  luutin retain --site moj.gov.vn --type application/zip --type application/x-rar-compressed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var words []string
			if older != "" {
				before, err := ageBefore(time.Now(), older)
				if err != nil {
					return fmt.Errorf("--older-than %w", err)
				}
				rule.Before = before
				words = append(words, "older than "+older)
			}
			for i, t := range rule.Types {
				rule.Types[i] = strings.ToLower(t)
			}
			if len(rule.Types) > 0 {
				words = append(words, strings.Join(rule.Types, " or "))
			}
			if larger != "" {
				n, err := bytesOf(larger)
				if err != nil {
					return fmt.Errorf("--larger-than %w", err)
				}
				rule.Larger = n
				words = append(words, "larger than "+larger)
			}
			if len(rule.Sites) > 0 {
				words = append(words, "of "+strings.Join(rule.Sites, " or "))
			}
			rule.Rule = cmp.Or(strings.Join(words, ", "), "nothing")
			if older == "" && larger == "" && len(rule.Types) == 0 {
				return errors.New("which attachments? Say --older-than, --type or --larger-than, and look with --dry-run first")
			}
			if err := rule.Check(); err != nil {
				return err
			}
			return runRetain(cmd, common, rule)
		},
	}
	f := cmd.Flags()
	f.StringVar(&older, "older-than", "", "whose bytes came longer ago: an `age` in years, weeks, days or hours: 5y, 26w, 90d, 12h")
	f.StringVar(&larger, "larger-than", "", "with more bytes than this `size`: 500KB, 50MB, 2GB, or a number of bytes")
	f.StringArrayVar(&rule.Types, "type", nil, "of this `media type`, such as application/pdf or video/* (may be repeated)")
	f.StringArrayVar(&rule.Sites, "site", nil, "only of this `site` (may be repeated)")
	f.BoolVar(&rule.Dry, "dry-run", false, "say what would be dropped, and drop nothing")
	cmd.RegisterFlagCompletionFunc("site", common.completeSites)
	return cmd
}

// ageBefore is the moment that lies an age back.
func ageBefore(now time.Time, age string) (time.Time, error) {
	n, err := strconv.Atoi(strings.TrimRight(age, "ywdh"))
	if err == nil && n > 0 && n < 10_000 {
		switch age[len(strconv.Itoa(n)):] {
		case "y":
			return now.AddDate(-n, 0, 0), nil
		case "w":
			return now.AddDate(0, 0, -7*n), nil
		case "d":
			return now.AddDate(0, 0, -n), nil
		case "h":
			return now.Add(-time.Duration(n) * time.Hour), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: an age is a number and y, w, d or h, such as 5y", age)
}

// bytesOf reads a size with a unit of a thousand.
func bytesOf(size string) (int64, error) {
	digits := strings.TrimRight(size, "KMGTB")
	scale, known := map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[size[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > 1e18/scale {
		return 0, fmt.Errorf("%s: a size is a number of bytes, or one with KB, MB, GB or TB", size)
	}
	return n * scale, nil
}

func runRetain(cmd *cobra.Command, common *flags, rule store.Retention) (err error) {
	a, err := bolt.OpenSoon(cmd.Context(), common.archive, bolt.Options{ReadOnly: rule.Dry, NoCreate: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	out := cmd.OutOrStdout()
	done, err := a.Retain(cmd.Context(), rule, func(d store.Dropping) {
		if !common.json {
			fmt.Fprintf(out, "%s: %s, %d bytes, fetched %s\n", d.URL, d.Type, d.Length, d.Fetched.Local().Format(time.DateOnly))
			return
		}
		line, err := json.Marshal(struct {
			URL     string    `json:"url"`
			Site    string    `json:"site"`
			Type    string    `json:"type"`
			Length  int64     `json:"length"`
			Fetched time.Time `json:"fetched"`
			SHA256  string    `json:"sha256"`
			Capture string    `json:"capture"`
		}{d.URL, d.Site, d.Type, d.Length, d.Fetched, hex.EncodeToString(d.Digest[:]), d.Capture})
		if err != nil {
			line = fmt.Appendf(nil, `{"error":%q}`, err)
		}
		fmt.Fprintf(out, "%s\n", line)
	})
	if err != nil {
		return err
	}
	if !common.quiet {
		what := "dropped"
		if rule.Dry {
			what = "would be dropped"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%d attachments: %d bodies with %d bytes %s; pages stay", done.Captures, done.Bodies, done.Bytes, what)
		if done.Shared > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), ", and %d bodies that others have which do not fit", done.Shared)
		}
		fmt.Fprintln(cmd.ErrOrStderr())
	}
	if done.Captures == 0 {
		return errNo
	}
	return nil
}
