package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"luutin/extract"
	"luutin/store"
	"luutin/store/bolt"
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

// apart refuses a file to be written that belongs to the archive: it would be
// lost.
func (f *flags) apart(flag, name string) error {
	if name == "" || name == "-" {
		return nil
	}
	own, err := bolt.Holds(f.archive, name)
	if err == nil && own {
		err = fmt.Errorf("%s %s: it lies in the archive %s, which would lose what is there; name a file elsewhere", flag, name, f.archive)
	}
	return err
}

// undefined returns the sites of which an archive holds something, and which no
// definition tells of: they cannot be judged.
func undefined(ctx context.Context, a store.Archive, sites *extract.Sites) ([]string, error) {
	held, err := a.Sites(ctx)
	if err != nil {
		return nil, err
	}
	defined := sites.Names()
	return slices.DeleteFunc(held, func(name string) bool { return name == "" || slices.Contains(defined, name) }), nil
}

// sayUndefined names such sites.
func (f *flags) sayUndefined(names []string) string {
	const many = 20
	more := ""
	if n := len(names) - many; n > 0 {
		names, more = names[:many], fmt.Sprintf(" and %d more", n)
	}
	said := "the archive holds sites that are not defined: " + strings.Join(names, ", ") + more + "; "
	if f.sites == "" {
		return said + "name the directory of their definitions with --sites"
	}
	return said + "there is no definition of them in " + f.sites
}

// completeSites offers the names of sites to the shell.
func (f *flags) completeSites(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	sites, err := f.loadSites()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return sites.Names(), cobra.ShellCompDirectiveNoFileComp
}
