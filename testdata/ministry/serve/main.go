// Command serve puts the sample ministry on a local port.
//
//	go run ./testdata/ministry/serve                      until it is interrupted
//	go run ./testdata/ministry/serve -- COMMAND ARG…      while a command runs
//	go run ./testdata/ministry/serve --edition 3          tell the one that runs
//
// The command finds in its environment LUUTIN_SAMPLE_PROXY, the address to use
// as a proxy, and LUUTIN_SAMPLE_SERVE, this program. Its exit status is passed
// on, and so are interrupts.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"luutin/testdata/ministry"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("serve: ")
	addr := flag.String("addr", "127.0.0.1:0", "the address to listen on")
	edition := flag.Int("edition", 0, "switch the server at $LUUTIN_SAMPLE_PROXY to an edition, and end")
	flag.Parse()
	if *edition != 0 {
		if err := switchTo(*edition); err != nil {
			log.Fatal(err)
		}
		return
	}
	web, err := ministry.New()
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	go func() { log.Fatal(http.Serve(l, web)) }()
	if flag.NArg() == 0 {
		fmt.Printf("The sample ministry is at %s/ for a browser; as a proxy:\n  luutin --sites testdata/ministry/sites --archive DIR crawl --proxy %s bomau-www\n", url, url)
		select {}
	}
	os.Exit(run(flag.Args(), url))
}

// switchTo asks the running server for another edition.
func switchTo(edition int) error {
	url := os.Getenv("LUUTIN_SAMPLE_PROXY")
	if url == "" {
		return errors.New("LUUTIN_SAMPLE_PROXY is not set: no server is known")
	}
	resp, err := http.Post(fmt.Sprintf("%s/_edition?n=%d", url, edition), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("edition %d: %s", edition, resp.Status)
	}
	return nil
}

// run runs a command while the ministry is up, and returns its exit status.
func run(args []string, url string) int {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LUUTIN_SAMPLE_PROXY="+url, "LUUTIN_SAMPLE_SERVE="+self)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		log.Print(err)
		return 127
	}
	go func() {
		for s := range signals {
			// A terminal has sent an interrupt to the command as well.
			if s != os.Interrupt {
				_ = cmd.Process.Signal(s) // it may have ended by now
			}
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		log.Print(err)
		return 127
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}
