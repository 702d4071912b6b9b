package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"luutin/store"
	"luutin/store/bolt"
)

func backupCommand(common *flags) *cobra.Command {
	var noVerify bool
	cmd := &cobra.Command{
		Use:   "backup DIRECTORY",
		Short: "Copy the archive, also while a crawl is running",
		Long: `Backup copies the archive to a directory, as it is at one moment; a crawl may
go on meanwhile. What is copied is an archive like any other: every command reads
it with --archive, and luutin restore brings it back.

A second backup to the same directory copies only what is new of the large
files, and replaces archive.db when the new one is whole and was read through.
One that is stopped leaves the copy that was there, and the same command goes on.
A directory that holds another archive, more of this one, or one that went
another way since, as after another copy was restored, is refused.

What is damaged is named, and the copy that was there stays: status 1. With
--no-verify the copy is not read again, and takes the place of the other.`,
		Example: `  luutin backup /mnt/disk/news
  luutin backup --archive /srv/news --no-verify /mnt/disk/news`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCopy(cmd, common, noVerify, "to "+args[0], func(o bolt.CopyOptions) (bolt.Copied, error) {
				return bolt.Backup(cmd.Context(), common.archive, args[0], o)
			})
		},
	}
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not read the copy again before it takes its place")
	return cmd
}

func restoreCommand(common *flags) *cobra.Command {
	var noVerify bool
	cmd := &cobra.Command{
		Use:   "restore DIRECTORY",
		Short: "Bring the archive back from a backup",
		Long: `Restore copies what luutin backup has made to --archive, which must not exist
or be empty. It is read through before it counts as an archive; one that is
stopped goes on when the same command is given again. The backup stays as it is.`,
		Example: `  luutin restore --archive /srv/news /mnt/disk/news`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCopy(cmd, common, noVerify, "from "+args[0], func(o bolt.CopyOptions) (bolt.Copied, error) {
				return bolt.Restore(cmd.Context(), args[0], common.archive, o)
			})
		},
	}
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not read the copy again before it takes its place")
	return cmd
}

func runCopy(cmd *cobra.Command, common *flags, noVerify bool, where string, do func(bolt.CopyOptions) (bolt.Copied, error)) error {
	progress, end := megabytes(cmd, common, "copied")
	defer end()
	c, err := do(bolt.CopyOptions{
		NoVerify: noVerify,
		Problem:  func(p store.Problem) { fmt.Fprintf(cmd.ErrOrStderr(), "damaged: %s\n", p) },
		Progress: progress,
	})
	if err != nil {
		return err
	}
	if common.json {
		b, err := json.Marshal(struct {
			Articles int   `json:"articles"`
			Versions int   `json:"versions"`
			Captures int   `json:"captures"`
			Visits   int   `json:"visits"`
			Size     int64 `json:"size"`
			Files    int   `json:"files_copied"`
			Bytes    int64 `json:"bytes_copied"`
			Kept     int   `json:"files_kept"`
			Verified bool  `json:"verified"`
		}{c.Stats.Articles, c.Stats.Versions, c.Stats.Captures, c.Stats.Visits, c.Size, c.Files, c.Bytes, c.Kept, !noVerify})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", b)
		return err
	}
	if common.quiet {
		return nil
	}
	how := "all whole"
	if noVerify {
		how = "not verified"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d articles in %d versions, %d captures, %d visits copied %s: %s\narchive.db has %d bytes; large files: %d copied (%d bytes), %d there already\n",
		c.Stats.Articles, c.Stats.Versions, c.Stats.Captures, c.Stats.Visits, where, how, c.Size, c.Files, c.Bytes, c.Kept)
	return err
}

func compactCommand(common *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Write archive.db anew without the room that is free in it",
		Long: `Compact writes the file archive.db anew, with full pages in order, and says how
many bytes it had and has. That is worth it after the first years, or when a
backup or an export was read for long beside a crawl. It needs as much room on
the disk as the new file takes; the old one stays until the new one is whole.
Nobody else can have the archive open meanwhile.`,
		Example: `  luutin compact --archive /srv/news`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			progress, end := megabytes(cmd, common, "written")
			defer end()
			before, after, err := bolt.Compact(cmd.Context(), common.archive, progress)
			if err != nil {
				return err
			}
			if common.json {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "{\"before\":%d,\"after\":%d}\n", before, after)
			} else if !common.quiet {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "archive.db: %d bytes before, %d after\n", before, after)
			}
			return err
		},
	}
}

// megabytes shows on a terminal how far a command is.
func megabytes(cmd *cobra.Command, common *flags, what string) (progress func(int64), end func()) {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || common.quiet || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	var shown time.Time
	return func(n int64) {
		if now := time.Now(); now.Sub(shown) >= interval {
			shown = now
			fmt.Fprintf(f, "\r%d MB %s ", n/1e6, what)
		}
	}, func() { fmt.Fprint(f, "\r\x1b[K") }
}
