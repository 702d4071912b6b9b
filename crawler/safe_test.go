package crawler

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"luutin/extract"
	"luutin/store"
)

func TestPrivate(t *testing.T) {
	const machine, network, linkLocal, nat, multicast, reserved = "an address of this machine", "an address of a private network",
		"a link-local address", "an address behind a carrier's NAT", "a multicast address", "a reserved address"
	for addr, want := range map[string]string{
		"127.0.0.1": machine, "127.8.9.1": machine, "0.0.0.0": machine, "0.1.2.3": machine, "::1": machine, "::": machine,
		"10.0.0.1": network, "172.16.0.1": network, "172.31.255.255": network, "192.168.1.1": network, "fd00::1": network, "fec0::1": network,
		"169.254.169.254": linkLocal, "fe80::1": linkLocal, "fe80::1%eth0": linkLocal, "fd00:ec2::254": network,
		"100.64.0.1": nat, "100.127.255.255": nat,
		"224.0.0.1": multicast, "239.1.1.1": multicast, "ff02::1": multicast,
		"255.255.255.255": reserved, "240.0.0.1": reserved, "192.0.2.1": reserved, "198.18.0.1": reserved, "2001:db8::1": reserved,
		"2001::1": reserved, "100::1": reserved, "5f00::1": reserved, "64:ff9b:1::1": reserved,
		"::ffff:127.0.0.1": machine, "::ffff:10.0.0.1": network, "::ffff:169.254.169.254": linkLocal, "::127.0.0.1": reserved,
		"64:ff9b::127.0.0.1": machine, "64:ff9b::a00:1": network, "2002:7f00:1::": machine, "2002:c0a8:101::1": network,
		// Public, and beside what is not.
		"203.162.1.1": "", "100.63.255.255": "", "100.128.0.1": "", "172.15.0.1": "", "172.32.0.1": "", "11.0.0.1": "", "169.253.1.1": "",
		"192.169.0.1": "", "223.255.255.254": "", "2400:cb00::1": "", "::ffff:203.162.1.1": "", "64:ff9b::cba2:101": "", "2002:cba2:101::1": "",
	} {
		if got := private(netip.MustParseAddr(addr)); got != want {
			t.Errorf("private(%s) = %q, want %q", addr, got, want)
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, o := range own {
		if p, err := netip.ParsePrefix(o.String()); err == nil && private(p.Addr()) == "" {
			t.Errorf("private(%s) = \"\", though it is this machine's", p.Addr())
		}
	}
}

// local crawls a ministry on a real socket, on the host names of this machine.
func local(t *testing.T, lines string, change func(*Crawler)) (Summary, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	var m ministry
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		m.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	m.set("/list", list("", "/news/1", "/news/moved"))
	m.set("/news/1", news("Tin", ""))
	m.set("/news/moved", "301 http://169.254.169.254/latest/meta-data")
	c := &Crawler{Archive: openArchive(t, t.TempDir()+"/archive"), Delay: -1, Patience: time.Millisecond}
	c.Sites = localSites(t, "http://localhost"+port+"/list", lines)
	change(c)
	s, err := c.Run(t.Context(), []string{"local"})
	if err != nil {
		t.Fatal(err)
	}
	return s, &asked
}

func localSites(t *testing.T, start, lines string) *extract.Sites {
	t.Helper()
	sites, err := extract.LoadSites(fstest.MapFS{"local.toml": &fstest.MapFile{Data: []byte(fmt.Sprintf(`
hosts = ['localhost', '127.0.0.1', '169.254.169.254']
zone = 'Asia/Ho_Chi_Minh'
start = ['%s']
articles = '^/(news|latest|odd)'
%s
[[list]]
url = '^/list'
links = 'li a'
next = 'a.next'
[[layout]]
name = "only"
title = 'h1'
published = '.date'
body = '.body'
`, start, lines))}})
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	s, asked := local(t, "", func(*Crawler) {})
	if got := s.String(); got != "1 visited: 0 added, 1 failed" || asked.Load() != 0 {
		t.Errorf("%s, %d requests came; want one failure and none", got, asked.Load())
	}
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, "is an address of this machine, which is asked only with private = true in the site's definition or with --allow-private") {
		t.Errorf("problems %v", s.Problems)
	}
}

func TestPrivateAddressesAreAllowed(t *testing.T) {
	for name, how := range map[string]struct {
		lines  string
		change func(*Crawler)
	}{
		"by the definition": {"private = true", func(*Crawler) {}},
		"by the flag":       {"", func(c *Crawler) { c.AllowPrivate = true }},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := local(t, how.lines, func(c *Crawler) { how.change(c); c.Limit = 2 })
			if got := s.String(); got != "2 visited: 1 added, 1 list" {
				t.Errorf("%s; %v", got, s.Problems)
			}
		})
	}
}

// A proxy may be anywhere, and what it is asked for by name is its own affair;
// an address is still an address.
func TestPrivateAddressesBehindAProxy(t *testing.T) {
	var m ministry
	proxy := httptest.NewServer(&m)
	defer proxy.Close()
	at, _ := url.Parse(proxy.URL)
	m.set("http://moj.test/list", list("", "/news/1", "/news/meta"))
	m.set("http://moj.test/news/1", news("Tin", ""))
	for _, tt := range []struct{ start, want string }{
		{"http://moj.test/list", "3 visited: 1 added, 1 list, 1 gone"},
		{"http://10.1.2.3/list", "1 visited: 0 added, 1 failed"},
		{"http://[::ffff:10.1.2.3]/list", "1 visited: 0 added, 1 failed"},
		{"http://localhost./list", "1 visited: 0 added, 1 failed"},
	} {
		sites, err := extract.LoadSites(fstest.MapFS{"local.toml": &fstest.MapFile{Data: []byte(fmt.Sprintf(`
hosts = ['moj.test', '10.1.2.3', 'localhost', '::ffff:10.1.2.3']
start = ['%s']
articles = '^/news'
[[list]]
links = 'li a'
[[layout]]
name = "only"
title = 'h1'
body = '.body'
`, tt.start))}})
		if err != nil {
			t.Fatal(err)
		}
		c := &Crawler{Archive: openArchive(t, t.TempDir()+"/archive"), Sites: sites, Proxy: at, Delay: -1, Patience: time.Millisecond, IgnoreRobots: true}
		s, err := c.Run(t.Context(), []string{"local"})
		if err != nil || s.String() != tt.want {
			t.Errorf("%s: %s, %v, want %s; %v", tt.start, s, err, tt.want, s.Problems)
		}
	}
	if got := m.hit("/list"); got != 1 {
		t.Errorf("the proxy was asked %d times for a list, want 1", got)
	}
}

// A connection that one site may have is not there for another.
func TestPrivateConnectionsAreNotShared(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) }))
	defer server.Close()
	var w ways
	for _, terms := range []extract.Terms{{Private: true}, {}, {Private: true, TLS: []string{extract.Expired}}, {TLS: []string{extract.Expired}}} {
		resp, err := (&http.Client{Transport: w.on(terms)}).Get(server.URL)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if errors.Is(err, privateAddress) == terms.Private {
			t.Errorf("%+v: error %v", terms, err)
		}
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (a *authority) sign(t *testing.T, name string, ca bool, from, to time.Time) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to, IsCA: ca, BasicConstraintsValid: true}
	if ca {
		c.KeyUsage = x509.KeyUsageCertSign
	} else {
		c.DNSNames = []string{name}
		if ip := net.ParseIP(name); ip != nil {
			c.DNSNames, c.IPAddresses = nil, []net.IP{ip}
		}
	}
	parent, parentKey := c, key
	if a != nil {
		parent, parentKey = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func TestTLSFaults(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old, new := now.AddDate(-2, 0, 0), now.AddDate(2, 0, 0)
	var nobody *authority
	root := nobody.sign(t, "root", true, old, new)
	middle := root.sign(t, "middle", true, old, new)
	oldMiddle := root.sign(t, "old middle", true, old, now.AddDate(-1, 0, 0))
	leaf := middle.sign(t, "moj.test", false, old, new)
	expired := middle.sign(t, "moj.test", false, old, now.AddDate(0, -1, 0))
	early := middle.sign(t, "moj.test", false, now.AddDate(0, 1, 0), new)
	under := oldMiddle.sign(t, "moj.test", false, old, new)
	self := nobody.sign(t, "moj.test", false, old, new)
	needless := root.sign(t, "middle", true, old, now.AddDate(-1, 0, 0))
	ancient := root.sign(t, "middle", true, old.AddDate(-9, 0, 0), old.AddDate(-1, 0, 0)) // nothing held at its time
	month := middle.sign(t, "moj.test", false, now.AddDate(0, -3, 0), now.AddDate(0, -1, 0))
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	chain := func(as ...*authority) (out []*x509.Certificate) {
		for _, a := range as {
			out = append(out, a.cert)
		}
		return out
	}
	const good, rsa = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_RC4_128_SHA
	for name, tt := range map[string]struct {
		cs   tls.ConnectionState
		want []string
	}{
		"nothing":           {tls.ConnectionState{PeerCertificates: chain(leaf, middle)}, nil},
		"incomplete":        {tls.ConnectionState{PeerCertificates: chain(leaf)}, []string{extract.IncompleteChain}},
		"self-signed":       {tls.ConnectionState{PeerCertificates: chain(self)}, []string{extract.IncompleteChain}},
		"expired":           {tls.ConnectionState{PeerCertificates: chain(expired, middle)}, []string{extract.Expired}},
		"not yet valid":     {tls.ConnectionState{PeerCertificates: chain(early, middle)}, []string{extract.Expired}},
		"expired, chain":    {tls.ConnectionState{PeerCertificates: chain(expired)}, []string{extract.Expired, extract.IncompleteChain}},
		"expired middle":    {tls.ConnectionState{PeerCertificates: chain(under, oldMiddle)}, []string{extract.Expired}},
		"a needless one":    {tls.ConnectionState{PeerCertificates: chain(leaf, middle, needless)}, nil},
		"expired, needless": {tls.ConnectionState{PeerCertificates: chain(month, middle, needless, ancient)}, []string{extract.Expired}},
		"early, needless":   {tls.ConnectionState{PeerCertificates: chain(early, middle, ancient)}, []string{extract.Expired}},
		"wrong name":        {tls.ConnectionState{ServerName: "mof.test", PeerCertificates: chain(leaf, middle)}, []string{extract.WrongName}},
		"old version":       {tls.ConnectionState{Version: tls.VersionTLS10, PeerCertificates: chain(leaf, middle)}, []string{extract.LegacyVersions}},
		"old cipher":        {tls.ConnectionState{CipherSuite: rsa, PeerCertificates: chain(leaf, middle)}, []string{extract.LegacyCiphers}},
		"no certificate":    {tls.ConnectionState{}, []string{extract.IncompleteChain}},
		"everything at one": {tls.ConnectionState{Version: tls.VersionTLS11, CipherSuite: rsa, ServerName: "x", PeerCertificates: chain(expired)}, []string{"expired", "incomplete chain", "legacy ciphers", "legacy versions", "wrong name"}},
	} {
		cs := tt.cs
		if cs.Version == 0 {
			cs.Version = tls.VersionTLS13
		}
		if cs.CipherSuite == 0 {
			cs.CipherSuite = good
		}
		if cs.ServerName == "" {
			cs.ServerName = "moj.test"
		}
		if got := tlsFaults(&cs, "", roots, now); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: faults %v, want %v", name, got, tt.want)
		}
	}
}

// TestTLSTerms asks real servers with odd TLS: none is put up with unless it is
// named, and what was put up with stands in the capture.
func TestTLSTerms(t *testing.T) {
	serve := func(change func(*tls.Config)) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) }))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		cert := (*authority)(nil).sign(t, "localhost", false, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.cert.Raw}, PrivateKey: cert.key}}}
		change(s.TLS)
		s.StartTLS()
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	}
	self := serve(func(*tls.Config) {})
	numbered := strings.Replace(serve(func(c *tls.Config) {
		cert := (*authority)(nil).sign(t, "127.0.0.1", false, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		c.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.cert.Raw}, PrivateKey: cert.key}}
	}), "localhost", "127.0.0.1", 1)
	old := serve(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	weak := serve(func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
	})
	for _, tt := range []struct {
		url     string
		allowed []string
		ok      bool
		want    []string // recorded
	}{
		{self, nil, false, nil},
		{self, []string{extract.Expired, extract.WrongName}, false, nil},
		{self, []string{extract.IncompleteChain}, true, []string{extract.IncompleteChain}},
		{strings.Replace(self, "localhost", "127.0.0.1", 1), []string{extract.IncompleteChain}, false, nil},
		{strings.Replace(self, "localhost", "127.0.0.1", 1), []string{extract.IncompleteChain, extract.WrongName}, true, []string{extract.IncompleteChain, extract.WrongName}},
		{numbered, []string{extract.IncompleteChain}, true, []string{extract.IncompleteChain}},
		{strings.Replace(numbered, "127.0.0.1", "localhost", 1), []string{extract.IncompleteChain}, false, nil},
		{old, []string{extract.IncompleteChain}, false, nil},
		{old, []string{extract.LegacyVersions}, false, nil},
		{old, []string{extract.IncompleteChain, extract.LegacyVersions}, true, []string{extract.IncompleteChain, extract.LegacyVersions}},
		{weak, []string{extract.IncompleteChain}, false, nil},
		{weak, []string{extract.IncompleteChain, extract.LegacyCiphers}, true, []string{extract.IncompleteChain, extract.LegacyCiphers}},
	} {
		lines := "private = true"
		if tt.allowed != nil {
			lines += fmt.Sprintf("\ntls = ['%s']", strings.Join(tt.allowed, "', '"))
		}
		c := &Crawler{Sites: localSites(t, "http://localhost/list", lines), IgnoreRobots: true}
		r, err := c.begin([]string{"local"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := newFetcher(r.web).fetchLease(t.Context(), r, leaseOf(tt.url+"/news/1", r), nil)
		if (err == nil) != tt.ok {
			t.Errorf("%s with %q: error %v", tt.url, tt.allowed, err)
		}
		host := strings.TrimPrefix(tt.url, "https://")
		if want := "certificate of " + host + ": "; err != nil && strings.HasSuffix(err.Error(), "does not allow") && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s with %q: error %v, want %q in front", tt.url, tt.allowed, err, want)
		}
		if err == nil && fmt.Sprint(got.TLS) != fmt.Sprint(tt.want) {
			t.Errorf("%s with %q: recorded %q, want %q", tt.url, tt.allowed, got.TLS, tt.want)
		}
	}
}

func leaseOf(rawURL string, r *run) *store.Lease {
	return &store.Lease{Target: store.Target{URL: rawURL, Site: r.sites[0], Kind: extract.KindArticle}, Host: store.Host(rawURL), Expires: r.now().Add(leaseTime)}
}
