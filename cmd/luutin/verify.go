package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
)

func verifyCommand(common *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check that everything in the archive is whole",
		Long: `Verify reads the whole archive, recomputes every digest and the log of all
visits, follows every reference and checks every signed checkpoint. It names each
record that is damaged, goes on behind it, and never writes. Where the file is
damaged so that it cannot be opened as usual, it reads what can be read. Status 1
means that something is damaged; luutin repair saves the rest. Status 2 means that
this user may not read all of it, so that nobody knows.`,
		Example: `  luutin verify --archive /srv/news`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := bolt.Open(common.archive, bolt.Options{ReadOnly: true, Damaged: true})
			if err != nil {
				return err
			}
			defer a.Close()
			n, denied := 0, 0
			var first store.Problem
			for p := range a.Verify(cmd.Context()) {
				if p.Denied {
					if denied++; denied == 1 {
						first = p
					}
					continue
				}
				n++
				if common.json {
					line, err := json.Marshal(struct {
						Where string `json:"where"`
						What  string `json:"what"`
					}{p.Where, p.What})
					if err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n", line)
					continue
				}
				fmt.Fprintln(cmd.OutOrStdout(), p)
			}
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if denied > 0 {
				other := ""
				if n > 0 {
					other = fmt.Sprintf(" (%d other problems are named above)", n)
				}
				return fmt.Errorf("verify %s: %s; of %d records nothing is known, because this user may not read what they need%s: run the same as a user who may",
					common.archive, first, denied, other)
			}
			if n > 0 {
				if !common.quiet {
					fmt.Fprintf(cmd.ErrOrStderr(), "luutin: %d problems in %s; keep a copy of it before anything else; luutin repair saves what is whole\n", n, common.archive)
				}
				return errNo
			}
			if !common.quiet && !common.json {
				s, err := a.Stats(cmd.Context())
				if err != nil {
					return err
				}
				dropped := ""
				if s.Dropped > 0 {
					dropped = fmt.Sprintf("; %d bodies dropped, of %d bytes", s.Dropped, s.DroppedBytes)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d articles in %d versions, %d captures, %d visits: all whole%s\n", s.Articles, s.Versions, s.Captures, s.Visits, dropped)
				logs, err := a.Former(cmd.Context())
				if err != nil {
					return err
				}
				for _, l := range logs {
					fmt.Fprintf(cmd.OutOrStdout(), "log %s ended on %s (%s): its first %d visits go on in another\n", l.Origin, l.Ended.Local().Format(time.DateOnly), l.Why, l.Kept)
				}
			}
			return nil
		},
	}
}

func versionCommand(common *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of the program and of its reader",
		Long: `Version prints which luutin this is. The reader's version grows whenever the
same page may be read differently than before.`,
		Example: `  luutin version --json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, revision := "unreleased", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				if v := info.Main.Version; v != "" && v != "(devel)" {
					program = v
				}
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			if common.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{
					"version": program, "revision": revision, "reader": extract.Version, "go": runtime.Version(),
				})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "luutin %s, reader %s, %s\n", program, extract.Version, runtime.Version())
			return err
		},
	}
}
