package crawler

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"luutin/extract"
)

// notPublic are the networks that no public site has an address of.
var notPublic = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this machine"},
	{netip.MustParsePrefix("127.0.0.0/8"), "an address of this machine"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"}, // cloud metadata among them
	{netip.MustParsePrefix("10.0.0.0/8"), "an address of a private network"},
	{netip.MustParsePrefix("172.16.0.0/12"), "an address of a private network"},
	{netip.MustParsePrefix("192.168.0.0/16"), "an address of a private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address behind a carrier's NAT"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a reserved address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a reserved address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a reserved address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/127"), "an address of this machine"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fc00::/7"), "an address of a private network"},
	{netip.MustParsePrefix("fec0::/10"), "an address of a private network"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"}, // Teredo among them
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved address"},
	{netip.MustParsePrefix("3fff::/20"), "a reserved address"},
}

// Networks whose addresses hold one of IPv4, and where in it.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
}

// publicIPv6 is all that has been given out.
var publicIPv6 = netip.MustParsePrefix("2000::/3")

// private says what is private about an address; "" when it is public.
func private(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	for _, e := range embedding {
		if e.prefix.Contains(addr) {
			b := addr.As16()
			return private(netip.AddrFrom4([4]byte(b[e.at : e.at+4])))
		}
	}
	for _, n := range notPublic {
		if n.prefix.Contains(addr) {
			return n.what
		}
	}
	if addr.Is6() && !publicIPv6.Contains(addr) {
		return "a reserved address"
	}
	own, _ := net.InterfaceAddrs() // without them what is left is the list above
	for _, o := range own {
		if p, err := netip.ParsePrefix(o.String()); err == nil && p.Addr().Unmap() == addr {
			return "an address of this machine"
		}
	}
	return ""
}

// refuse is the error for an address that is private, and nil for another.
func refuse(addr netip.Addr) error {
	what := private(addr)
	if what == "" {
		return nil
	}
	return &marked{fmt.Sprintf("%s is %s, which is asked only with private = true in the site's definition or with --allow-private", addr, what), privateAddress}
}

// refuseLiteral looks at a URL whose host is no name that is to be resolved.
// It is all that can be checked of what a proxy is asked for.
func refuseLiteral(u *url.URL) error {
	host := extract.HostName(u.Hostname())
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return refuse(netip.IPv6Loopback())
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return refuse(addr)
	}
	return nil
}

// control refuses private addresses: the ones that are about to be connected
// to, so that no answer of a name server gets round it.
func control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &marked{address + ": an address that is not public", privateAddress}
	}
	return refuse(at.Addr())
}

// viaProxy marks the context of a request that goes to a proxy, which may be
// anywhere. A dial has the context of the request that it is made for.
type viaProxy struct{}

// ownTransport is what a site is fetched through on its terms unless the
// crawler is given another transport.
func ownTransport(proxy *url.URL, terms extract.Terms) *http.Transport {
	open := &net.Dialer{Timeout: usualLimits.connect, KeepAlive: 30 * time.Second}
	guarded := *open
	guarded.Control = control
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if terms.Private || ctx.Value(viaProxy{}) != nil {
				return open.DialContext(ctx, network, addr)
			}
			return guarded.DialContext(ctx, network, addr)
		},
		TLSClientConfig:        tlsConfig(terms.TLS, ""),
		TLSHandshakeTimeout:    usualLimits.connect,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // content codings are undone in decoded, under a limit
	}
	if t.TLSClientConfig.VerifyConnection != nil {
		t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialTLS(ctx, t, terms, network, addr)
		}
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return t
}

// dialTLS opens a connection as net/http does. It knows who is asked, where that is
// an IP address: a tls.ConnectionState does not. What goes through a proxy does not
// come here.
func dialTLS(ctx context.Context, t *http.Transport, terms extract.Terms, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	raw, err := t.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	config := tlsConfig(terms.TLS, host)
	config.ServerName, config.NextProtos = host, []string{"h2", "http/1.1"}
	conn := tls.Client(raw, config)
	ctx, cancel := context.WithTimeout(ctx, t.TLSHandshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// ways are the crawler's own transports, one for each set of terms: what one
// site may is not handed on with a connection.
type ways struct {
	proxy *url.URL

	mu    sync.Mutex
	known map[string]*http.Transport
}

func (w *ways) on(terms extract.Terms) *http.Transport {
	key := fmt.Sprint(terms.Private, terms.TLS)
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.known[key]
	if t == nil {
		t = ownTransport(w.proxy, terms)
		if w.known == nil {
			w.known = map[string]*http.Transport{}
		}
		w.known[key] = t
	}
	return t
}

// termsKey is where a context carries the terms of the site it is about.
type termsKey struct{}

func termsOf(ctx context.Context) extract.Terms {
	terms, _ := ctx.Value(termsKey{}).(extract.Terms)
	return terms
}

// way returns the transport for a request, and the request as it is to be
// sent over it.
func (w *web) way(req *http.Request) (http.RoundTripper, *http.Request, error) {
	if w.transport != nil {
		return w.transport, req, nil
	}
	terms := termsOf(req.Context())
	t := w.ways.on(terms)
	proxy, err := t.Proxy(req)
	if err != nil || proxy == nil {
		return t, req, err
	}
	if !terms.Private {
		if err := refuseLiteral(req.URL); err != nil {
			return nil, nil, err
		}
	}
	return t, req.WithContext(context.WithValue(req.Context(), viaProxy{}, true)), nil
}

// tlsConfig puts up with what the names say, see extract.Terms. host is who is
// asked, and may be "" where that is no IP address.
func tlsConfig(allowed []string, host string) *tls.Config {
	c := &tls.Config{}
	if slices.Contains(allowed, extract.LegacyVersions) {
		c.MinVersion = tls.VersionTLS10
	}
	if slices.Contains(allowed, extract.LegacyCiphers) {
		for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			c.CipherSuites = append(c.CipherSuites, s.ID)
		}
	}
	certificate := []string{extract.IncompleteChain, extract.Expired, extract.WrongName}
	if slices.ContainsFunc(certificate, func(s string) bool { return slices.Contains(allowed, s) }) {
		c.InsecureSkipVerify = true // and verified here instead
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			for _, fault := range tlsFaults(&cs, host, c.RootCAs, time.Now()) {
				if !slices.Contains(allowed, fault) {
					return &faultyTLS{fault}
				}
			}
			return nil
		}
	}
	return c
}

// faultyTLS is the error of a connection that a definition does not allow.
type faultyTLS struct{ fault string }

func (e *faultyTLS) Error() string {
	return e.fault + ", which tls in the site's definition does not allow"
}

// tlsFaults says what is wrong with a connection, by the names that a
// definition allows it by, sorted. host is who was asked, for which there is no
// ServerName when it is an IP address. No roots means those of the machine.
func tlsFaults(cs *tls.ConnectionState, host string, roots *x509.CertPool, now time.Time) (faults []string) {
	if cs.Version < tls.VersionTLS12 {
		faults = append(faults, extract.LegacyVersions)
	}
	if !slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == cs.CipherSuite }) {
		faults = append(faults, extract.LegacyCiphers)
	}
	if len(cs.PeerCertificates) == 0 {
		return append(faults, extract.IncompleteChain)
	}
	leaf := cs.PeerCertificates[0]
	if leaf.VerifyHostname(cmp.Or(cs.ServerName, host)) != nil {
		faults = append(faults, extract.WrongName)
	}
	faults = append(faults, chainFaults(cs.PeerCertificates, roots, now)...)
	slices.SortFunc(faults, cmp.Compare[string])
	return faults
}

// maxChain is how many certificates of a server are looked at: a handful is usual.
const maxChain = 16

// chainFaults says what is wrong with the certificates of a server. They have
// expired when they held at some other moment. Whether they did, one at which one of
// them begins or ends tells; it need not hold for those that nothing depends on, which
// servers send for old devices.
func chainFaults(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) []string {
	chain = chain[:min(len(chain), maxChain)]
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	holds := func(c *x509.Certificate) bool { return !now.Before(c.NotBefore) && !now.After(c.NotAfter) }
	moments := []time.Time{now}
	for _, c := range chain {
		options.Intermediates.AddCert(c)
		moments = append(moments, c.NotAfter, c.NotBefore)
	}
	for i, at := range moments {
		options.CurrentTime = at
		if _, err := chain[0].Verify(options); err != nil {
			continue
		}
		if i == 0 {
			return nil
		}
		return []string{extract.Expired}
	}
	faults := []string{extract.IncompleteChain}
	if !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return !holds(c) }) {
		return faults
	}
	return append(faults, extract.Expired) // nobody can tell which of them matter
}
