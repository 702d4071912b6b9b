package main

import (
	"fmt"
	"io/fs"
	"os"

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
