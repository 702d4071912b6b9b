package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"luutin/extract"
)

// flags are those that every command has.
type flags struct {
	archive string
	sites   string
	json    bool
	quiet   bool
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
