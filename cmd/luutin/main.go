// Command luutin crawls the news that ministries publish and keeps it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"luutin/store"
	"luutin/store/bolt"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// The exit statuses, as the help tells them.
const (
	statusYes         = 0
	statusNo          = 1 // nothing matched, differs, damaged, some pages failed
	statusTrouble     = 2 // wrong usage, or the work could not be done
	statusInUse       = 3
	statusInterrupted = 130
)

// errNo ends a command with status 1 when everything has been said already.
var errNo = errors.New("no")

// run is the program without the process around it.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	results := &results{w: out}
	cmd.SetOut(results)
	cmd.SetErr(errOut)
	done, err := cmd.ExecuteContextC(ctx)
	if results.err != nil && (err == nil || errors.Is(err, errNo)) {
		err = fmt.Errorf("write to standard output: %w", results.err)
	}
	var inUse *store.InUse
	var dropped *store.BodyDropped
	switch {
	case err == nil:
		return statusYes
	case errors.Is(err, errNo):
		return statusNo
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "luutin: interrupted"+leaves(done))
		return statusInterrupted
	case errors.Is(err, syscall.EPIPE):
		return statusYes // the reader of a pipe has seen enough
	case errors.Is(err, store.ErrNotFound), errors.Is(err, bolt.ErrDamaged), errors.As(err, &dropped):
		fmt.Fprintf(errOut, "luutin: %v\n", err)
		return statusNo
	case errors.As(err, &inUse):
		fmt.Fprintf(errOut, "luutin: %v; wait for it to end, or stop it\n", err)
		return statusInUse
	}
	fmt.Fprintf(errOut, "luutin: %v\n", err)
	return statusTrouble
}

// leaves says what a command leaves behind that was interrupted.
func leaves(cmd *cobra.Command) string {
	flag := func(name string) string {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			return f.Value.String()
		}
		return ""
	}
	switch cmd.Name() {
	case "export":
		if name := cmp.Or(flag("package"), flag("output")); name != "" && name != "-" {
			return "; nothing was written to " + name
		}
		return "; what was written is not whole"
	case "serve":
		if flag("crawl") != "true" {
			return ""
		}
	case "search", "show", "history", "diff", "families", "stats", "status", "gaps", "extract", "verify", "prove":
		return "; the archive was only read"
	}
	return "; what was committed is kept, and the same command goes on from there"
}

// results is standard output. It remembers an error, so that no command can
// lose one.
type results struct {
	w   io.Writer
	err error
}

func (r *results) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	if err != nil && r.err == nil {
		r.err = err
		var path *fs.PathError
		if errors.As(err, &path) {
			r.err = path.Err
		}
	}
	return n, err
}

func newRoot() *cobra.Command {
	var common flags
	cmd := &cobra.Command{
		Use:   "luutin",
		Short: "Crawl, read and keep the news of ministries",
		Long: `luutin (lưu tin, "keep the news") crawls the news that ministries publish,
reads each page into a clean article, and keeps every page and every version
of every article in one archive.

  luutin crawl moj.gov.vn              visit what is due, keep what is new
  luutin export --site moj.gov.vn      the articles as JSON, one a line
  luutin extract saved.html            read a saved page, archive or not

Exit status: 0 yes; 1 no (nothing matched, differs, damaged, some pages
failed or were blocked); 2 trouble or wrong usage; 3 the archive is in use; 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return noneEmpty(cmd.Flags()) }
	cmd.CompletionOptions.HiddenDefaultCmd = false
	p := cmd.PersistentFlags()
	p.StringVar(&common.archive, "archive", "archive", "the archive's `directory`")
	p.StringVar(&common.sites, "sites", "", "a `directory` of further site definitions")
	p.BoolVar(&common.json, "json", false, "results as JSON, one object a line")
	p.BoolVarP(&common.quiet, "quiet", "q", false, "no progress and no remarks; what failed is named all the same")
	cmd.AddCommand(
		crawlCommand(&common), extractCommand(&common), exportCommand(&common), importCommand(&common), showCommand(&common),
		historyCommand(&common), diffCommand(&common), familiesCommand(&common), searchCommand(&common), indexCommand(&common), statsCommand(&common), statusCommand(&common), gapsCommand(&common),
		serveCommand(&common), sitesCommand(&common), verifyCommand(&common), reextractCommand(&common), backupCommand(&common), restoreCommand(&common), compactCommand(&common),
		proveCommand(&common), checkpointCommand(&common), repairCommand(&common), retainCommand(&common),
		versionCommand(&common),
	)
	return cmd
}

// noneEmpty refuses flags that were given nothing, as by a variable of a shell
// that is not set: to take them for not given would do something else than was
// asked for.
func noneEmpty(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		if err == nil && (len(values) == 0 || slices.Contains(values, "")) {
			err = fmt.Errorf("--%s is given nothing; leave it out, or give it a value", f.Name)
		}
	})
	return err
}
