package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"luutin/store"
	"luutin/store/bolt"
)

func repairCommand(common *flags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Save what is whole of a damaged archive into a new one",
		Long: `Repair writes all that can be read of --archive into a new archive: records in
damaged pages' neighbours, in pages to which nothing leads any more, and those of
a damaged journal and of a file that is cut short. Indexes, counts and the log of
visits are made anew. The damaged archive stays as it is. It names each record
that is lost, with its URL where that is known; a page whose body is lost is due
again, and the next crawl keeps it if it is still there. Numbers of lost records
are not given again, so signed checkpoints still hold. The new archive remembers
what was lost, and luutin verify finds no fault in it.

Where nobody knows any more what the last visits were, the log of visits goes on
under another name and with another key, and says which one it follows: whoever
keeps a checkpoint of the old one is not to be shown another past by the same name.
Checkpoints of what was saved still hold. luutin checkpoint --former tells of it.

Bring the archive back from a backup rather than this when there is a whole one:
luutin restore. Status 1 means that something was lost.`,
		Example: `  luutin repair --archive /srv/news
  luutin repair --archive /srv/news --output /mnt/disk/news`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			to := output
			if to == "" {
				to = common.archive + "-repaired"
			}
			var failed error
			r, err := bolt.Repair(cmd.Context(), common.archive, to, func(p store.Problem) {
				if !common.json {
					_, failed = fmt.Fprintf(cmd.OutOrStdout(), "lost: %s\n", p)
					return
				}
				line, err := json.Marshal(struct {
					Where string `json:"where"`
					What  string `json:"what"`
				}{p.Where, p.What})
				if err == nil {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", line)
				}
				failed = err
			})
			if err != nil {
				return err
			}
			if failed != nil {
				return failed
			}
			if !common.quiet {
				fmt.Fprintf(cmd.ErrOrStderr(), `%d articles in %d versions, %d captures, %d visits saved in %s; %d records lost.
To put it in place: mv %s %s-damaged && mv %s %s
`, r.Stats.Articles, r.Stats.Versions, r.Stats.Captures, r.Stats.Visits, to, r.Lost, common.archive, common.archive, to, common.archive)
			}
			if r.Lost > 0 {
				return errNo
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the new archive's `directory`; --archive with -repaired when it is not given")
	return cmd
}
