package proof_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"luutin/store/proof"
)

func TestLeafText(t *testing.T) {
	for _, c := range []struct {
		name string
		leaf proof.Leaf
		want string
	}{
		{"whole", proof.Leaf{
			Article: "otu7i3ylzyln735tnfemvbkz3q", Digest: "sha256:00", Fetched: time.Date(2026, 1, 30, 23, 50, 0, 5, time.FixedZone("", 7*3600)),
			FinalURL: "https://moj.gov.vn/b", Host: "moj.gov.vn", Length: 3, Post: "q=1", Result: "fetched", Status: 200,
			Time: time.Date(2026, 1, 30, 16, 50, 1, 0, time.UTC), Truncated: "length", URL: "https://moj.gov.vn/a", Version: 2, Visit: 7,
		}, `{"article":"otu7i3ylzyln735tnfemvbkz3q","digest":"sha256:00","fetched":"2026-01-30T16:50:00.000000005Z","final_url":"https://moj.gov.vn/b",` +
			`"host":"moj.gov.vn","length":3,"post":"q=1","result":"fetched","status":200,"time":"2026-01-30T16:50:01Z","truncated":"length","url":"https://moj.gov.vn/a","version":2,"visit":7}`},
		// As RFC 8785 has it: shortest escapes, everything else as it is.
		{"strings", proof.Leaf{URL: "<&>\u2028\u2029\\u2028\"\b\f\n\r\t\x01\x7fẻ\xff\xfe"},
			`{"host":"","length":0,"result":"","status":0,"time":"0001-01-01T00:00:00Z","url":"<&>` + "\u2028\u2029" + `\\u2028\"\b\f\n\r\t\u0001` + "\x7fẻ\ufffd\ufffd" + `","visit":0}`},
	} {
		got, err := c.leaf.Text()
		if err != nil || string(got) != c.want {
			t.Errorf("%s: Text() = %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

// TestProof proves every leaf of logs of many sizes, and changes every byte of
// some proofs.
func TestProof(t *testing.T) {
	secret, public, err := note.GenerateKey(rand.Reader, "luutin/test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := note.GenerateKey(rand.Reader, "luutin/test")
	if err != nil {
		t.Fatal(err)
	}
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (some []tlog.Hash, err error) {
		for _, i := range indexes {
			some = append(some, hashes[i])
		}
		return some, nil
	})
	var leaves [][]byte
	for size := int64(1); size <= 40; size++ {
		leaf := proof.Leaf{URL: strings.Repeat("x", int(size)), Visit: uint64(size)}
		text, err := leaf.Text()
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, text)
		entry, err := tlog.StoredHashes(size-1, text, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, entry...)
		root, err := tlog.TreeHash(size, reader)
		if err != nil {
			t.Fatal(err)
		}
		checkpoint := proof.Checkpoint{Origin: "luutin/test", Size: size, Root: root}
		signed, err := note.Sign(&note.Note{Text: checkpoint.Text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		for i := range size {
			path, err := tlog.ProveRecord(size, i, reader)
			if err != nil {
				t.Fatal(err)
			}
			whole := proof.Proof{Leaf: leaves[i], Index: i, Hashes: path, Checkpoint: signed}
			text := whole.Text()
			check := func(text []byte, keys ...string) error {
				p, err := proof.Parse(text)
				if err != nil {
					return err
				}
				_, _, err = p.Check(keys...)
				return err
			}
			if err := check(text, other, public); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, size, err)
			}
			if check(text, other) == nil || check(text) == nil {
				t.Fatalf("leaf %d of %d: true without the key", i, size)
			}
			if size%13 > 0 || i%5 > 0 {
				continue
			}
			for at := range text {
				bad := bytes.Clone(text)
				bad[at] ^= 1
				if check(bad, public) == nil {
					t.Errorf("leaf %d of %d: true with byte %d changed: %q", i, size, at, bad)
				}
				if check(text[:at], public) == nil {
					t.Errorf("leaf %d of %d: true without what follows byte %d", i, size, at)
				}
			}
		}
	}
}
