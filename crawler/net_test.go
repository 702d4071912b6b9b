package crawler

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"luutin/extract"
)

// A memoryNet is a network without one: servers by host name, reached over
// pipes, so that real servers and the real transport run on a fake clock.
type memoryNet struct {
	mu    sync.Mutex
	hosts map[string]*memoryHost
}

type memoryHost struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (h *memoryHost) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *memoryHost) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *memoryHost) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// serve answers for a host name until the test ends.
func (n *memoryNet) serve(t testing.TB, host string, handler http.Handler) {
	h := &memoryHost{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &httptest.Server{Listener: h, Config: &http.Server{Handler: handler}}
	s.Start()
	t.Cleanup(s.Close)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = map[string]*memoryHost{}
	}
	n.hosts[host] = h
}

func (n *memoryNet) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	h := n.hosts[strings.TrimSuffix(addr, ":80")]
	n.mu.Unlock()
	if h == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no such host")}
	}
	client, server := net.Pipe()
	select {
	case h.conns <- server:
		return client, nil
	case <-h.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// transport is the crawler's own, over the memory net.
func (n *memoryNet) transport(t testing.TB) *http.Transport {
	own := ownTransport(nil, extract.Terms{Private: true})
	own.Proxy, own.DialContext = nil, n.dial
	t.Cleanup(own.CloseIdleConnections)
	return own
}
