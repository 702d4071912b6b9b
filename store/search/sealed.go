package search

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A sealed file is written once and then only read. Behind the data stands a
// CRC-32C of each block of it, and of these, their length: whatever is read is
// what was written, or errDamaged.
//
//	data | 4 bytes of each block | 8 bytes: length of the data | 4 bytes: CRC-32C of these and of the sums | sealMark
const (
	sealBlock = 4096
	sealMark  = "luutseal"
	sealEnd   = 8 + 4 + len(sealMark)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A sealer writes a sealed file.
type sealer struct {
	f     *os.File
	w     *bufio.Writer
	size  int64
	block uint32 // sum of the block that is not full
	sums  []byte
}

func newSealer(f *os.File) *sealer { return &sealer{f: f, w: bufio.NewWriterSize(f, 256<<10)} }

// Write adds data.
func (s *sealer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), sealBlock-int(s.size%sealBlock))
		s.block = crc32.Update(s.block, castagnoli, rest[:n])
		s.size += int64(n)
		rest = rest[n:]
		if s.size%sealBlock == 0 {
			s.sums = binary.LittleEndian.AppendUint32(s.sums, s.block)
			s.block = 0
		}
	}
	return s.w.Write(p)
}

// seal ends the file, which is on the disk then. It does not close it.
func (s *sealer) seal() error {
	if s.size%sealBlock != 0 {
		s.sums = binary.LittleEndian.AppendUint32(s.sums, s.block)
	}
	end := binary.LittleEndian.AppendUint64(s.sums, uint64(s.size))
	end = binary.LittleEndian.AppendUint32(end, crc32.Checksum(end, castagnoli))
	end = append(end, sealMark...)
	if _, err := s.w.Write(end); err != nil {
		return err
	}
	return errors.Join(s.w.Flush(), s.f.Sync())
}

// A sealed file that is read. It is safe for concurrent use.
type sealed struct {
	f    *os.File
	size int64 // of the data
	sums []byte
}

// openSealed opens a sealed file. It returns errDamaged for one that is none.
func openSealed(name string) (*sealed, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	s := &sealed{f: f}
	if err := s.load(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *sealed) load() error {
	info, err := s.f.Stat()
	if err != nil {
		return err
	}
	var end [sealEnd]byte
	if info.Size() < int64(sealEnd) {
		return damaged(s.f.Name(), "it is too short")
	}
	if err := s.readFile(end[:], info.Size()-int64(sealEnd)); err != nil {
		return err
	}
	s.size = int64(binary.LittleEndian.Uint64(end[:]))
	if string(end[12:]) != sealMark || s.size < 0 || s.size > info.Size() || s.size+blocks(s.size)*4+int64(sealEnd) != info.Size() {
		return damaged(s.f.Name(), "its end is missing")
	}
	s.sums = make([]byte, blocks(s.size)*4+8)
	if err := s.readFile(s.sums, s.size); err != nil {
		return err
	}
	if crc32.Checksum(s.sums, castagnoli) != binary.LittleEndian.Uint32(end[8:]) {
		return damaged(s.f.Name(), "its sums do not fit")
	}
	return nil
}

func blocks(size int64) int64 { return (size + sealBlock - 1) / sealBlock }

func damaged(name, what string) error { return fmt.Errorf("%s: %s: %w", name, what, errDamaged) }

// readFile fills b with what is in the file from at on.
func (s *sealed) readFile(b []byte, at int64) error {
	_, err := s.f.ReadAt(b, at)
	if err == io.EOF { // the file has been cut off since it was opened
		return damaged(s.f.Name(), "its end is missing")
	}
	return err
}

// read returns size bytes of the data from at on. They lie in buf, which grows
// where it must and is returned for the next time.
func (s *sealed) read(buf []byte, at, size int64) (data, again []byte, err error) {
	if at < 0 || size < 0 || at > s.size || size > s.size-at {
		return nil, buf, damaged(s.f.Name(), "something in it is said to be beyond its end")
	}
	if size == 0 {
		return nil, buf, nil
	}
	first := at / sealBlock
	from, to := first*sealBlock, min(blocks(at+size)*sealBlock, s.size)
	if int64(cap(buf)) < to-from {
		buf = make([]byte, to-from+(to-from)/4)
	}
	b := buf[:to-from]
	if err := s.readFile(b, from); err != nil {
		return nil, buf, err
	}
	sums := s.sums[first*4:]
	for i := 0; i < len(b); i += sealBlock {
		if crc32.Checksum(b[i:min(i+sealBlock, len(b))], castagnoli) != binary.LittleEndian.Uint32(sums) {
			return nil, buf, damaged(s.f.Name(), fmt.Sprintf("its bytes from %d on are not those that were written", from+int64(i)))
		}
		sums = sums[4:]
	}
	return b[at-from : at-from+size], buf, nil
}

func (s *sealed) close() error { return s.f.Close() }
