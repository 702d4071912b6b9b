package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// A fileMeta is one of the two meta pages of a bbolt file.
type fileMeta struct {
	pageSize uint64
	root     uint64 // page of the root bucket
	freelist uint64
	pages    uint64 // all of the file that is in use
	txid     uint64
}

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHead    = 16
	flagBranch  = 0x01
	flagLeaf    = 0x02
	flagFree    = 0x10
	elementHead = 16
)

// Integers of a bbolt file have the order of the machine that wrote it.
var order = binary.NativeEndian

func readMeta(page []byte) (m fileMeta, err error) {
	if len(page) < pageHead+64 {
		return m, errors.New("no meta page")
	}
	b := page[pageHead:]
	switch {
	case order.Uint32(b) != boltMagic:
		return m, errors.New("no bbolt file")
	case order.Uint32(b[4:]) != boltVersion:
		return m, fmt.Errorf("bbolt version %d is not known", order.Uint32(b[4:]))
	}
	sum := fnv.New64a()
	sum.Write(b[:56])
	if sum.Sum64() != order.Uint64(b[56:]) {
		return m, errors.New("checksum of the meta page does not fit")
	}
	return fileMeta{
		pageSize: uint64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), txid: order.Uint64(b[48:]),
	}, nil
}

// readMetas returns the meta pages that are whole, the newest first.
func readMetas(f io.ReaderAt) (metas []fileMeta, first error) {
	buf := make([]byte, 4096)
	n, err := f.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	m, first := readMeta(buf[:n])
	sizes := []uint64{m.pageSize}
	if first == nil {
		metas = append(metas, m)
	} else {
		sizes = sizes[:0]
		for size := uint64(1 << 10); size <= 64<<10; size *= 2 {
			sizes = append(sizes, size)
		}
	}
	for _, size := range sizes {
		n, err := f.ReadAt(buf, int64(size))
		if err != nil && err != io.EOF {
			return nil, err
		}
		if m, err := readMeta(buf[:n]); err == nil && m.pageSize == size {
			metas = append(metas, m)
			break
		}
	}
	if len(metas) == 2 && metas[1].txid > metas[0].txid {
		metas[0], metas[1] = metas[1], metas[0]
	}
	return metas, first
}

// checkFile says whether the file can be an archive and is all there, before
// bbolt maps it: reading a mapped page that is not there kills a process.
func checkFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	if info.Size() == 0 {
		return fmt.Errorf("open archive: %s is empty; bring it back from a backup, or remove it to begin anew", name)
	}
	metas, err := readMetas(f)
	if len(metas) == 0 {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("open archive: %s is no archive or its beginning is damaged (%w); bring it back from a backup", name, err)
	}
	m := metas[0]
	if m.pageSize < 1<<10 || m.pageSize > 64<<10 || m.root >= m.pages || m.pages > 1<<40 {
		return fmt.Errorf("open archive: %s is damaged: its meta page makes no sense; bring it back from a backup", name)
	}
	if need := int64(m.pages * m.pageSize); info.Size() < need {
		return fmt.Errorf("open archive: %s is cut short: %d of %d bytes; bring it back from a backup", name, info.Size(), need)
	}
	return nil
}
