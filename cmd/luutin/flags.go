package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/store/bolt"
)

// flags are those that every command has.
type flags struct {
	archive string
	sites   string
	json    bool
	quiet   bool
}

// readersTime is how long a command that writes waits for those who read: pages
// of luutin serve take a few seconds, an export may take longer.
const readersTime = 30 * time.Second

// openToWrite opens the archive for a command that writes.
func (f *flags) openToWrite(ctx context.Context, o bolt.Options) (*bolt.Archive, error) {
	ctx, cancel := context.WithTimeout(ctx, readersTime)
	defer cancel()
	return bolt.OpenSoon(ctx, f.archive, o)
}

// loadSites returns the built-in definitions and those of --sites.
func (f *flags) loadSites() (*extract.Sites, error) {
	if f.sites == "" {
		return extract.Builtin()
	}
	info, err := os.Stat(f.sites)
	if err != nil {
		return nil, fmt.Errorf("--sites: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("--sites %s: %w; name the directory that holds the definitions", f.sites, fs.ErrInvalid)
	}
	return extract.LoadSites(os.DirFS(f.sites))
}

// completeSites offers the names of sites to the shell.
func (f *flags) completeSites(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	sites, err := f.loadSites()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return sites.Names(), cobra.ShellCompDirectiveNoFileComp
}
