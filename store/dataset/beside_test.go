package dataset

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBeside has several write what is to have one name: what one that still
// writes has made is left alone, and what one has left is removed.
func TestBeside(t *testing.T) {
	name := filepath.Join(t.TempDir(), "all.jsonl")
	file := func(temp string) error { return os.WriteFile(temp, nil, 0o666) }
	dir := func(temp string) error { return os.Mkdir(temp, 0o777) }
	there := func() int {
		names, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".all.jsonl.*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	var releases []func()
	for i, create := range []func(string) error{file, dir, file, dir} {
		_, release, err := Beside(name, create)
		if err != nil {
			t.Fatal(err)
		}
		if releases = append(releases, release); there() != i+1 {
			t.Errorf("%d are there while %d are written", there(), i+1)
		}
	}
	for _, release := range releases {
		release()
	}
	temp, release, err := Beside(name, file)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := os.Stat(temp); err != nil || there() != 1 {
		t.Errorf("%d are there when one is written, %v", there(), err)
	}

	// One that is taken for a leftover before it is held is made again.
	made := 0
	_, release, err = Beside(name, func(temp string) error {
		if made++; made == 1 {
			return nil // and is gone again
		}
		return file(temp)
	})
	if err != nil || made != 2 {
		t.Errorf("made %d times, %v", made, err)
	}
	release()
}
